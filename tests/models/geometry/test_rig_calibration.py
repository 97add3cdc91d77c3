"""Rigs calibrated from points that a known rig would see: exact, noisy, wide, and what does not suffice."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.boards import Board, Sighting
from models.geometry.camera import Camera
from models.geometry.rig_bundle import Observation, Rig, _compare, _move
from models.geometry.rig_calibration import CalibratedRig, CameraViews, calibrate_rig

SIZE_PX = (640, 480)
BOARD = Board.parse("chessboard:7x6:30mm")
RIGHT_FROM_LEFT = np.eye(4)
RIGHT_FROM_LEFT[:3, :3] = Rotation.from_rotvec([0.01, -0.03, 0.02]).as_matrix()
RIGHT_FROM_LEFT[:3, 3] = [-0.12, 0.002, 0.004]


def make_camera(model: str, *distortion: float, focal_px: float = 430.0) -> Camera:
    return Camera(SIZE_PX, (focal_px, focal_px + 3), (322.0, 236.0), model, distortion)


RADIAL = make_camera("plumb_bob", -0.2, 0.06, 0.001, -0.0007, -0.01)
LENSES = {
    "plumb_bob": RADIAL,
    "rational_polynomial": make_camera("rational_polynomial", 0.2, -0.1, 1e-3, -5e-4, 0.02, 0.4, 0.0, 0.01),
    "equidistant": make_camera("equidistant", -0.02, 0.004, -0.001, 1e-4, focal_px=180.0),
    "double_sphere": make_camera("double_sphere", -0.2, 0.55, focal_px=180.0),
    "eucm": make_camera("eucm", 0.6, 1.1, focal_px=180.0),
}  # fmt: skip


def place_boards(count: int, is_wide: bool = False) -> np.ndarray:
    """left_from_board (N, 4, 4): tilted by up to 40 degrees, all over what the camera sees."""
    rng = np.random.default_rng(7)
    places = np.tile(np.eye(4), (count, 1, 1))
    for place in places:
        place[:3, :3] = Rotation.from_rotvec(rng.uniform(-0.7, 0.7, 3)).as_matrix()
        depth = rng.uniform(0.12, 0.3) if is_wide else rng.uniform(0.3, 0.6)
        side = 1.0 if is_wide else 0.4
        middle = BOARD.points.mean(axis=0)
        centre = [
            depth * rng.uniform(-side, side),
            0.7 * depth * rng.uniform(-side, side),
            depth,
        ]
        place[:3, 3] = centre - place[:3, :3] @ middle
    return places


def look(
    camera: Camera, poses: np.ndarray, noise_px: float = 0.0, seed: int = 0
) -> dict[int, Sighting]:
    """Of each pose what falls on the image."""
    rng = np.random.default_rng(seed)
    seen = {}
    for view, pose in enumerate(poses):
        pixels = camera.project(BOARD.points @ pose[:3, :3].T + pose[:3, 3])
        with np.errstate(invalid="ignore"):
            ids = np.flatnonzero(
                ((pixels > 0) & (pixels < np.array(SIZE_PX) - 1)).all(axis=1)
            )
        if len(ids) >= 12:
            seen[view] = Sighting(
                ids, pixels[ids] + rng.normal(0, noise_px, (len(ids), 2))
            )
    return seen


def look_twice(noise_px: float, seed: int = 0, count: int = 14) -> list[CameraViews]:
    poses = place_boards(count)
    return [
        CameraViews("left", SIZE_PX, look(RADIAL, poses, noise_px, seed)),
        CameraViews(
            "right",
            SIZE_PX,
            look(RADIAL, RIGHT_FROM_LEFT @ poses, noise_px, seed + 500),
        ),
    ]


@pytest.mark.parametrize("model", LENSES)
def test_exact_points_give_the_camera_back(model):
    true = LENSES[model]
    seen = look(true, place_boards(16, is_wide=true.focal_px[0] < 200))
    (found,) = calibrate_rig(BOARD, [CameraViews("one", SIZE_PX, seen)], model).cameras
    # the terms of the rational lens stand in for each other: its rays are what counts
    pixels = np.concatenate([s.pixels for s in seen.values()])
    np.testing.assert_allclose(
        found.camera.find_rays(pixels), true.find_rays(pixels), atol=2e-4
    )
    assert found.rms_px < (5e-3 if model == "rational_polynomial" else 1e-5)
    if model != "rational_polynomial":
        np.testing.assert_allclose(found.camera.focal_px, true.focal_px, rtol=1e-6)
        np.testing.assert_allclose(found.camera.distortion, true.distortion, atol=1e-5)


def test_a_rig_of_two_has_the_places_that_it_was_built_with():
    rig = calibrate_rig(BOARD, look_twice(0.0))
    left, right = rig.cameras
    np.testing.assert_allclose(left.rig_from_camera, np.eye(4))
    np.testing.assert_allclose(
        right.rig_from_camera, np.linalg.inv(RIGHT_FROM_LEFT), atol=1e-6
    )
    np.testing.assert_allclose(
        [*rig.rig_from_board.values()],
        place_boards(14)[sorted(rig.rig_from_board)],
        atol=1e-6,
    )


def find_errors(rig: CalibratedRig) -> tuple[np.ndarray, np.ndarray]:
    """What is off in the numbers and the place of the right camera, and its covariance."""
    right = rig.cameras[1]
    numbers = [
        *right.camera.focal_px,
        *right.camera.centre_px,
        *right.camera.distortion,
    ]
    truth = [*RADIAL.focal_px, *RADIAL.centre_px, *RADIAL.distortion]
    moved = np.linalg.inv(right.rig_from_camera) @ np.linalg.inv(RIGHT_FROM_LEFT)
    turn = Rotation.from_matrix(moved[:3, :3]).as_rotvec()
    shift = np.linalg.inv(right.rig_from_camera)[:3, 3] - RIGHT_FROM_LEFT[:3, 3]
    assert right.covariance is not None
    return np.concatenate([np.subtract(numbers, truth), turn, shift]), right.covariance


def test_errors_are_as_large_as_their_standard_errors_say():
    """15 numbers and 6 seeds: their scaled squares have a mean of 1, within four of its standard errors."""
    scaled, off = [], []
    for seed in range(6):
        rig = calibrate_rig(BOARD, look_twice(0.25, seed))
        errors, covariance = find_errors(rig)
        scaled.append(errors @ np.linalg.solve(covariance, errors))
        off.append(rig.sigma_px)
    # chi-squared with 15 degrees of freedom: variance 30
    assert abs(np.mean(scaled) - 15) < 4 * np.sqrt(30 / 6)
    assert np.mean(off) == pytest.approx(0.25, rel=0.05)


def test_standard_errors_of_the_board_s_places_hold_too():
    rig = calibrate_rig(BOARD, look_twice(0.25))
    true = place_boards(14)
    scaled = []
    for view, place in rig.rig_from_board.items():
        turn = Rotation.from_matrix(place[:3, :3] @ true[view][:3, :3].T).as_rotvec()
        scaled.append(turn / rig.board_sigmas[view][:3])
    # of 42 turns, some of one cause: about 1
    assert 0.4 < np.sqrt(np.mean(np.square(scaled))) < 1.8


def test_one_camera_has_the_focal_length_and_the_residual_of_opencv():
    seen = look(RADIAL, place_boards(12), 0.25)
    (found,) = calibrate_rig(BOARD, [CameraViews("one", SIZE_PX, seen)]).cameras
    points = [BOARD.points[s.ids].astype(np.float32) for s in seen.values()]
    pixels = [s.pixels.astype(np.float32) for s in seen.values()]
    rms, matrix, *_ = cv2.calibrateCamera(points, pixels, SIZE_PX, None, None)
    assert found.rms_px == pytest.approx(rms, rel=1e-4)
    np.testing.assert_allclose(found.camera.focal_px, np.diag(matrix)[:2], rtol=1e-3)


def test_derivatives_of_the_adjustment_are_those_of_its_residuals():
    seen = look(RADIAL, RIGHT_FROM_LEFT @ place_boards(1))[0]
    numbers = np.array([*RADIAL.focal_px, *RADIAL.centre_px, *RADIAL.distortion])
    rig = Rig(
        (RADIAL.lens, RADIAL.lens),
        (numbers, numbers),
        np.stack([np.eye(4), RIGHT_FROM_LEFT]),
        place_boards(1),
    )
    observation = Observation(1, 0, BOARD.points[seen.ids], seen.pixels + 1.0)
    _, by_camera, by_view = _compare(rig, observation)
    step = 1e-6
    for n, slope in enumerate(np.hstack([by_camera, by_view]).T):
        side = np.zeros(9 + 15 + 6)
        side[9 + n] = step
        ends = [
            _compare(
                _move(rig, (sign * side[:24], sign * side[24:][None])), observation
            )[0].ravel()
            for sign in (1, -1)
        ]
        np.testing.assert_allclose(
            (ends[0] - ends[1]) / (2 * step), slope, rtol=1e-5, atol=2e-3
        )


def test_what_does_not_suffice_is_refused_with_the_reason():
    left, right = look_twice(0.1)
    with pytest.raises(
        ValueError, match="left shows the board in 2 pictures: 3 are needed"
    ):
        few = CameraViews("left", SIZE_PX, {v: left.sightings[v] for v in (0, 1)})
        calibrate_rig(BOARD, [few])
    apart = CameraViews(
        "right", SIZE_PX, {100 + v: s for v, s in right.sightings.items()}
    )
    with pytest.raises(
        ValueError,
        match="right never shows the board at a time when another camera does",
    ):
        calibrate_rig(BOARD, [left, apart])
    with pytest.raises(ValueError, match="7x5 looks the same upside down"):
        calibrate_rig(Board.parse("chessboard:7x5"), [left, right])
    with pytest.raises(ValueError, match="lens 'fov' is not known"):
        calibrate_rig(BOARD, [left], "fov")


def test_a_board_that_is_never_tilted_gives_no_standard_error_that_could_be_believed():
    """Straight ahead, the focal length and the distance stand in for each other."""
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, :3, 3] = np.column_stack(
        [np.linspace(-0.15, 0.0, 5), np.full(5, -0.07), np.full(5, 0.4)]
    )
    seen = look(make_camera("none"), poses, 0.1)
    (found,) = calibrate_rig(BOARD, [CameraViews("one", SIZE_PX, seen)], "none").cameras
    assert (
        found.covariance is None
        or np.sqrt(found.covariance[0, 0]) > 0.1 * found.camera.focal_px[0]
    )
