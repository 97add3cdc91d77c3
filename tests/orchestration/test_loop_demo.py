"""The closed loop's demo: what it labels and measures is the simulator's truth, and what keeps it open is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from assets.annotation.queue.build import Question, draft_queue, write_queue
from assets.annotation.queue.stored import close_answered
from assets.capture.simulate import SimulationSpec, simulate
from assets.retrieval.asked import trace_asked
from assets.storage import Folder
from assets.tables.schemas import TABLES, content_id, to_table
from orchestration.cli import app
from orchestration.loop_canary import CanaryTrial
from orchestration.loop_demo import Closing
from orchestration.loop_world import DAYS, EXAM, KNOWN, Recall, World

SPEC = SimulationSpec(
    1, 0.4, 3, "unseen_object", width_px=96, height_px=72, rate_hz=5, is_labelled=False
)
MODEL = {"task": "detection", "model_sha256": "a" * 64, "release_id": "1" * 32}
TAKEN = CanaryTrial(400, 200, 0.2, answers_all=True)
RETURNED = CanaryTrial(60, 30, 0.4, answers_all=False, cause="its answers differ")
GOOD = Closing(
    Recall(0, 3, 10), Recall(8, 9, 10), 60, is_promoted=True, num_named=60, canary=TAKEN
)


@pytest.fixture
def world(tmp_path, intake) -> World:
    """One recording of two moments with cones, without labels."""
    simulate(tmp_path / "exam", SPEC)
    intake.ingest(Folder(str(tmp_path / "exam")), "exam")
    catalog = intake.catalog
    for table in ("frames", "captures"):
        catalog.publish(table, "exam", catalog.latest_version(table))
    return World(catalog, [{"exam": [SPEC]}])


def list_left(world: World) -> list[str]:
    rows = world.catalog.read_latest("frames", ["frame_id", "sensor"]).to_pylist()
    return [row["frame_id"] for row in rows if row["sensor"] == "left"]


def answer(world: World, frame_id: str, objects, scores) -> None:
    """Let the model's stored answer be these objects."""
    row = {
        "prediction_id": content_id("prediction", frame_id),
        "frame_id": frame_id,
        "session": "exam",
        "sensor": "left",
        "task": "detection",
        "model_sha256": MODEL["model_sha256"],
        "purpose": "monitoring",
        "boxes_xyxy": [side for _, box in objects for side in box],
        "class_names": [name for name, _ in objects],
        "scores": scores,
        "mask_rles": None,
    }
    world.catalog.merge("predictions", to_table(TABLES["predictions"], [row]))


def test_recall_counts_what_is_called_a_cone_and_what_is_called_anything(world):
    shown = sorted(world.show(list_left(world)))
    counts = []
    for (frame_id, truth), name in zip(shown, ("cone", "ball"), strict=True):
        boxes = [o.box_xyxy for o in truth.objects if o.class_name == "cone"]
        # what is unsure does not count
        found = [(name, box) for box in boxes] + [("cone", box) for box in boxes]
        scores = [0.9] * len(boxes) + [0.1] * len(boxes)
        answer(world, frame_id, found, scores)
        counts.append(len(boxes))
    assert min(counts) > 0
    assert world.measure(MODEL, "exam") == Recall(counts[0], sum(counts), sum(counts))


def test_a_queue_is_answered_as_it_truly_is_and_a_release_names_it(world):
    draft = draft_queue(world.catalog, Question("detection", "random", 3))
    write_queue(world.catalog, draft)
    shown = world.show(draft.rows["frame_id"].to_pylist())
    num_objects = sum(len(truth.objects) for _, truth in shown)
    assert world.answer(draft.queue_id) == num_objects > 0
    assert close_answered(world.catalog) == 3
    assert world.answer(draft.queue_id) == 0
    versions = world.catalog.read_latest("label_versions").to_pylist()
    assert {(v["author_kind"], v["queue_id"]) for v in versions} == {
        ("simulator", draft.queue_id)
    }
    rows = [
        {
            "row_id": content_id("taken", v["version_id"]),
            "release_id": "r" * 32,
            **{name: v[name] for name in ("frame_id", "session", "version_id")},
        }
        for v in versions[:2]
    ]
    table = TABLES["release_labels"]
    world.catalog.merge("release_labels", to_table(table, rows))
    asked = trace_asked(world.catalog, "r" * 32)
    (queue,) = asked["queues"]
    assert (queue["queue_id"], queue["num_frames"]) == (draft.queue_id, 2)
    assert {f["frame_id"] for f in asked["frames"]} == {r["frame_id"] for r in rows}
    assert trace_asked(world.catalog, "s" * 32) == {"queues": [], "frames": []}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"before": Recall(3, 3, 10)}, ["before is not below 0.3"]),
        ({"after": Recall(7, 9, 10)}, ["after does not reach 0.8"]),
        ({"num_asked": 61}, ["61 labels were asked for, 60 at most"]),
        ({"is_promoted": False, "canary": None}, ["the gate did not promote"]),
        ({"canary": RETURNED}, ["it was returned: its answers differ"]),
        ({"num_named": 0}, ["its lineage names no frame"]),
        ({"before": None}, ["no alarm was raised"]),
    ],
)
def test_what_keeps_the_loop_open_is_said(changes, told):
    lacks = replace(GOOD, **changes).lacks
    assert len(lacks) == len(told)
    assert all(part in text for part, text in zip(told, lacks, strict=True))


def test_only_the_days_after_the_first_and_the_exam_show_cones_and_nobody_labelled_them():
    has_new = {
        session: {spec.shift == "unseen_object" for spec in specs}
        for wave in (KNOWN, DAYS, EXAM)
        for session, specs in wave.items()
    }
    assert [s for s, has in has_new.items() if has == {False}] == [*KNOWN, *DAYS][:3]
    assert all(spec.is_labelled for specs in KNOWN.values() for spec in specs)
    assert not any(
        s.is_labelled for specs in [*DAYS.values(), *EXAM.values()] for s in specs
    )
    seeds = [s.seed for w in (KNOWN, DAYS, EXAM) for specs in w.values() for s in specs]
    assert len(set(seeds)) == len(seeds)


def test_the_loop_takes_no_data_of_somebody(monkeypatch, tmp_path):
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["demo", "--loop", "--task", "detection"])
    assert done.exit_code != 0
    assert "leave --source, --task" in str(done.exception)
