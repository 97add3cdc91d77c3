"""The truth of a recording without labels is that of the same recording with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.capture.simulation.truth import SimulatedTruth

SPEC = SimulationSpec(1, 0.4, 3, "unseen_object", width_px=96, height_px=72, rate_hz=5)


def test_what_is_told_of_a_bare_recording_is_what_the_labelled_one_says(
    tmp_path, intake
):
    from assets.storage import Folder

    simulate(tmp_path / "labelled", SPEC)
    simulate(tmp_path / "bare", replace(SPEC, is_labelled=False))
    for session in ("labelled", "bare"):
        intake.ingest(Folder(str(tmp_path / session)), session)
    tables = {
        name: intake.catalog.read_latest(name).to_pylist()
        for name in ("frames", "labels")
    }
    assert {row["session"] for row in tables["labels"]} == {"labelled"}
    truth = SimulatedTruth([SPEC])
    checked = 0
    for frame in tables["frames"]:
        if (frame["session"], frame["sensor"]) != ("bare", "left"):
            continue
        told = truth.tell("sim_s3_unseen_object_000", "left", frame["t_ns"]).objects
        assert sorted((o.class_name, *o.box_xyxy) for o in told) == read_boxes(
            tables, frame["t_ns"]
        )
        checked += len(told)
    assert checked and "cone" in {row["class_name"] for row in tables["labels"]}


def read_boxes(tables: dict, t_ns: int) -> list[tuple]:
    """Class and box of what the labelled recording says of that moment."""
    ids = {
        f["frame_id"]
        for f in tables["frames"]
        if f["session"] == "labelled" and f["t_ns"] == t_ns
    }
    sides = ("x_min", "y_min", "x_max", "y_max")
    return sorted(
        (row["class_name"], *(row[side] for side in sides))
        for row in tables["labels"]
        if row["frame_id"] in ids and row["task"] == "detection"
    )


def test_a_recording_that_nobody_simulated_is_not_known():
    with pytest.raises(KeyError, match="sim_s9_000"):
        SimulatedTruth([SPEC]).tell("sim_s9_000", "left", 0)
