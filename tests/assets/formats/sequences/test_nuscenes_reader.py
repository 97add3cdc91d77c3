"""nuScenes: scenes with the times, places and poses of their tables; what the tables lack, and what no kind is for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    ScanObservation,
    SignalObservation,
)
from assets.formats.points.encodings import decode_scan
from assets.formats.sequences import nuscenes_tables
from assets.formats.sequences.sequence_files import matrix_of_pose
from assets.storage import Folder
from bench.prove.readers.scenes import START_US, VERSION, write_scenes

SCENES = ["scene-0061", "scene-0103"]


@pytest.fixture
def root(tmp_path) -> Path:
    write_scenes(tmp_path / "s")
    return tmp_path / "s"


def edit(root: Path, table: str, change) -> None:
    """`change` gets the rows of a table, and alters them."""
    path = root / VERSION / f"{table}.json"
    rows = json.loads(path.read_text())
    change(rows)
    path.write_text(json.dumps(rows))


def test_a_scene_is_a_recording_with_the_times_of_its_tables(root, read_session):
    reading = read_session(root)
    assert not reading.problems and not reading.leftovers
    assert [(p.reader, p.root) for p in reading.plans] == [
        ("nuscenes", f"{VERSION}/{name}") for name in SCENES
    ]
    first = [f for f in reading.frames if f.t_ns < (START_US + 300_000_000) * 1000]
    assert len(first) * 2 == len(reading.frames) == 2 * 2 * 5
    front = [f for f in first if f.sensor == "cam_front"]
    # five files, 250 ms from one to the next
    assert [f.t_ns for f in front] == [
        (START_US + n * 250_000) * 1000 for n in range(5)
    ]
    assert [f.sequence for f in front] == [0, 1, 2, 3, 4]
    folders = [f.source.path.split("/")[0] for f in front]
    assert folders == ["samples", "sweeps", "samples", "sweeps", "samples"]
    scans = [s for s in reading.of(ScanObservation) if s.sensor == "lidar_top"]
    assert len(scans) == 10 and scans[0].t_ns == (START_US + 22) * 1000
    points = decode_scan(scans[0].encoding, scans[0].payload).points
    assert points["intensity"].tolist() == [40, 80]
    assert {s.frame_of_reference for s in scans} == {"lidar_top"}
    radar = [s for s in reading.of(ScanObservation) if s.sensor == "radar_front"]
    assert radar[0].encoding == "pcd" and radar[0].facts.num_points == 2


def test_places_are_of_the_car_and_quaternions_have_w_last(root, read_session):
    reading = read_session(root)
    cameras = {c.sensor: c for c in reading.of(CalibrationObservation)}
    front = cameras["cam_front"]
    assert (front.width_px, front.height_px) == (32, 18)
    assert (front.fx_px, front.fy_px, front.cx_px, front.cy_px) == (
        *(126.6, 126.4),
        *(16.3, 9.8),
    )
    assert not front.distortion
    # a point two metres before the camera lies that far ahead of it on the car
    rig_from_camera = matrix_of_pose(front.rig_from_camera)
    assert np.allclose(rig_from_camera @ [0, 0, 2, 1], [3.7, 0.015, 1.51, 1])
    signals = reading.of(SignalObservation)
    fixed = {s.sensor: s for s in signals if s.kind == "transform"}
    assert fixed.keys() == {"lidar_top", "radar_front"}
    lidar = fixed["lidar_top"]
    assert (lidar.frame_of_reference, lidar.child_frame) == ("ego", "lidar_top")
    # the lidar's y is ahead
    assert np.allclose(matrix_of_pose(lidar.values) @ [0, 1, 0, 0], [1, 0, 0, 0])
    poses = [s for s in signals if s.kind == "pose"]
    assert len(poses) == 2 * 4 * 5
    assert {(p.sensor, p.frame_of_reference, p.child_frame) for p in poses} == {
        ("ego", "world", "ego")
    }
    last = poses[19]
    assert last.values[:3] == (415.25, 1178.75, 0.0)
    # 0.2 rad to the left
    ahead = matrix_of_pose(last.values) @ [1, 0, 0, 0]
    assert np.allclose(ahead, [np.cos(0.2), np.sin(0.2), 0, 0])


def test_boxes_in_3d_are_counted_and_no_boxes_are_made_of_them(root, read_session):
    reading = read_session(root)
    assert not reading.labels
    for plan in reading.plans:
        assert plan.notes["labels not read: 3D boxes"] == "3"
        assert plan.notes["scene"] == "Parked car, turn left"
        assert "singapore-onenorth" in plan.notes["log"]
    assert reading.plans[0].notes["not read: maps"] == "1 pictures of maps"
    assert "not read: maps" not in reading.plans[1].notes


def test_a_part_of_the_files_is_told(root, read_session):
    shutil.rmtree(root / "samples/RADAR_FRONT")
    shutil.rmtree(root / "sweeps/RADAR_FRONT")
    (lost, *_) = sorted((root / "samples/CAM_FRONT").iterdir())
    lost.unlink()
    for path in root.glob("s*/*/*"):
        if int(path.name.split("__")[2].split(".")[0]) > START_US + 300_000_000:
            path.unlink()
    reading = read_session(root)
    (plan,) = reading.plans
    assert plan.root == f"{VERSION}/scene-0061"
    assert plan.notes["not here"] == "all files of 1 scenes"
    assert plan.notes["not here: radar_front"] == "5 files"
    (problem,) = reading.problems
    assert problem.sensor == "cam_front" and lost.name in problem.reason
    front = [f for f in reading.frames if f.sensor == "cam_front"]
    assert [f.sequence for f in front] == [1, 2, 3, 4]


def test_a_row_that_makes_no_sense_costs_that_row(root, read_session):
    def spoil(rows):
        rows[0]["timestamp"] = 1.5
        rows[1]["ego_pose_token"] = "nowhere"
        rows[2]["token"] = rows[3]["token"]

    edit(root, "sample_data", spoil)
    edit(root, "ego_pose", lambda rows: rows[4].update(rotation=[2, 0, 0, 0]))
    reading = read_session(root)
    reasons = {
        p.source.path: p.reason for p in reading.problems if VERSION in p.source.path
    }
    assert reasons[f"{VERSION}/ego_pose.json"] == (
        "1 rows are not read, the first is row 4: quaternion (0.0, 0.0, 0.0, 2.0) has length 2, so it is no rotation"
    )
    assert reasons[f"{VERSION}/sample_data.json"] == (
        "4 rows are not read, the first is row 0: timestamp is '1.5', not a whole number"
    )
    of_scenes = [
        o
        for o in reading.of(FrameObservation) + reading.of(ScanObservation)
        if o.t_ns is not None
    ]
    assert len(of_scenes) == 40 - 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[", "not a table of nuScenes"), ("{}", "it is no list of rows"), ("", "")],
)
def test_a_table_that_cannot_be_read_is_told(root, read_session, text, reason):
    (root / VERSION / "sample_data.json").write_text(text)
    reading = read_session(root)
    told = [p.reason for p in reading.problems if "sample_data" in p.source.path]
    assert len(told) == 1 and reason in told[0]
    # pictures are pictures, without a time
    assert len(reading.frames) >= 20 and {f.t_ns for f in reading.frames} == {None}


def test_tables_that_do_not_all_lie_together_are_named(root, read_session):
    (root / VERSION / "sample_data.json").unlink()
    reading = read_session(root)
    assert all(p.reader != "nuscenes" for p in reading.plans)
    told = {left.file.path: left for left in reading.leftovers}
    left = told[f"{VERSION}/ego_pose.json"]
    assert "not all beside it" in left.reason and "sample_data" in left.remedy


def test_scenes_in_a_zip_are_read_alike(root, read_session, tmp_path):
    (tmp_path / "z").mkdir()
    shutil.make_archive(str(tmp_path / "z" / "mini"), "zip", root)
    reading = read_session(tmp_path / "z")
    (plan,) = reading.plans
    assert plan.notes["read as"] == "nuscenes" and not reading.problems
    assert len(reading.frames) == len(reading.of(ScanObservation)) == 20
    key = f"mini.zip!/{VERSION}/scene-0061: labels not read: 3D boxes"
    assert plan.notes[key] == "3"


def test_a_number_that_was_a_float_is_no_time(lower, root, read_session):
    lower(nuscenes_tables, _MAX_US=START_US + 1)
    reading = read_session(root)
    assert any("not a whole number" in p.reason for p in reading.problems)


def test_intake_keeps_scenes_apart_and_follows_their_tables(tmp_path, open_at, root):
    (tmp_path / "home").mkdir()
    intake = open_at(tmp_path / "home")
    read = intake.catalog.read_latest

    def ingest():
        return intake.ingest(Folder(str(root)), "drives")

    def count(table: str) -> dict[str, int]:
        names = {r["capture_id"]: r["path"] for r in read("captures").to_pylist()}
        found: dict[str, int] = {}
        for row in read(table, ["capture_id"]).to_pylist():
            name = names[row["capture_id"]].split("/")[-1]
            found[name] = found.get(name, 0) + 1
        return found

    report = ingest()
    assert report.problems == report.quarantined == 0
    each = dict.fromkeys(SCENES, 1)
    for table, number in (
        *(("frames", 10), ("scans", 10), ("calibrations", 2)),
        ("signals", 22),
    ):
        assert count(table) == {name: number for name in each}, table
    before = set(read("signals", ["signal_id"])["signal_id"].to_pylist())

    # touched, and the same: nothing changes
    os.utime(root / VERSION / "ego_pose.json", ns=(5, 5))
    ingest()
    assert set(read("signals", ["signal_id"])["signal_id"].to_pylist()) == before

    # another calibration: that of before goes, for both scenes
    def turn(rows):
        for row in rows:
            row["translation"][0] += 1

    edit(root, "calibrated_sensor", turn)
    ingest()
    assert count("calibrations") == {name: 2 for name in each}
    assert count("signals") == {name: 22 for name in each}
    ahead = {r["rig_from_camera"][0] for r in read("calibrations").to_pylist()}
    assert ahead == {2.7, 1.03}
    assert len(read("frames", ["frame_id"])) == 20
