"""KITTI odometry: pictures with the times of their lines, projections, and poses of camera 0."""

from __future__ import annotations

import numpy as np
import pytest

from assets.formats.observations import CalibrationObservation, SignalObservation
from assets.formats.sequences.sequence_files import matrix_of_pose

STILL = "1 0 0 0 0 1 0 0 0 0 1 0"
# a quarter turn to the right about y, 2 m ahead: the camera's z is the world's x
TURNED = "0 0 1 0 0 1 0 0 -1 0 0 2"
CALIB = "P0: 700 0 16 0 0 700 12 0 0 0 1 0\nP1: 700 0 16 -350 0 700 12 0 0 0 1 0\nTr: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"


def write_sequence(
    make_image, count: int = 3, folder: str = "sequences/00"
) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {
        f"{folder}/image_{camera}/{n:06d}.png": make_image(
            10 * camera + n, ending=".png"
        )
        for n in range(count)
        for camera in range(2)
    }
    files[f"{folder}/times.txt"] = "0.000000e+00\n1.037400e-01\n1.207300e+02\n"
    files[f"{folder}/calib.txt"] = CALIB
    files["poses/00.txt"] = f"{STILL}\n{STILL}\n{TURNED}\n"
    return files


def test_pictures_poses_and_cameras(write_files, read_session, make_image):
    reading = read_session(write_files(write_sequence(make_image)))
    assert [(p.reader, p.root) for p in reading.plans] == [
        ("kitti_odometry", "sequences/00")
    ]
    assert not reading.problems and not reading.leftovers
    times = {(f.sensor, f.sequence): f.t_ns for f in reading.frames}
    assert times == {
        (f"image_{c}", n): t
        for c in (0, 1)
        for n, t in enumerate((0, 103_740_000, 120_730_000_000))
    }
    left, right = reading.of(CalibrationObservation)
    assert (left.fx_px, left.cx_px, left.cy_px, left.width_px) == (700, 16, 12, 32)
    assert left.rig_from_camera == (0, 0, 0, 0, 0, 0, 1)
    assert np.allclose(right.rig_from_camera, [0.5, 0, 0, 0, 0, 0, 1])
    poses = reading.of(SignalObservation)
    assert [
        (s.kind, s.t_ns, s.sequence, s.frame_of_reference, s.child_frame) for s in poses
    ] == [("pose", times["image_0", n], n, "world", "image_0") for n in range(3)]
    ahead = matrix_of_pose(poses[2].values) @ [0, 0, 1, 1]
    assert np.allclose(ahead, [1, 0, 2, 1])
    assert "0.1 ms" in reading.plans[0].notes["clock"]


def test_lines_keep_their_numbers(write_files, read_session, make_image):
    files = write_sequence(make_image)
    files["sequences/00/times.txt"] = "0.0\n\n0.25\n"
    files["poses/00.txt"] = f"{STILL}\n\n{TURNED}\n"
    del files["sequences/00/image_1/000000.png"]
    reading = read_session(write_files(files))
    assert not reading.problems
    assert {(f.sensor, f.sequence): f.t_ns for f in reading.frames} == {
        ("image_0", 0): 0,
        ("image_0", 1): None,
        ("image_0", 2): 250_000_000,
        ("image_1", 1): None,
        ("image_1", 2): 250_000_000,
    }
    assert [(s.sequence, s.t_ns) for s in reading.of(SignalObservation)] == [
        (0, 0),
        (2, 250_000_000),
    ]
    notes = reading.plans[0].notes
    assert (
        notes["times without a picture of image_1"] == "1: 000000"
        and "clock" not in notes
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("poses/00.txt", f"{STILL}\n{STILL}\n", "has 2 poses for 3 pictures"),
        ("poses/00.txt", f"{STILL}\n" * 4, "line 4: times.txt has 3 lines"),
        (
            "poses/00.txt",
            f"{STILL}\n1 0 0\n{STILL}\n",
            "line 2: 3 values where 12 are needed",
        ),
        (
            "poses/00.txt",
            f"{STILL}\n{STILL.replace('1', '3')}\n{STILL}\n",
            "line 2: its 3x3 block is no rotation",
        ),
        ("sequences/00/times.txt", "0\nnow\n1\n", "line 2: 'now' is not a time"),
        (
            "sequences/00/calib.txt",
            CALIB.replace("P1", "P9"),
            "image_1 has no calibration: P1: there is no P1",
        ),
    ],
)
def test_what_makes_no_sense_is_told_and_the_rest_stays(
    write_files, read_session, make_image, name, text, reason
):
    reading = read_session(write_files(write_sequence(make_image) | {name: text}))
    (problem,) = reading.problems
    assert reason in problem.reason and problem.source.path == name
    assert len(reading.frames) == 6


def test_a_picture_without_a_line_and_a_sequence_without_poses(
    write_files, read_session, make_image
):
    files = write_sequence(make_image, count=4, folder="sequences/11")
    reading = read_session(write_files(files))
    assert len(reading.frames) == 6
    assert {p.source.path for p in reading.problems} == {
        f"sequences/11/image_{c}/000003.png" for c in (0, 1)
    }
    assert "no poses" in reading.plans[0].notes and not reading.of(SignalObservation)
    assert [left.file.path for left in reading.leftovers] == ["poses/00.txt"]


def test_poses_in_the_folder_of_the_sequence(write_files, read_session, make_image):
    files = write_sequence(make_image, folder="drive")
    files["drive/poses.txt"] = files.pop("poses/00.txt")
    reading = read_session(write_files(files))
    assert len(reading.of(SignalObservation)) == 3 and not reading.problems
