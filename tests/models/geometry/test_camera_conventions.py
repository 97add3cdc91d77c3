"""Cameras as other tools write them: there and back to a billionth, and what each means by a pixel and a pose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry import camera_conventions as conventions
from models.geometry.camera import Camera

SIZE_PX = (640, 480)


def make_camera(model: str | None = None, *distortion: float) -> Camera:
    return Camera(SIZE_PX, (400.0, 410.0), (318.5, 242.0), model, distortion)


PINHOLE = make_camera()
RADIAL = make_camera("plumb_bob", -0.2, 0.03, 0.001, -0.002)
FIVE = make_camera("plumb_bob", -0.2, 0.03, 0.001, -0.002, 0.01)
EIGHT = make_camera(
    "rational_polynomial", 0.1, -0.2, 1e-3, -5e-4, 0.01, 0.2, 0.01, 3e-3
)
FISHEYE = make_camera("equidistant", -0.02, 0.003, -0.001, 0.0001)
DOUBLE = make_camera("double_sphere", -0.2, 0.6)
UNIFIED = make_camera("eucm", 0.6, 1.1)
ALL = (PINHOLE, RADIAL, FIVE, EIGHT, FISHEYE, DOUBLE, UNIFIED)
# tool -> the lenses that it has words for
KNOWN = {
    "ros": (PINHOLE, RADIAL, FIVE, EIGHT, FISHEYE),
    "foxglove": (PINHOLE, RADIAL, FIVE, EIGHT, FISHEYE),
    "kalibr": (PINHOLE, RADIAL, FISHEYE, DOUBLE, UNIFIED),
    "euroc": (PINHOLE, RADIAL, FISHEYE),
    "colmap": (PINHOLE, RADIAL, FIVE, EIGHT, FISHEYE, UNIFIED),
    "nerfstudio": (PINHOLE, RADIAL, FIVE, FISHEYE),
}
POSE = np.eye(4)
POSE[:3, :3] = Rotation.from_euler("xyz", [0.3, -0.7, 1.1]).as_matrix()
POSE[:3, 3] = [0.1, -0.2, 0.05]


def send_round(tool: str, camera: Camera) -> tuple[Camera, np.ndarray | None]:
    """Written for a tool, and read again."""
    if tool == "ros":
        return conventions.from_ros(conventions.to_ros(camera)), None
    if tool == "foxglove":
        return conventions.from_foxglove(conventions.to_foxglove(camera)), None
    if tool == "kalibr":
        return conventions.from_kalibr(conventions.to_kalibr(camera, POSE))
    if tool == "euroc":
        return conventions.from_euroc(conventions.to_euroc(camera, POSE))
    if tool == "nerfstudio":
        return conventions.from_nerfstudio(conventions.to_nerfstudio(camera, POSE))
    model, numbers = conventions.to_colmap(camera)
    pose = conventions.from_colmap_pose(*conventions.to_colmap_pose(POSE))
    return conventions.from_colmap(model, SIZE_PX, numbers), pose


@pytest.mark.parametrize("tool", KNOWN)
def test_what_a_tool_has_words_for_comes_back_to_a_billionth(tool):
    points = np.random.default_rng(0).uniform([-0.4, -0.4, 1], [0.4, 0.4, 2], (40, 3))
    for camera in KNOWN[tool]:
        back, pose = send_round(tool, camera)
        assert back.size_px == SIZE_PX and back.lens is camera.lens
        np.testing.assert_allclose(
            back.project(points), camera.project(points), atol=1e-9
        )
        if pose is not None:
            np.testing.assert_allclose(pose, POSE, atol=1e-9)


@pytest.mark.parametrize("tool", KNOWN)
def test_what_a_tool_has_no_words_for_is_refused_and_never_rounded(tool):
    for camera in ALL:
        if camera not in KNOWN[tool]:
            with pytest.raises(ValueError, match="has no words for a lens"):
                send_round(tool, camera)


def test_the_middle_of_the_first_pixel_is_a_half_in_colmap_and_nerfstudio():
    assert conventions.to_colmap(PINHOLE) == ("PINHOLE", [400.0, 410.0, 319.0, 242.5])
    frame = conventions.to_nerfstudio(PINHOLE, np.eye(4))
    assert (frame["cx"], frame["cy"]) == (319.0, 242.5)
    assert (
        conventions.to_ros(PINHOLE)["k"][2]
        == conventions.to_kalibr(PINHOLE)["intrinsics"][2]
        == 318.5
    )


def test_poses_lead_the_way_that_each_tool_means():
    """A camera one metre along x of the rig, not turned: its origin is at +1 in the rig, the rig's at -1 in it."""
    place = np.eye(4)
    place[0, 3] = 1.0
    assert conventions.to_kalibr(PINHOLE, place)["T_cam_imu"][0][3] == -1.0
    assert conventions.to_euroc(PINHOLE, place)["T_BS"]["data"][3] == 1.0
    assert conventions.to_colmap_pose(place) == ([1.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 0.0])
    matrix = np.array(conventions.to_nerfstudio(PINHOLE, place)["transform_matrix"])
    # it looks along -z there, and y is up
    assert matrix[0, 3] == 1.0 and matrix[1, 1] == matrix[2, 2] == -1.0


def test_a_fisheye_has_another_name_in_foxglove_than_in_ros():
    assert conventions.to_ros(FISHEYE)["distortion_model"] == "equidistant"
    assert conventions.to_foxglove(FISHEYE)["distortion_model"] == "kannala_brandt"


def test_kalibrs_omni_is_the_unified_lens_with_beta_one():
    """m = xi |p| + z there with focal length f: here alpha = xi / (1 + xi), and f / (1 + xi)."""
    entry = {
        "camera_model": "omni",
        "intrinsics": [1.5, 500.0, 510.0, 320.0, 240.0],
        "resolution": [640, 480],
    }
    camera, pose = conventions.from_kalibr(entry | {"distortion_model": "none"})
    point = np.array([0.3, -0.2, 0.8])
    expected = np.array([500.0, 510.0]) * point[:2] / (
        1.5 * np.linalg.norm(point) + 0.8
    ) + [320, 240]
    np.testing.assert_allclose(camera.project(point[None])[0], expected, atol=1e-9)
    assert pose is None
    with pytest.raises(ValueError, match="'omni' with 'radtan' of Kalibr is not read"):
        conventions.from_kalibr(entry | {"distortion_model": "radtan"})


def test_models_of_colmap_with_one_focal_length_are_read_and_others_named():
    camera = conventions.from_colmap(
        "SIMPLE_RADIAL", SIZE_PX, [400.0, 320.0, 240.0, -0.1]
    )
    assert (camera.focal_px, camera.centre_px, camera.distortion) == (
        (400.0, 400.0),
        (319.5, 239.5),
        (-0.1, 0, 0, 0),
    )
    with pytest.raises(ValueError, match="'FOV' is not read"):
        conventions.from_colmap("FOV", SIZE_PX, [400.0] * 5)
    with pytest.raises(ValueError, match="5 parameters where PINHOLE has 4"):
        conventions.from_colmap("PINHOLE", SIZE_PX, [400.0] * 5)


# parameters, and `img_from_cam` of pycolmap 4.2.0 for POINTS
POINTS = np.array([[0.1, -0.2, 1.0], [-0.5, 0.3, 1.2], [0.7, 0.6, 1.5]])
BY_PYCOLMAP = {
    "PINHOLE": ([400, 410, 319, 242.5], [[359.0, 160.5], [152.33333333, 345.0], [505.66666667, 406.5]]),
    "OPENCV": (
        [400, 410, 319, 242.5, -0.2, 0.03, 0.001, -0.002],
        [[358.531, 161.39995], [159.37496142, 340.65003762], [491.86083951, 394.79100741]],
    ),
    "FULL_OPENCV": (
        [400, 410, 319, 242.5, 0.1, -0.2, 0.001, -0.0005, 0.01, 0.2, 0.01, 0.003],
        [[358.75122827, 161.00998205], [157.73642265, 341.74486396], [493.97813788, 396.4520624]],
    ),
    "OPENCV_FISHEYE": (
        [400, 410, 319, 242.5, -0.02, 0.003, -0.001, 0.0001],
        [[358.3148286, 161.90460138], [164.47408309, 337.5334389], [485.39923918, 388.69361728]],
    ),
    "EUCM": (
        [400, 410, 319, 242.5, 0.6, 1.1],
        [[358.35926434, 161.81350811], [163.73362505, 337.9888206], [486.58498271, 389.73537767]],
    ),
    "RADIAL": (
        [400, 319, 242.5, -0.1, 0.02],
        [[358.802, 162.896], [156.08269033, 340.2503858], [499.1476214, 396.91224691]],
    ),
    "RADIAL_FISHEYE": (
        [400, 319, 242.5, -0.1, 0.02],
        [[358.16404306, 164.17191388], [166.90161644, 333.75903014], [481.59941601, 381.87092801]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", BY_PYCOLMAP)
def test_pixels_are_those_of_pycolmap_half_a_pixel_on(model):
    numbers, pixels = BY_PYCOLMAP[model]
    camera = conventions.from_colmap(model, SIZE_PX, numbers)
    np.testing.assert_allclose(camera.project(POINTS) + 0.5, pixels, atol=1e-9)
