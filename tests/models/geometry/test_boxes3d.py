"""Boxes in space from boxes in images: errors that hold the truth, what one view cannot say, and back into views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.moving_boxes import look
from models.geometry.boxes3d import (
    SHAPES,
    Box3D,
    BoxView,
    fit_box,
    fit_view,
    list_planes,
    measure_occlusion,
    project_box,
)
from models.geometry.camera import Camera
from models.geometry.near_depth import Near, measure_near

CAMERA = Camera((320, 240), (240.0, 240.0), (159.5, 119.5))
ALL = (True, True, True, True)


def make(shape, size, centre=(0, 0, 0.05), yaw=0.0):
    none = np.zeros((7, 7))
    place = np.array(centre, float), np.array(size, float)
    return Box3D(shape, *place, yaw, none, none[0], None, np.ones(0, bool))


def see(box, azimuth, rng, sigma_px=0.5, near_sigma_m=0.003):
    """A view with noise of its sides and its depth, as large as it says."""
    pose = look(azimuth)
    outline = project_box(box, CAMERA, pose)
    x_min, y_min, x_max, y_max = np.array(outline.whole_xyxy) + rng.normal(
        0, sigma_px, 4
    )
    near_m = outline.near_m + rng.normal(0, near_sigma_m)
    return BoxView(
        CAMERA, pose, (x_min, y_min, x_max, y_max), ALL, sigma_px, near_m, near_sigma_m
    )


def sample(seed):
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.06, 0.15, 3)
    return rng, size, (*rng.uniform(-0.05, 0.05, 2), size[2] / 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_joined_views_hold_the_truth_within_two_standard_errors(shape):
    """Of 12 seeds with six numbers each 95 % should; 64 of 72 are three deviations below."""
    held = 0
    for seed in range(12):
        rng, size, centre = sample(seed)
        if shape != "cuboid":
            size[1] = size[0]
        truth = make(shape, size, centre)
        views = [see(truth, a, rng) for a in np.linspace(0, 4, 8)]
        box = fit_box(list_planes(views))
        assert box.shape == shape
        if abs(np.sin(2 * box.yaw_rad)) < 0.5 and abs(np.sin(box.yaw_rad)) > 0.5:
            size = size[[1, 0, 2]]  # the same box, turned by a quarter
        off = np.abs(np.concatenate([box.centre_m - centre, box.size_m - size]))
        assert off.max() < 0.01
        held += int((off <= 2 * box.sigmas[:6]).sum())
    assert held >= 64


def test_one_view_says_how_wide_and_high_and_not_how_deep_an_object_is():
    held = 0
    for seed in range(12):
        rng, size, centre = sample(seed)
        size[1] = size[0]
        box = fit_view(see(make("cylinder", size, centre), rng.uniform(0, 6), rng))
        assert (
            np.isnan(box.sigmas[[3, 6]]).all()
            and np.isfinite(box.sigmas[[0, 1, 2, 4, 5]]).all()
        )
        along = np.array([np.cos(box.yaw_rad), np.sin(box.yaw_rad), 0])
        error = box.covariance[:3, :3]
        # along the ray it is as unsure as a third of the object is deep, across it is not
        assert np.sqrt(along @ error @ along) > 0.25 * size[0]
        off = np.abs([*(box.centre_m - centre), *(box.size_m - size)[1:]])
        held += int((off <= 2 * box.sigmas[[0, 1, 2, 4, 5]]).sum())
    assert held >= 54  # of 60


def test_more_views_make_it_surer_and_an_object_that_moves_fits_no_box():
    rng = np.random.default_rng(1)
    box = make("spheroid", (0.1, 0.1, 0.1))
    few = fit_box(list_planes([see(box, a, rng) for a in (0, 1)]))
    many = [see(box, a, rng) for a in np.linspace(0, 3, 12)]
    assert fit_box(list_planes(many)).sigmas[0] < few.sigmas[0]
    moved = [
        see(replace(box, centre_m=np.array([0.02 * n, 0, 0.05])), a, rng)
        for n, a in enumerate(np.linspace(0, 3, 12))
    ]
    assert fit_box(list_planes(moved)).chi2 > 9


def test_a_side_that_is_wrong_is_left_out():
    rng = np.random.default_rng(2)
    views = [
        see(make("cylinder", (0.1, 0.1, 0.12)), a, rng) for a in np.linspace(0, 3, 10)
    ]
    x_min, *rest = views[4].box_xyxy
    views[4] = replace(views[4], box_xyxy=(x_min - 30, *rest))
    box = fit_box(list_planes(views))
    assert (~box.is_used).sum() == 1 and box.size_m[0] == pytest.approx(0.1, abs=0.003)


def test_too_little_is_no_box():
    rng = np.random.default_rng(3)
    view = see(make("cuboid", (0.1, 0.1, 0.1)), 0.0, rng)
    with pytest.raises(ValueError, match="4 sides and depths are seen: one view"):
        fit_view(replace(view, near_m=None))
    with pytest.raises(ValueError, match="5 sides and depths are seen: two views"):
        fit_box(list_planes([view]))


def test_a_box_is_projected_cut_by_the_border_and_gone_behind_the_camera():
    """A cube of 0.2 m at 1 m: its near face, at 0.9 m, is 0.2 x 240 / 0.9 = 53.3 px wide about the middle, 160."""
    cube = make("cuboid", (0.2, 0.2, 0.2), (1.0, 0, 0))
    ahead = np.eye(4)
    ahead[:3, :3] = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0.0]])
    seen = project_box(cube, CAMERA, ahead)
    assert seen.box_xyxy == pytest.approx((133.33, 93.33, 186.67, 146.67), abs=0.01)
    assert (seen.near_m, seen.far_m, seen.truncated) == pytest.approx((0.9, 1.1, 0))
    # 0.6 m to the left: its near face ends at 346.67, its far one begins at 269.09, and the border is at 320
    ahead[1, 3] = 0.6
    cut = project_box(cube, CAMERA, ahead)
    assert cut.box_xyxy[2] == 320 and cut.truncated == pytest.approx(
        26.67 / 77.58, abs=1e-3
    )
    ahead[1, 3] = 3.0
    assert project_box(cube, CAMERA, ahead) is None
    ahead[:2, 3] = (2.0, 0.0)
    assert project_box(cube, CAMERA, ahead) is None


def test_what_is_nearer_hides_by_depth_and_else_by_other_boxes():
    cube = make("cuboid", (0.2, 0.2, 0.2), (1.0, 0, 0))
    pose = np.eye(4)
    pose[:3, :3] = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0.0]])
    seen = project_box(cube, CAMERA, pose)
    covered = np.zeros((240, 320), bool)
    depth = np.full((240, 320), 0.9)
    depth[:, :160] = 0.5
    assert measure_occlusion(seen, covered, depth, 0.02) == pytest.approx(0.5, abs=0.02)
    assert measure_occlusion(seen, covered, None, 0.02) == 0
    depth[:] = 0
    covered[:120] = True
    assert measure_occlusion(seen, covered, depth, 0.02) == pytest.approx(0.5, abs=0.02)


# ---- how near it is --------------------------------------------------------------------------------------------------


def draw(background=2.0):
    """A face at 1 m before a wall, 20 px wide and high within a box of 30."""
    depth = np.full((60, 80), background)
    depth[20:40, 30:50] = 1.0
    return depth, (25, 15, 55, 45)


def test_the_nearest_part_is_that_of_the_object_and_not_a_mean_with_the_wall():
    depth, box = draw()
    found = measure_near(depth, box, 0.002)
    assert isinstance(found, Near)
    assert found.near_m == pytest.approx(1.0, abs=0.004) and found.sigma_m < 0.01
    assert found.far_m == pytest.approx(1.0) and 380 <= found.num_px <= 400


def test_another_objects_box_is_not_looked_at_and_a_speck_is_no_object():
    depth, box = draw()
    depth[20:40, 25:35] = 0.5
    found = measure_near(depth, box, 0.002, [(20, 15, 35, 45)])
    assert isinstance(found, Near) and found.near_m == pytest.approx(1.0, abs=0.004)
    depth, box = draw()
    depth[29:31, 39:41] = 0.4
    found = measure_near(depth, box, 0.002)
    assert isinstance(found, Near) and found.near_m == pytest.approx(1.0, abs=0.004)


def test_why_nothing_is_near_is_said():
    depth, box = draw()
    assert (
        measure_near(np.zeros_like(depth), box, 0.002)
        == "its middle has no depth: 0 of 256 px"
    )
    assert "other boxes cover its middle" in str(measure_near(depth, box, 0.002, [box]))
    assert "fewer than 3 px" in str(measure_near(depth, (10, 10, 12, 12), 0.002))
