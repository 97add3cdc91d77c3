"""How one picture stands to another, beside the truth; what is not enough is said."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.fusion.alignment import align
from models.fusion.odometry import judge
from models.fusion.poses import invert, to_pose, to_step
from models.fusion.views import find_noise_m, make_view
from models.geometry.camera import Camera
from tests.models.fusion.conftest import CAMERA, draw, see

STEP = np.array([0.03, -0.05, 0.02, 0.04, -0.03, 0.05])


@pytest.mark.parametrize(("with_color", "most_m"), [(True, 0.0015), (False, 0.006)])
def test_a_motion_is_found_to_millimetres_and_better_with_brightness(
    with_color, most_m
):
    motion = to_pose(STEP)
    found = align(see(np.eye(4), with_color), see(motion, with_color), np.eye(4))
    off = to_step(invert(motion) @ found.target_from_source)
    assert np.linalg.norm(off[3:]) < most_m and np.linalg.norm(off[:3]) < 1e-3
    assert found.agreement > 0.99 and judge(found) is None
    # no farther off than its own standard errors say
    assert (np.abs(off) < 3 * np.sqrt(np.diag(found.covariance))).all()


def test_brightness_finds_what_a_plane_leaves_open():
    """Before one wall only: depth alone says nothing of shifts along it."""
    flat = np.full(CAMERA.size_px[::-1], 1.5, np.float32)
    _, here = draw(np.eye(4))
    # 1.5 m / 130 px: a shift of one pixel
    there = np.roll(here, -1, axis=1)
    views = [make_view(CAMERA, flat, rgb[..., 0]) for rgb in (here, there)]
    found = align(*views, np.eye(4))
    assert found.target_from_source[0, 3] == pytest.approx(1.5 / 130, abs=2e-3)
    bare = [make_view(CAMERA, flat, None)] * 2
    reason = judge(align(*bare, np.eye(4)))
    assert reason is not None and "do not determine the motion" in reason


def test_pictures_of_two_places_do_not_fit():
    turned = to_pose(np.array([0.0, np.pi / 2, 0.0, 0.0, 0.0, 0.0]))
    shift = to_pose(np.array([0.0, 0.0, 0.0, 0.0, 0.0, -1.2]))
    try:
        reason = judge(align(see(np.eye(4)), see(turned @ shift), np.eye(4)))
    except ValueError as error:
        reason = str(error)
    assert reason


def test_views_without_depth_in_common_are_refused():
    nothing = make_view(CAMERA, np.zeros(CAMERA.size_px[::-1], np.float32), None)
    assert nothing.coverage == 0
    with pytest.raises(ValueError, match="too little depth in common"):
        align(see(np.eye(4)), nothing, np.eye(4))


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match="80 x 60 px, the camera 160 x 120"):
        make_view(CAMERA, np.ones((60, 80), np.float32), None)


def capture(depth, rgb, rng, colours_beside_px=0):
    """What a depth camera gives, with its noise; colours lie some pixels beside their depth."""
    noisy = depth + rng.normal(0, 1, depth.shape) * find_noise_m(depth)
    luma = np.roll(rgb[..., 0], colours_beside_px, axis=1)
    return make_view(CAMERA, noisy.astype(np.float32), luma)


@pytest.mark.parametrize("colours_beside_px", [0, 3])
def test_errors_are_as_large_as_said_even_where_colours_lie_beside_their_depth(
    colours_beside_px,
):
    rng = np.random.default_rng(5)
    inside, squares = [], []
    for _ in range(8):
        motion = to_pose(rng.uniform(-1, 1, 6) * STEP.max())
        views = [capture(*draw(p), rng, colours_beside_px) for p in (np.eye(4), motion)]
        found = align(*views, motion)
        off = to_step(invert(motion) @ found.target_from_source)
        inside.append(np.abs(off) <= 2 * np.sqrt(np.diag(found.covariance)))
        squares.append(off @ found.information @ off / 6)
    assert np.mean(inside) > 0.9
    # 1 where errors are as large as said; beside exact planes they are less
    assert 0.05 < np.median(squares) < 2
    assert judge(found) is None


def test_errors_on_real_pictures_are_at_least_a_quarter_of_what_they_are_off(test_data):
    """7-Scenes' poses are KinectFusion's, whose own errors are in what is off."""
    folder = test_data("rgbd/7scenes_40")
    camera = Camera((640, 480), (585.0, 585.0), (320.0, 240.0))
    names = [f"frame-{number:06d}" for number in (0, 8, 16, 24, 32, 39)]
    views, poses = [], []
    for name in names:
        units = cv2.imread(str(folder / f"{name}.depth.png"), cv2.IMREAD_UNCHANGED)
        luma = cv2.imread(str(folder / f"{name}.color.jpg"), cv2.IMREAD_GRAYSCALE)
        depth_m = np.where(units == 65535, 0, units).astype(np.float32) / 1000
        views.append(make_view(camera, depth_m, luma))
        poses.append(np.loadtxt(folder / f"{name}.pose.txt"))
    squares = []
    for view, pose in zip(views[1:], poses[1:], strict=True):
        given = invert(poses[0]) @ pose
        found = align(views[0], view, given)
        off = to_step(invert(given) @ found.target_from_source)
        squares.append(off @ found.information @ off / 6)
    # 1 where both are as sure as said; 150 by residuals that scatter over the picture alone
    assert 0.5 < np.median(squares) < 16
