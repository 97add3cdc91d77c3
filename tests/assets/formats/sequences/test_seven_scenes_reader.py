"""7-Scenes: colour, depth and pose tied by the number in their names, without a clock."""

from __future__ import annotations

import numpy as np
import pytest

from assets.formats.observations import CalibrationObservation, SignalObservation
from assets.formats.sequences.sequence_files import matrix_of_pose
from assets.storage import Folder

POSE = "0 -1 0 1.5\n1 0 0 2.5\n0 0 1 3.5\n0 0 0 1\n"
K = "5.85e+02 0 3.2e+02\n0 5.85e+02 2.4e+02\n0 0 1\n"


@pytest.fixture
def scene(make_image):
    files = {"chess/camera-intrinsics.txt": K}
    for number in (3, 10):
        stem = f"chess/frame-{number:06d}"
        files |= {
            f"{stem}.color.png": make_image(number, ending=".png"),
            f"{stem}.depth.png": make_image(number, ending=".png", bits=16),
            f"{stem}.pose.txt": POSE,
        }
    return files


def test_a_scene_has_no_clock_and_the_number_ties_its_parts(
    write_files, read_session, scene
):
    reading = read_session(write_files(scene))
    assert [(p.reader, p.root) for p in reading.plans] == [("7scenes", "chess")]
    assert not reading.problems and not reading.leftovers
    assert [
        (f.sensor, f.kind, f.sequence, f.t_ns, f.depth_m_per_unit)
        for f in reading.frames
    ] == [
        ("color", "color", 3, None, None),
        ("color", "color", 10, None, None),
        ("depth", "depth", 3, None, 0.001),
        ("depth", "depth", 10, None, 0.001),
    ]
    poses = reading.of(SignalObservation)
    assert [
        (p.t_ns, p.sequence, p.frame_of_reference, p.child_frame) for p in poses
    ] == [
        (None, 3, "world", "camera"),
        (None, 10, "world", "camera"),
    ]
    assert poses[0].values == pytest.approx(
        (1.5, 2.5, 3.5, 0, 0, 0.5**0.5, 0.5**0.5)
    ), "a quarter turn about z"
    assert (
        reading.plans[0].notes["numbers skipped between the first and the last frame"]
        == "6"
    )


def test_one_matrix_holds_for_both_and_the_size_is_that_of_the_frames(
    write_files, read_session, scene
):
    calibrations = read_session(write_files(scene)).of(CalibrationObservation)
    assert [
        (c.sensor, c.width_px, c.height_px, c.fx_px, c.cx_px, c.rig_from_camera)
        for c in calibrations
    ] == [
        ("color", 32, 24, 585, 320, None),
        ("depth", 32, 24, 585, 320, None),
    ]


def test_without_intrinsics_there_is_no_calibration(write_files, read_session, scene):
    del scene["chess/camera-intrinsics.txt"]
    reading = read_session(write_files(scene))
    assert (
        not reading.problems
        and not reading.of(CalibrationObservation)
        and len(reading.frames) == 4
    )


def test_frames_that_lost_a_part_are_named(
    write_files, read_session, scene, make_image
):
    del scene["chess/frame-000010.pose.txt"], scene["chess/frame-000003.depth.png"]
    scene["chess/frame-000003.color.jpg"] = make_image(5)
    reading = read_session(write_files(scene))
    assert [p.reason for p in reading.problems] == [
        "frames without a depth file, 1: 000003",
        "frames without a pose file, 1: 000010",
        "another file has the same number and kind",
    ]
    assert len(reading.frames) == 3 and len(reading.of(SignalObservation)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "-1.#IND 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
        "1 0 0 0\n",
        POSE.replace("-1", "-2"),
        "",
        "\0\0",
    ],
)
def test_a_lost_pose_is_a_problem_and_its_frames_stay(
    write_files, read_session, scene, text
):
    scene["chess/frame-000003.pose.txt"] = text
    reading = read_session(write_files(scene))
    (problem,) = reading.problems
    assert problem.source.path == "chess/frame-000003.pose.txt" and problem.remedy
    assert len(reading.frames) == 4 and len(reading.of(SignalObservation)) == 1


def test_a_matrix_that_is_none_is_a_problem(write_files, read_session, scene):
    scene["chess/camera-intrinsics.txt"] = "0 0 0\n0 0 0\n0 0 0\n"
    (problem,) = read_session(write_files(scene)).problems
    assert "is no camera matrix" in problem.reason


def test_colour_alone_is_a_plain_folder(write_files, read_session, make_image):
    root = write_files(
        {f"x/frame-00000{i}.color.png": make_image(i, ending=".png") for i in range(2)}
    )
    assert [p.reader for p in read_session(root).plans] == ["image_folder"]


def test_forty_real_frames(test_data, read_session):
    folder = test_data("rgbd/7scenes_40")
    reading = read_session(folder)
    assert not reading.problems and [p.reader for p in reading.plans] == ["7scenes"]
    assert [f.sensor for f in reading.frames] == ["color"] * 40 + ["depth"] * 40
    poses = reading.of(SignalObservation)
    assert [p.sequence for p in poses] == list(range(40))
    written = np.loadtxt(folder / "frame-000007.pose.txt")
    assert matrix_of_pose(poses[7].values) == pytest.approx(written, abs=5e-4), (
        "the file is off a rotation by 3e-4"
    )
    way = np.array([p.values[:3] for p in poses])
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).sum() == pytest.approx(
        0.12, abs=0.005
    )


def test_the_tables_keep_the_number_and_the_unit(write_files, intake, scene):
    report = intake.ingest(Folder(str(write_files(scene))), "monday")
    assert (report.frames, report.problems, report.quarantined) == (4, 0, 0)
    frames = intake.catalog.read_latest(
        "frames", ["kind", "sequence", "t_ns", "depth_m_per_unit"]
    ).to_pylist()
    assert sorted(
        (f["kind"], f["sequence"], f["t_ns"], f["depth_m_per_unit"]) for f in frames
    ) == [
        ("color", 3, None, None),
        ("color", 10, None, None),
        ("depth", 3, None, 0.001),
        ("depth", 10, None, 0.001),
    ]
    signals = intake.catalog.read_latest(
        "signals", ["kind", "t_ns", "sequence"]
    ).to_pylist()
    assert sorted((s["kind"], s["t_ns"], s["sequence"]) for s in signals) == [
        ("pose", None, 3),
        ("pose", None, 10),
    ]
    (capture,) = intake.catalog.read_latest("captures").to_pylist()
    assert capture["start_ns"] is None and capture["num_signals"] == 2
