"""Chains of cameras that Kalibr wrote, beside their images."""

from __future__ import annotations

import numpy as np
import pytest

from assets.formats.observations import CalibrationObservation
from assets.formats.sequences.sequence_files import matrix_of_pose

CAM0 = """cam0:
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.07, 0.0002, 1e-05]
  distortion_model: radtan
  intrinsics: [458.5, 457.25, 367.0, 248.5]
  resolution: [752, 480]
  rostopic: /left/image_raw
"""
CAM1 = """cam1:
  T_cn_cnm1:
  - [1.0, 0.0, 0.0, -0.11]
  - [0.0, 1.0, 0.0, 0.0]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  distortion_coeffs: [0.1, 0.2, 0.3, 0.4]
  distortion_model: equi
  intrinsics: [190.0, 191.0, 254.0, 256.0]
  resolution: [512, 512]
  rostopic: /right/image_raw
"""
# the camera's z (ahead) is the IMU's x, and the camera lies 0.2 m ahead of it
ON_IMU = """  T_cam_imu:
  - [0.0, -1.0, 0.0, 0.0]
  - [0.0, 0.0, -1.0, 0.0]
  - [1.0, 0.0, 0.0, -0.2]
  - [0.0, 0.0, 0.0, 1.0]
  timeshift_cam_imu: 0.0031
"""


@pytest.fixture
def read_beside(write_files, read_session, make_image):
    """The reading of a camchain.yaml beside images in these folders."""

    def read(text: str, *folders: str):
        images = {
            f"{folder}/0.png": make_image(n, ending=".png")
            for n, folder in enumerate(folders)
        }
        return read_session(write_files({"camchain.yaml": text} | images))

    return read


def test_cameras_and_the_way_from_one_to_the_next(read_beside):
    reading = read_beside(CAM0 + CAM1, "cam0", "cam1")
    assert not reading.problems and not reading.leftovers
    left, right = reading.of(CalibrationObservation)
    assert (left.sensor, left.width_px, left.height_px) == ("cam0", 752, 480)
    assert (left.fx_px, left.fy_px, left.cx_px, left.cy_px) == (
        458.5,
        457.25,
        367,
        248.5,
    )
    assert (left.distortion_model, left.distortion) == (
        "plumb_bob",
        (-0.28, 0.07, 0.0002, 1e-05),
    )
    assert (right.distortion_model, right.distortion) == (
        "equidistant",
        (0.1, 0.2, 0.3, 0.4),
    )
    assert left.rig_from_camera == (0, 0, 0, 0, 0, 0, 1)
    assert np.allclose(right.rig_from_camera, [0.11, 0, 0, 0, 0, 0, 1])
    assert reading.plans[0].notes["rig"] == "cam0, as its images are"


def test_the_rig_is_the_imu_where_every_camera_is_placed_on_it(read_beside):
    reading = read_beside(CAM0 + ON_IMU, "cam0")
    (found,) = reading.of(CalibrationObservation)
    ahead = matrix_of_pose(found.rig_from_camera) @ [0, 0, 1, 1]
    assert np.allclose(found.rig_from_camera[:3], [0.2, 0, 0])
    assert np.allclose(ahead, [1.2, 0, 0, 1])
    assert reading.plans[0].notes["rig"] == "the IMU"
    assert reading.plans[0].notes["cam0: timeshift_cam_imu"].startswith("0.0031 s")
    mixed = read_beside(CAM0 + ON_IMU + CAM1, "cam0", "cam1")
    assert mixed.plans[0].notes["rig"] == "cam0, as its images are"


def test_topics_name_the_camera_and_what_names_none_is_told(read_beside):
    reading = read_beside(CAM0 + CAM1, "left", "right")
    assert [c.sensor for c in reading.of(CalibrationObservation)] == ["left", "right"]


def test_an_entry_for_no_camera_is_told(read_beside):
    reading = read_beside(CAM0 + CAM1, "cam0")
    assert [c.sensor for c in reading.of(CalibrationObservation)] == ["cam0"]
    (problem,) = reading.problems
    assert problem.reason == "cam1: does not say for which camera it is: cam0"


@pytest.mark.parametrize(
    ("kind", "numbers", "model", "distortion"),
    [
        ("ds", "-0.2, 0.6", "double_sphere", (-0.2, 0.6)),
        ("eucm", "0.6, 1.1", "eucm", (0.6, 1.1)),
        # alpha = xi / (1 + xi), and focal lengths by 1 + xi
        ("omni", "1.0", "eucm", (0.5, 1.0)),
    ],
)
def test_wide_lenses_without_distortion_are_read(
    read_beside, kind, numbers, model, distortion
):
    text = CAM0.replace("camera_model: pinhole", f"camera_model: {kind}")
    text = text.replace("[-0.28, 0.07, 0.0002, 1e-05]", "[]").replace("radtan", "none")
    reading = read_beside(text.replace("[458.5", f"[{numbers}, 458.5"), "cam0")
    assert not reading.problems
    (found,) = reading.of(CalibrationObservation)
    assert (found.distortion_model, found.distortion) == (model, distortion)
    assert found.fx_px == (229.25 if kind == "omni" else 458.5)
    crossed = read_beside(
        CAM0.replace("pinhole", "ds").replace("[458.5", "[0, .5, 458.5"), "cam0"
    )
    assert "'ds' with 'radtan' of Kalibr is not read" in crossed.problems[0].reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "camera_model: pinhole",
            "camera_model: omni",
            "cam0: intrinsics is [458.5, 457.25, 367.0, 248.5], not a list of 5",
        ),
        (
            "camera_model: pinhole",
            "camera_model: ds",
            "cam0: intrinsics is [458.5, 457.25, 367.0, 248.5], not a list of 6",
        ),
        (
            "camera_model: pinhole",
            "camera_model: eucm",
            "cam0: intrinsics is [458.5, 457.25, 367.0, 248.5], not a list of 6",
        ),
        (
            "distortion_model: radtan",
            "distortion_model: fov",
            "cam0: distortion model 'fov' of Kalibr is not read",
        ),
        (
            "[458.5, 457.25, 367.0, 248.5]",
            "[458.5, 457.25]",
            "cam0: intrinsics is [458.5, 457.25], not a list of 4",
        ),
        (
            "[-0.28, 0.07, 0.0002, 1e-05]\n  distortion_model: radtan",
            "[0, 0.0, 0, 0]\n  distortion_model: equi",
            "cam0: a fisheye lens whose coefficients are all zero",
        ),
        ("458.5", ".nan", "cam0: 'nan' is not a finite number"),
        ("458.5", "-1", "cam0: focal lengths -1, 457.25 px"),
        ("-0.28, ", "", "cam0: distortion_coeffs"),
        (
            "cam_overlaps: [1]",
            "T_cam_imu: [1, 2]",
            "no places of the cameras: T_cam_imu is no 4x4 matrix",
        ),
        ("  cam_overlaps: [1]", "  a: &x 1\n  b: *x", "YAML with an alias in line 2"),
    ],
)
def test_what_the_camera_cannot_hold_is_refused_with_a_reason(
    read_beside, old, new, reason
):
    reading = read_beside(CAM0.replace(old, new), "cam0")
    (problem,) = reading.problems
    assert reason in problem.reason
    expected = 1 if "places" in reason else 0
    assert len(reading.of(CalibrationObservation)) == expected
    assert len(reading.frames) == 1


def test_a_chain_beside_no_images_is_told(write_files, read_session):
    reading = read_session(write_files({"camchain.yaml": CAM0}))
    (left,) = reading.leftovers
    assert "chain of cameras of Kalibr" in left.reason
