"""How one picture stands to another, beside the truth; what is not enough is said."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion.alignment import align
from models.fusion.odometry import judge
from models.fusion.poses import invert, to_pose, to_step
from models.fusion.views import make_view
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
