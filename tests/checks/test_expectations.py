"""Suites derived from the schemas: what passes, and that nothing passes unseen."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets.tables.schemas import TABLES
from checks import expectations
from checks.expectations import name_schema_check, suite_of, validate
from checks.expected import (
    BETWEEN,
    NOT_NULL,
    Expected,
    expected_of,
    is_proven,
    lengths_of_payloads,
    to_lengths,
)


@pytest.mark.parametrize("name", TABLES)
def test_rows_in_the_schema_pass(name, rows_of):
    verdict = validate(TABLES[name], rows_of(name, 2))
    assert verdict.passed, verdict.summary
    assert (
        verdict.name == name_schema_check(TABLES[name]) == f"{name}_rows_match_schema"
    )
    assert verdict.num_checked == 2


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_fails(name):
    verdict = validate(TABLES[name], TABLES[name].schema.empty_table())
    assert not verdict.passed and verdict.is_blocking
    assert (
        verdict.summary
        == f"there are no rows of {name} to check: an empty check does not pass"
    )


def test_an_empty_table_passes_with_a_reason():
    verdict = validate(
        TABLES["labels"],
        TABLES["labels"].schema.empty_table(),
        "no capture of this session holds labels",
    )
    assert verdict.passed and verdict.num_checked == 0
    assert verdict.summary == "no rows: no capture of this session holds labels"


def test_the_reason_does_not_excuse_bad_rows(rows_of):
    assert not validate(
        TABLES["labels"],
        rows_of("labels", class_name="x").drop_columns(["x_min"]),
        "none",
    ).passed


# key, text, nullable, bytes
@pytest.mark.parametrize("column", ["frame_id", "session", "t_ns", "payload"])
def test_any_missing_column_fails(column, rows_of):
    verdict = validate(TABLES["frames"], rows_of("frames").drop_columns([column]))
    assert not verdict.passed and verdict.is_blocking
    assert f"{column}: the column is missing" in verdict.examples


def test_an_unknown_column_fails(rows_of):
    rows = rows_of("frames").append_column("extra", pa.array([1, 2, 3]))
    assert (
        "expect_table_columns_to_match_set" in validate(TABLES["frames"], rows).summary
    )


@pytest.mark.parametrize(
    ("name", "column", "values", "expectation"),
    [
        (
            "frames",
            "width_px",
            [640, 0, 640],
            "width_px expect_column_values_to_be_between",
        ),
        (
            "frames",
            "kind",
            ["color", "colour", "depth"],
            "kind expect_column_values_to_be_in_set",
        ),
        (
            "frames",
            "sha256",
            ["0" * 64, "0" * 63, "1" * 64],
            "sha256 expect_column_values_to_match_regex",
        ),
        (
            "frames",
            "frame_id",
            ["a" * 32, "a" * 32, "b" * 32],
            "frame_id expect_column_values_to_be_unique",
        ),
        (
            "frames",
            "payload",
            [b"x", b"", b"y"],
            "payload expect_column_values_to_be_between",
        ),
        (
            "frame_quality",
            "brightness",
            [0.0, 1.0, 1.5],
            "brightness expect_column_values_to_be_between",
        ),
        (
            "captures",
            "session",
            ["monday", "Monday!", "x"],
            "session expect_column_values_to_match_regex",
        ),
    ],
)
def test_a_value_out_of_bounds_fails_and_is_named(
    name, column, values, expectation, rows_of
):
    verdict = validate(TABLES[name], rows_of(name, **{column: values}))
    assert not verdict.passed
    assert any(example.startswith(expectation) for example in verdict.examples), (
        verdict.examples
    )


def test_a_null_where_none_may_be_fails(rows_of):
    rows = rows_of("captures")
    fields = [f.with_nullable(True) for f in rows.schema]
    holed = rows.cast(pa.schema(fields)).set_column(
        4, fields[4], pa.array(["mcap", None, "mcap"])
    )
    assert (
        "reader expect_column_values_to_not_be_null: 1 rows"
        in validate(TABLES["captures"], holed).summary
    )


def test_a_type_that_differs_fails(rows_of):
    rows = rows_of("frames")
    index = rows.schema.get_field_index("width_px")
    narrowed = rows.set_column(index, "width_px", rows["width_px"].cast(pa.int32()))
    assert (
        "width_px: type int32, declared int64"
        in validate(TABLES["frames"], narrowed).examples
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_numbers_that_are_not_finite_fail_inside_lists_too(bad, rows_of):
    assert not validate(
        TABLES["signals"], rows_of("signals", values=[[1.0], [1.0, bad], [1.0]])
    ).passed


def test_an_infinity_fails(rows_of):
    verdict = validate(
        TABLES["frame_quality"],
        rows_of("frame_quality", sharpness=[1.0, float("inf"), 1.0]),
    )
    assert "sharpness: 1 numbers are not finite" in verdict.examples


def test_payloads_may_come_as_their_lengths(image_rows):
    lengths = lengths_of_payloads(image_rows())
    assert lengths["payload"].type == pa.int64()
    assert validate(TABLES["frames"], lengths).passed


def test_an_expectation_that_raised_fails(rows_of, monkeypatch):
    # an expectation on a column that is not there raises inside Great Expectations
    expected = [*expected_of(TABLES["captures"]), Expected(NOT_NULL, "ghost")]
    monkeypatch.setattr(expectations, "expected_of", lambda table: expected)
    verdict = validate(TABLES["captures"], rows_of("captures"))
    assert not verdict.passed and verdict.is_blocking
    assert "ghost expect_column_values_to_not_be_null: raised" in verdict.summary


def test_an_expectation_that_was_not_evaluated_fails(rows_of):
    table = TABLES["captures"]
    suite = suite_of(table, expected_of(table))
    frame = to_lengths(rows_of("captures")).to_pandas()
    label = expectations._identify(suite.expectations[0].configuration)
    assert expectations._read_result(label, None, table, frame) == [
        f"{label}: was not evaluated"
    ]


def test_a_suite_that_cannot_be_built_fails(rows_of, monkeypatch):
    def fail(table):
        raise RuntimeError("no suite")

    monkeypatch.setattr(expectations, "expected_of", fail)
    verdict = validate(TABLES["captures"], rows_of("captures"))
    assert not verdict.passed and verdict.is_blocking and "no suite" in verdict.summary


@pytest.mark.parametrize("name", TABLES)
def test_rows_in_the_schema_are_proven_without_great_expectations(name, rows_of):
    table = TABLES[name]
    lengths = to_lengths(rows_of(name, 2))
    assert [e for e in expected_of(table) if not is_proven(e, table, lengths)] == []


TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["color", "monday", "0" * 32, "0" * 64, "a" * 16, "", "color\n"]),
    st.text(max_size=3),
)
NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 255.0, 1e-320, float("nan"), float("inf")]),
)
WHOLE = st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
COLUMNS = [
    (name, column.name)
    for name, table in TABLES.items()
    for column in table.columns
    if column.low is not None
    or column.high is not None
    or column.values
    or column.regex
]


@settings(max_examples=60)
@given(st.data())
def test_what_is_proven_is_met_in_great_expectations(rows_of, data):
    """Of values that hold, that do not, and that lie on the border: a proof is never wrong."""
    name, column = data.draw(st.sampled_from(COLUMNS))
    table = TABLES[name]
    kind = table.column(column).type
    values = {pa.string(): TEXTS, pa.float64(): NUMBERS, pa.int64(): WHOLE}.get(kind)
    assume(values is not None)
    given_values = data.draw(st.lists(values, min_size=1, max_size=4))
    rows = rows_of(name, len(given_values))
    index = rows.schema.get_field_index(column)
    field = rows.schema.field(column).with_nullable(True)
    rows = rows.set_column(index, field, pa.array(given_values, kind))
    mine = [e for e in expected_of(table) if e.column == column]
    proven = [e for e in mine if is_proven(e, table, to_lengths(rows))]
    if proven:
        assert expectations._run_suite(table, proven, to_lengths(rows)) == []


def test_a_proof_is_found_where_values_hold_and_none_where_one_does_not(rows_of):
    table = TABLES["frames"]
    between = next(
        e for e in expected_of(table) if (e.column, e.kind) == ("width_px", BETWEEN)
    )
    good = to_lengths(rows_of("frames", width_px=[1, 2, 640]))
    bad = to_lengths(rows_of("frames", width_px=[1, 0, 640]))
    assert is_proven(between, table, good) and not is_proven(between, table, bad)


def test_a_number_that_is_none_is_no_proof_that_none_is_missing(rows_of):
    table = TABLES["frame_quality"]
    present = Expected(NOT_NULL, "sharpness")
    good = to_lengths(rows_of("frame_quality", sharpness=[1.0, 2.0, 3.0]))
    bad = to_lengths(rows_of("frame_quality", sharpness=[1.0, float("nan"), 3.0]))
    assert is_proven(present, table, good) and not is_proven(present, table, bad)


def test_of_a_column_of_another_type_nothing_is_proven(rows_of):
    table = TABLES["frames"]
    rows = rows_of("frames")
    index = rows.schema.get_field_index("width_px")
    narrowed = rows.set_column(index, "width_px", rows["width_px"].cast(pa.int32()))
    mine = [e for e in expected_of(table) if e.column == "width_px"]
    assert mine and not any(is_proven(e, table, to_lengths(narrowed)) for e in mine)
