"""ARKitScenes: times in names, intrinsics a frame, and a trajectory of camera_from_world that is turned round."""

from __future__ import annotations

import math

import pytest

from assets.formats import foresee
from assets.formats.observations import CalibrationObservation, SignalObservation

PINCAM = "256 192 212.027 212.5 127.933 95.9333"


@pytest.fixture
def recording(make_image):
    files = {
        "Training/41069021/lowres_wide.traj": f"305.377 0 0 {math.pi / 2:.17g} 1 2 3\n305.478 0 0 0 -1 0 0.5\n"
    }
    root = "Training/41069021"
    for index, time in enumerate(("305.377", "305.394", "1305.411")):
        stem = f"41069021_{time}"
        files |= {
            f"{root}/lowres_wide/{stem}.png": make_image(index, ending=".png"),
            f"{root}/lowres_depth/{stem}.png": make_image(
                index, ending=".png", bits=16
            ),
            f"{root}/confidence/{stem}.png": make_image(index, ending=".png"),
            f"{root}/lowres_wide_intrinsics/{stem}.pincam": PINCAM,
        }
    return files


def test_a_recording_is_one_capture_in_the_order_of_time(
    write_files, read_session, recording
):
    reading = read_session(write_files(recording))
    assert [(p.reader, p.root) for p in reading.plans] == [
        ("arkitscenes", "Training/41069021")
    ]
    assert not reading.problems and not reading.leftovers
    # by name 1305.411 would come first
    times = [305_377_000_000, 305_394_000_000, 1_305_411_000_000]
    assert [
        (f.sensor, f.kind, f.t_ns, f.sequence, f.depth_m_per_unit)
        for f in reading.frames
    ] == [
        *(("lowres_depth", "depth", t, i, 0.001) for i, t in enumerate(times)),
        *(("lowres_wide", "color", t, i, None) for i, t in enumerate(times)),
    ]
    told = {"not read: confidence": "3 images that grade depth"}
    assert told.items() <= reading.plans[0].notes.items()
    assert foresee(reading.plans[0], None) == told


def test_the_trajectory_is_turned_round(write_files, read_session, recording):
    first, second = read_session(write_files(recording)).of(SignalObservation)
    assert (first.t_ns, first.frame_of_reference, first.child_frame) == (
        305_377_000_000,
        "world",
        "lowres_wide",
    )
    # world_from_camera = (R^T, -R^T t); R is a quarter turn about z, so R^T (1, 2, 3) = (2, -1, 3)
    assert first.values == pytest.approx(
        (-2, 1, -3, 0, 0, -math.sqrt(0.5), math.sqrt(0.5))
    )
    assert second.values == pytest.approx((1, 0, -0.5, 0, 0, 0, 1))


def test_intrinsics_are_kept_once_and_at_every_change(
    write_files, read_session, recording
):
    changed = "Training/41069021/lowres_wide_intrinsics/41069021_305.394.pincam"
    recording[changed] = PINCAM.replace("212.5", "213.5")
    calibrations = read_session(write_files(recording)).of(CalibrationObservation)
    assert [(c.sensor, c.width_px, c.height_px, c.fy_px) for c in calibrations] == [
        ("lowres_wide", 256, 192, 212.5),
        ("lowres_wide", 256, 192, 213.5),
    ]  # 1305.411 stands first in the order of names


def test_what_is_damaged_or_missing_is_told_and_the_neighbours_go_on(
    write_files, read_session, recording
):
    root = "Training/41069021"
    recording[f"{root}/lowres_wide.traj"] += "305.5 0 0 0 1\n"
    recording[f"{root}/lowres_wide/41069021_305.394.png"] = b"\x89PN"
    recording[f"{root}/lowres_wide_intrinsics/41069021_305.394.pincam"] = "256 192"
    del recording[f"{root}/lowres_wide_intrinsics/41069021_1305.411.pincam"]
    reading = read_session(write_files(recording))
    assert len(reading.frames) == 5 and len(reading.of(SignalObservation)) == 2
    assert [p.reason for p in reading.problems] == [
        "line 3: 4 values where 6 are needed",
        "no known image format: the file begins with b'\\x89PN'",
        "lowres_wide: 3 images, and 2 files of intrinsics, one for each image",
        "is no calibration: 2 values where 6 are needed",
    ]


def test_folders_of_that_name_alone_are_images(write_files, read_session, make_image):
    root = write_files(
        {f"x/wide/a_{i}.5.png": make_image(i, ending=".png") for i in range(2)}
    )
    assert [p.reader for p in read_session(root).plans] == ["image_folder"]


def test_stamps_of_zero_are_no_times(write_files, read_session, recording):
    root = "Training/41069021"
    recording[f"{root}/lowres_wide.traj"] = "\ufeff0 0 0 0 1 2 3\n0 0 0 0 1 2 3\n"
    for folder, ending in (
        ("lowres_wide", "png"),
        ("lowres_wide_intrinsics", "pincam"),
    ):
        recording[f"{root}/{folder}/41069022_0.000.{ending}"] = recording.pop(
            f"{root}/{folder}/41069021_305.377.{ending}"
        )
        recording[f"{root}/{folder}/41069021_0.000.{ending}"] = recording.pop(
            f"{root}/{folder}/41069021_305.394.{ending}"
        )
    reading = read_session(write_files(recording))
    assert [f.t_ns for f in reading.frames if f.sensor == "lowres_wide"] == [
        None,
        None,
        1_305_411_000_000,
    ]
    assert [s.t_ns for s in reading.of(SignalObservation)] == [None, None]
