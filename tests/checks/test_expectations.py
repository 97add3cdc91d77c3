"""Suites derived from the schemas: what passes, and that nothing passes unseen."""

from __future__ import annotations

import pyarrow as pa
import pytest

from assets.tables.schemas import TABLES
from checks import expectations
from checks.expectations import (
    lengths_of_payloads,
    name_schema_check,
    suite_for,
    validate,
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
    import great_expectations.expectations as gxe

    # a suite with an expectation on a column that pandas does not have raises inside Great Expectations
    real = suite_for(TABLES["captures"])
    real.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column="ghost"))
    monkeypatch.setattr(expectations, "suite_for", lambda table: real)
    verdict = validate(TABLES["captures"], rows_of("captures"))
    assert not verdict.passed and verdict.is_blocking
    assert "ghost expect_column_values_to_not_be_null: raised" in verdict.summary


def test_an_expectation_that_was_not_evaluated_fails(rows_of):
    suite = suite_for(TABLES["captures"])
    frame = expectations._to_pandas(rows_of("captures"))
    label = expectations._identify(suite.expectations[0].configuration)
    assert expectations._read_result(label, None, TABLES["captures"], frame) == [
        f"{label}: was not evaluated"
    ]


def test_a_suite_that_cannot_be_built_fails(rows_of, monkeypatch):
    def fail(table):
        raise RuntimeError("no suite")

    monkeypatch.setattr(expectations, "suite_for", fail)
    verdict = validate(TABLES["captures"], rows_of("captures"))
    assert not verdict.passed and verdict.is_blocking and "no suite" in verdict.summary
