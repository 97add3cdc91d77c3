"""Turns of a camera by the poses and the calibration of its capture, and tracks of a camera that jerks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assets.tables.schemas import TABLES, content_id, to_table
from assets.tracking.camera_turns import Motion, read_motion
from assets.tracking.rows import Method
from assets.tracking.session import track_session
from assets.workspace import Workspace
from bench.synthetic_home import plain_row
from tests.assets.tracking.conftest import FRAMES, RELEASE, SHA, publish

CAPTURE = content_id("capture", "monday")
MODEL = {"task": "detection", "model_sha256": SHA, "release_id": RELEASE}
FOCAL_PX = 100.0


def turn(angle: float) -> list[float]:
    return Rotation.from_rotvec([0, angle, 0]).as_quat().tolist()


def make_pose(t_ns: int | None, angle: float, body: str = "rig", number: int = 0):
    given = {"capture_id": CAPTURE, "session": "monday", "kind": "pose", "t_ns": t_ns}
    values = [0.0, 0.0, 0.0, *turn(angle)]
    more = {"values": values, "child_frame": body, "sequence": number}
    name = {"signal_id": content_id("pose", body, t_ns, number)}
    return plain_row("signals", given | more | name) | {"frame_of_reference": None}


def make_calibration(**more):
    size = {"width_px": 160, "height_px": 12, "cx_px": 79.5, "cy_px": 5.5}
    given = {"capture_id": CAPTURE, "session": "monday", "sensor": "cam", **size}
    place = {"rig_from_camera": [0.0, 0.0, 0.0, *turn(0.1)]}
    lens = {"distortion_model": None, "fx_px": FOCAL_PX, "fy_px": FOCAL_PX}
    return plain_row("calibrations", given | place | lens | more)


def find_angles(poses, frames, calibration=None):
    """Degrees about the vertical of each frame; None where turns are not known."""
    bodies: dict[str, list] = {}
    for pose in poses:
        bodies.setdefault(pose["child_frame"], []).append(pose)
    motion = Motion(
        {CAPTURE: bodies}, {CAPTURE: {"cam": calibration or make_calibration()}}
    )
    turns = motion.find_turns(frames, np.arange(len(frames)))
    if turns is None:
        return None
    return Rotation.from_matrix(turns.world_from_camera).as_rotvec()[:, 1].round(9)


def test_turns_are_those_of_the_rig_and_of_the_camera_on_it(frame_rows):
    frames = frame_rows(3).to_pylist()  # at 0, 100 and 200 ms
    poses = [make_pose(0, 0.0), make_pose(200_000_000, 0.4)]
    assert find_angles(poses, frames).tolist() == [0.1, 0.3, 0.5]
    own = [make_pose(0, 0.0, "cam"), make_pose(200_000_000, 0.4, "cam")]
    assert find_angles([*poses, *own], frames).tolist() == [0.0, 0.2, 0.4]


def test_poses_without_a_clock_go_by_number(frame_rows):
    frames = frame_rows(3).to_pylist()
    poses = [make_pose(None, 0.2 * n, number=n) for n in range(3)]
    assert find_angles(poses, frames).tolist() == [0.1, 0.3, 0.5]
    assert find_angles(poses[:2], frames) is None
    untimed = frame_rows(3, t_ns=[None] * 3).to_pylist()
    timed = [make_pose(10**8 * n, 0.2 * n, number=n) for n in range(3)]
    assert find_angles(timed, untimed) is None  # numbers of two counts say nothing


def test_turns_that_are_not_known_of_every_frame_are_none(frame_rows):
    frames = frame_rows(3).to_pylist()
    near = [make_pose(40_000_000, 0.0), make_pose(160_000_000, 0.4)]
    assert find_angles(near, frames).tolist() == [0.1, 0.3, 0.5]
    far = [make_pose(60_000_000, 0.0), make_pose(160_000_000, 0.4)]
    assert find_angles(far, frames) is None
    assert find_angles(near, frames, make_calibration(rig_from_camera=None)) is None
    odd = make_calibration(distortion_model="odd", distortion=[0.1])
    assert find_angles(near, frames, odd) is None
    two = [
        *(p | {"child_frame": "cart"} for p in near),
        *(p | {"child_frame": "arm"} for p in near),
    ]
    assert find_angles(two, frames) is None


@pytest.fixture
def shaken(catalog, frame_rows, answer):
    """One cup that stands still before a camera that jerks to and fro, by more than the cup is wide."""
    rows = frame_rows(FRAMES, width_px=160, height_px=12).to_pylist()
    angles = [0.05 * (-1) ** n for n in range(FRAMES)]
    said = [
        answer(row, [(77.0 - FOCAL_PX * np.tan(angle), 0.9)])
        for row, angle in zip(rows, angles, strict=True)
    ]
    poses = [make_pose(r["t_ns"], a) for r, a in zip(rows, angles, strict=True)]
    place = make_calibration(rig_from_camera=[0.0, 0.0, 0.0, *turn(0.0)])
    captures = [plain_row("captures", {"capture_id": CAPTURE, "session": "monday"})]
    for table, found in (
        ("captures", captures),
        ("frames", rows),
        ("predictions", said),
        ("calibrations", [place]),
        ("signals", poses),
    ):
        publish(catalog, table, to_table(TABLES[table], found))
    return said


def test_what_stands_still_is_one_track_though_the_camera_jerks(catalog, shaken, home):
    workspace = Workspace(home, home / "ray")
    done = track_session(catalog, workspace, MODEL, "monday", Method())
    assert [r["steadiness"] for r in done.recordings] == ["steadied"]
    assert done.num_tracks == 1 and len(done.rows) == FRAMES
    found = [row["x_min"] for row in sorted(done.rows, key=lambda r: r["frame_number"])]
    assert found == pytest.approx([s["boxes_xyxy"][0] for s in shaken], abs=0.1)
    catalog.delete("signals", "kind = 'pose'")
    publish(catalog, "signals", to_table(TABLES["signals"], []))
    assert not read_motion(catalog, "monday").poses
    without = track_session(catalog, workspace, MODEL, "monday", Method())
    assert [r["steadiness"] for r in without.recordings] == ["unknown"]
    assert without.num_tracks == 2  # that of every other frame
