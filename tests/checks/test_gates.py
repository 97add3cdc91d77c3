"""Write, check, publish: what a gate lets through, what it holds, and that it reads what it publishes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from assets.tables.releases import hash_content
from assets.tables.run_pointers import made_in_run, point_in_run, pointed_in_run
from assets.tables.schemas import TABLES, content_id
from assets.terms.judging import write_terms
from assets.terms.policy import Policy
from checks.gates import GATES, INTAKE_TABLES, TASK_GATES, gate_session, gate_task
from checks.verdicts import stops_flow


@pytest.fixture
def write(catalog, rows_of, image_rows):
    """write("monday"): a session of three images, with its capture; **columns bend the frames."""

    def build(session: str, num_frames: int = 3, **columns) -> pa.Table:
        capture = content_id("capture", session)
        ids = [content_id(session, i) for i in range(3)]
        frames = image_rows(
            3,
            **({"session": session, "capture_id": capture, "frame_id": ids} | columns),
        )
        catalog.merge("frames", frames)
        row = rows_of(
            "captures",
            1,
            capture_id=capture,
            session=session,
            num_frames=num_frames,
            num_signals=0,
            num_labels=0,
            num_problems=0,
        )
        catalog.merge("captures", row)
        return frames

    return build


def names(verdicts) -> list[str]:
    return [v.name for v in verdicts]


def failed(verdicts) -> list[str]:
    return [v.name for v in verdicts if not v.passed]


def test_a_good_session_is_published(catalog, write):
    write("monday")
    assert len(catalog.read("frames")) == 0
    verdicts = gate_session(catalog, "frames", "monday")
    assert failed(verdicts) == []
    assert tuple(names(verdicts)) == GATES["frames"].names
    assert len(catalog.read("frames")) == 3


def test_a_bad_session_is_held_with_the_reason_and_its_neighbour_is_not(catalog, write):
    write("monday")
    write("tuesday", payload=b"other bytes")
    assert not stops_flow(gate_session(catalog, "frames", "monday"))
    verdicts = gate_session(catalog, "frames", "tuesday")
    assert stops_flow(verdicts) and "frames_match_their_hashes" in failed(verdicts)
    assert set(catalog.read("frames")["session"].to_pylist()) == {"monday"}
    held = [p for p in catalog.publications("frames") if p["is_held"]]
    assert [p["session"] for p in held] == ["tuesday"]
    assert "frames_match_their_hashes: 3 of 3 frames" in held[0]["reason"]


def test_a_session_is_judged_by_its_own_rows(catalog, write):
    write("monday", payload=b"other bytes")
    write("tuesday")
    assert failed(gate_session(catalog, "frames", "tuesday")) == []


def test_a_warning_does_not_hold(catalog, write, rows_of):
    frames = write("monday")
    corners = {
        "x_min": 1,
        "y_min": 1,
        "x_max": [1, *(3 + 1.5 * (n % 8) for n in range(39))],  # the first has no width
        "y_max": [9, *(3 + 1.5 * (n // 8) for n in range(39))],
    }
    frame_id = frames["frame_id"][0].as_py()
    catalog.merge(
        "labels", rows_of("labels", 40, task="detection", frame_id=frame_id, **corners)
    )
    verdicts = gate_session(catalog, "labels", "monday")
    assert failed(verdicts) == ["boxes_have_area"]
    assert len(catalog.read("labels")) == 40


# what people say, what a server keeps, and exams: a home may never have any
FILLED_BY_OTHERS = {
    "agent_exams",
    "agent_marks",
    "guidelines",
    "label_agreements",
    "label_pushes",
    "label_versions",
    "consents",
    "release_labels",
    "request_drift",
    "request_windows",
    "requests",
    # of sessions under a privacy policy alone
    "anonymised_frames",
    "privacy_policies",
    "sealed_frames",
    "sealed_recordings",
    "unsealings",
}


@pytest.mark.parametrize("table", sorted(FILLED_BY_OTHERS))
def test_tables_that_others_fill_pass_with_the_reason(table, catalog):
    verdicts = gate_session(catalog, table, None)
    assert tuple(names(verdicts)) == GATES[table].names and failed(verdicts) == []
    assert verdicts[0].empty_reason


@pytest.mark.parametrize(
    "table", sorted(set(GATES) - FILLED_BY_OTHERS - {"releases", "release_frames"})
)
def test_no_gate_opens_for_a_table_that_does_not_exist(table, catalog):
    session = "monday" if table in INTAKE_TABLES else None
    verdicts = gate_session(catalog, table, session)
    assert tuple(names(verdicts)) == GATES[table].names
    assert failed(verdicts) == names(verdicts)
    assert not catalog.exists("publications")


@pytest.mark.parametrize("table", INTAKE_TABLES)
def test_no_gate_opens_for_a_session_without_captures(table, catalog, write):
    write("monday")
    for name in INTAKE_TABLES:
        catalog.merge(name, TABLES[name].schema.empty_table())
    assert stops_flow(gate_session(catalog, table, "sunday"))


@pytest.mark.parametrize("table", ["signals", "calibrations", "labels", "quarantine"])
def test_tables_that_this_session_does_not_fill_pass_with_the_reason(
    table, catalog, write
):
    write("monday")
    verdicts = gate_session(catalog, table, "monday")
    assert failed(verdicts) == []
    assert all(
        v.num_checked == 0 and v.summary.startswith("no rows: ") for v in verdicts
    )


def test_frames_that_captures_counted_may_not_be_missing(catalog, write):
    write("monday")
    catalog.delete("frames", "session = 'monday'")  # its capture still counts three
    assert stops_flow(gate_session(catalog, "frames", "monday"))
    assert failed(gate_session(catalog, "captures", "monday")) == [
        "captures_hold_what_they_counted"
    ]


def test_a_session_of_signals_alone_may_have_no_frames(catalog, rows_of):
    catalog.merge("captures", rows_of("captures", 1, num_frames=0, num_signals=5))
    assert failed(gate_session(catalog, "frames", "monday")) == []
    assert failed(gate_session(catalog, "frame_quality", "monday")) == []


@pytest.mark.parametrize(
    ("kinds", "t_ns", "is_open"),
    [
        (["transform", "transform"], [5, 5], True),  # /tf_static, sent again
        (["transform", "transform"], [5, 6], False),
        (["transform", "imu"], [5, 5], False),
    ],
)
def test_a_session_of_fixed_transforms_alone_has_no_clock_to_report(
    kinds, t_ns, is_open, catalog, rows_of
):
    signals = rows_of(
        "signals", 2, capture_id=content_id(0), sensor="tf", kind=kinds, t_ns=t_ns
    )
    catalog.merge("captures", rows_of("captures", 1, num_frames=0, num_signals=2))
    catalog.merge("signals", signals)
    catalog.merge("clock_reports", TABLES["clock_reports"].schema.empty_table())
    verdicts = gate_session(catalog, "clock_reports", "monday")
    assert (failed(verdicts) == []) is is_open


def test_a_column_that_is_missing_in_the_store_fails_and_holds(catalog, write):
    write("monday")
    catalog.dataset("frames").drop_columns(["sensor"])
    verdicts = gate_session(catalog, "frames", "monday")
    assert "frames_rows_match_schema" in failed(
        verdicts
    ) and "timestamps_are_monotonic" in failed(verdicts)
    assert "frames_have_calibration" in failed(verdicts)
    assert len(catalog.read("frames", ["frame_id"])) == 0


def test_what_is_judged_is_what_is_published(catalog, write):
    write("monday")
    gate_session(catalog, "frames", "monday")
    judged = catalog.latest_version("frames")
    write("tuesday", payload=b"other bytes")
    assert catalog.published_version("frames") == judged


def test_a_session_key_that_is_none_is_refused(catalog):
    with pytest.raises(ValueError, match="no session key"):
        gate_session(catalog, "frames", "x' OR '1'='1")
    with pytest.raises(ValueError, match="no table 'frame'"):
        gate_session(catalog, "frame", "monday")


def draft(catalog, rows_of, splits=("train", "val", "test"), spoil=False) -> str:
    columns = {
        "frame_id": [content_id(i) for i in range(3)],
        "split": list(splits),
        "class_id": 0,
    }
    content = hash_content(
        "recognition", ["cup"], rows_of("release_frames", 3, **columns)
    )
    ids = [content_id(content, i) for i in range(3)]
    catalog.merge(
        "release_frames",
        rows_of("release_frames", 3, row_id=ids, release_id=content[:32], **columns)[
            : 2 if spoil else 3
        ],
    )
    catalog.merge(
        "releases",
        rows_of(
            "releases",
            1,
            release_id=content[:32],
            content_sha256=content,
            num_frames=3,
            num_labels=3,
            class_names=[["cup"]],
            task="recognition",
        ),
    )
    write_terms(catalog, content[:32], rows_of("release_frames", 3), Policy())
    catalog.point("draft/recognition", content[:32])
    return content[:32]


def judge_release(catalog):
    return gate_task(
        catalog, ("curation", "{task}_dataset"), "recognition", Path("nowhere")
    )


def test_a_good_release_becomes_the_one_that_training_reads(catalog, rows_of):
    release_id = draft(catalog, rows_of)
    assert catalog.pointed("release/recognition") is None
    assert failed(judge_release(catalog)) == []
    assert catalog.pointed("release/recognition") == release_id
    assert (
        len(catalog.read("releases")) == 1 and len(catalog.read("release_frames")) == 3
    )


def test_a_bad_release_leaves_the_one_before(catalog, rows_of):
    first = draft(catalog, rows_of)
    judge_release(catalog)
    draft(catalog, rows_of, splits=("train", "train", "test"))
    assert failed(judge_release(catalog)) == ["every_release_split_has_frames"]
    assert catalog.pointed("release/recognition") == first


def test_a_release_that_lost_a_row_does_not_pass(catalog, rows_of):
    draft(catalog, rows_of, spoil=True)
    assert "release_matches_its_hash" in failed(judge_release(catalog))


def test_without_a_draft_model_or_scores_nothing_passes(catalog, tmp_path):
    for asset in TASK_GATES:
        verdicts = gate_task(catalog, asset, "detection", tmp_path)
        assert verdicts and all(v.stops for v in verdicts)


def test_a_model_without_its_package_is_held(catalog, rows_of, tmp_path):
    models = rows_of("models", 1, folder="models/recognition/gone")
    catalog.merge("models", models)
    catalog.point("model/recognition", models["model_sha256"][0].as_py())
    verdicts = gate_task(catalog, ("training", "{task}"), "recognition", tmp_path)
    assert failed(verdicts) == [
        "package_is_the_one_named",
        "loss_decreased",
        "weights_are_finite",
    ]
    assert len(catalog.read("models")) == 0


def test_scores_of_the_newest_model_are_published(catalog, rows_of, tmp_path):
    scores = rows_of("scores", 2)
    catalog.merge("scores", scores)
    catalog.point("model/recognition", scores["model_sha256"][1].as_py())
    assert (
        failed(
            gate_task(catalog, ("evaluation", "{task}_scores"), "recognition", tmp_path)
        )
        == []
    )


def test_a_run_is_judged_by_what_it_made_itself_whatever_another_made_since(
    catalog, rows_of, tmp_path
):
    scores = rows_of("scores", 2)
    catalog.merge("scores", scores)
    mine, other = scores["model_sha256"].to_pylist()
    point_in_run(catalog, "model/recognition", mine, "run-1")
    point_in_run(catalog, "model/recognition", other, "run-2")
    asset = ("evaluation", "{task}_scores")
    assert not failed(gate_task(catalog, asset, "recognition", tmp_path, "run-1"))
    assert pointed_in_run(catalog, "scored/recognition", "run-1") == mine
    assert made_in_run(catalog, "scored/recognition", "run-2") is None
    gate_task(catalog, asset, "recognition", tmp_path, "run-2")
    assert pointed_in_run(catalog, "scored/recognition", "run-1") == mine
    assert pointed_in_run(catalog, "scored/recognition", "run-2") == other
    assert pointed_in_run(catalog, "model/recognition", "run-3") == other
