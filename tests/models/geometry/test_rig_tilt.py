"""How far a camera is turned: exact point clouds, and real stereo pairs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.camera import Camera
from models.geometry.rig_tilt import fit_tilt
from models.geometry.tracks import match_points


def look(
    turn_deg: list[float], seed: int = 0, noise_px: float = 0.2
) -> tuple[list, np.ndarray]:
    """Ray pairs of six image pairs, focal length 500 px, and the stated pose, against which camera b is turned."""
    rng = np.random.default_rng(seed)
    stated = np.eye(4)
    stated[:3, 3] = [0.1, 0.0, 0.0]
    b_in_a = Rotation.from_rotvec(np.radians(turn_deg)).as_matrix()
    pairs = []
    for _ in range(6):
        points = rng.uniform([-1.0, -0.8, 1.5], [1.0, 0.8, 5.0], (60, 3))
        in_b = (points - stated[:3, 3]) @ b_in_a
        rays = [p / p[:, 2:] for p in (points, in_b)]
        for ray in rays:
            ray[:, :2] += rng.normal(0, noise_px / 500, (60, 2))
        pairs.append(tuple(rays))
    return pairs, stated


def test_a_camera_in_its_place_is_turned_by_nothing():
    tilt = fit_tilt(*look([0.0, 0.0, 0.0]))
    assert np.degrees(tilt.angle_rad) < 0.1 and tilt.distance * 500 < 0.3
    assert tilt.num_pairs == 6 and tilt.num_matches == 360


@pytest.mark.parametrize(
    "turn", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.2, 0.7, 0.4]]
)
def test_a_turn_of_a_degree_or_more_is_measured_about_any_axis(turn):
    tilt = fit_tilt(*look(turn))
    assert np.degrees(tilt.vector_rad) == pytest.approx(turn, abs=0.15)
    assert abs(tilt.angle_rad - np.radians(np.linalg.norm(turn))) < 4 * tilt.sigma_rad
    assert tilt.distance_fitted * 500 < 0.3


def test_a_nod_of_a_degree_puts_matches_six_pixels_off():
    """500 px * tan(1 degree) = 8.7 px of height, of which each image bears 1 / sqrt(2): 6.2 px."""
    assert fit_tilt(*look([1.0, 0.0, 0.0])).distance * 500 == pytest.approx(
        6.2, abs=0.8
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_quarter_of_wrong_matches_does_not_turn_it(seed):
    pairs, stated = look([0.0, 0.0, 0.0], seed)
    rng = np.random.default_rng(seed)
    for _, rays_b in pairs:
        rays_b[:15, :2] = rng.uniform(-0.6, 0.6, (15, 2))
    assert np.degrees(fit_tilt(pairs, stated).angle_rad) < 0.25


def test_a_camera_that_was_put_back_twelve_degrees_off_is_measured_too():
    tilt = fit_tilt(*look([12.0, -3.0, 0.0]))
    assert np.degrees(tilt.vector_rad) == pytest.approx([12.0, -3.0, 0.0], abs=0.3)


def test_matches_at_random_are_no_pose():
    rng = np.random.default_rng(0)
    pairs = [
        tuple(np.c_[rng.uniform(-0.6, 0.6, (60, 2)), np.ones(60)] for _ in range(2))
        for _ in range(6)
    ]
    with pytest.raises(
        ValueError, match="agree with any pose: the views hardly overlap"
    ):
        fit_tilt(pairs, look([0.0, 0.0, 0.0])[1])


def test_few_matches_or_one_centre_give_a_reason_and_no_number():
    pairs, stated = look([0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="180 matches in 3 image pairs"):
        fit_tilt(pairs[:3], stated)
    with pytest.raises(ValueError, match="share one centre"):
        fit_tilt(pairs, np.eye(4))


def test_a_rectified_real_pair_fits_and_a_degree_off_does_not(test_data):
    """Middlebury 2014 motorcycle: published focal length, principal points and baseline; rows are aligned."""
    folder = test_data("stereo/middlebury2014_motorcycle")
    left, right = (
        cv2.imread(str(sorted(folder.glob("*.png"))[i]), cv2.IMREAD_GRAYSCALE)
        for i in (0, 1)
    )
    size_px = (left.shape[1], left.shape[0])
    focal_px = (994.978, 994.978)
    camera_l, camera_r = (
        Camera(size_px, focal_px, (x, 254.877)) for x in (311.193, 311.193 + 31.086)
    )
    stated = np.eye(4)
    stated[:3, 3] = [0.193001, 0.0, 0.0]
    pixels_l, pixels_r = match_points(left, right)
    # one pair of images, four groups
    parts = np.array_split(np.random.default_rng(0).permutation(len(pixels_l)), 4)
    pairs = [
        (camera_l.unproject(pixels_l[p]), camera_r.unproject(pixels_r[p]))
        for p in parts
    ]
    sound = fit_tilt(pairs, stated)
    assert sound.distance * camera_l.mean_focal_px < 0.2
    # of one scene, and few points
    assert sound.angle_rad < 3 * sound.sigma_rad and np.degrees(sound.angle_rad) < 0.5
    # 1.0 degree
    stated[:3, :3] = Rotation.from_rotvec(np.radians([0.8, 0.4, 0.45])).as_matrix()
    assert np.degrees(fit_tilt(pairs, stated).angle_rad) > 0.8


def test_a_real_rig_of_two_cameras_fits_its_calibration_and_not_another(test_data):
    """OpenCV's chessboard pairs, calibrated on half of them and judged on the others; corners are the matches."""
    folder = test_data("calibration/opencv_stereo_chessboard")
    pairs, cameras, stated = read_rig(folder)
    sound = fit_tilt(pairs, stated)
    assert (
        sound.distance * cameras[0].mean_focal_px < 1.0
        and np.degrees(sound.angle_rad) < 0.5
    )
    stated[:3, :3] = (
        stated[:3, :3] @ Rotation.from_rotvec(np.radians([0.0, 0.0, 1.5])).as_matrix()
    )
    turned = fit_tilt(pairs, stated)
    assert np.degrees(turned.angle_rad) - 3 * np.degrees(turned.sigma_rad) > 0.5


def read_rig(folder) -> tuple[list, list[Camera], np.ndarray]:
    images = {
        side: sorted(folder.rglob(f"{side}[0-9][0-9].jpg"))
        for side in ("left", "right")
    }
    corners = {"left": [], "right": []}
    points = []
    board = np.zeros((54, 3), np.float32)
    board[:, :2] = np.mgrid[0:9, 0:6].T.reshape(-1, 2)
    for files in zip(images["left"], images["right"], strict=True):
        found = [
            cv2.findChessboardCorners(cv2.imread(str(f), cv2.IMREAD_GRAYSCALE), (9, 6))
            for f in files
        ]
        if all(is_found for is_found, _ in found):
            points.append(board)
            for side, (_, at) in zip(corners, found, strict=True):
                corners[side].append(at)
    half = len(points) // 2  # calibrated on the first half, judged on the second
    size = (640, 480)
    single = {
        s: cv2.calibrateCamera(points[:half], c[:half], size, None, None)[1:3]
        for s, c in corners.items()
    }
    _, k_l, d_l, k_r, d_r, turn, shift, *_ = cv2.stereoCalibrate(
        points[:half],
        corners["left"][:half],
        corners["right"][:half],
        *single["left"],
        *single["right"],
        size,
        flags=cv2.CALIB_FIX_INTRINSIC,
    )
    cameras = [
        Camera(
            size, (k[0, 0], k[1, 1]), (k[0, 2], k[1, 2]), "plumb_bob", tuple(d.ravel())
        )
        for k, d in ((k_l, d_l), (k_r, d_r))
    ]
    right_from_left = np.eye(4)
    right_from_left[:3, :3] = turn
    right_from_left[:3, 3] = shift.ravel()
    pairs = [
        tuple(
            camera.unproject(at.reshape(-1, 2))
            for camera, at in zip(cameras, both, strict=True)
        )
        for both in list(zip(corners["left"], corners["right"], strict=True))[half:]
    ]
    return pairs, cameras, np.linalg.inv(right_from_left)
