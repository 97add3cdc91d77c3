"""Depth from two views: rectified rows, planes of known depth, what is left unknown, and two pairs of Middlebury."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bench.depth import NUM_DISPARITIES, judge, rank, read_pair
from models.geometry.camera import Camera
from models.geometry.stereo import (
    StereoRig,
    choose_num_disparities,
    match,
    measure_depths,
    rectify,
)

SIZE_PX = (192, 144)
CAMERA = Camera(SIZE_PX, (150.0, 150.0), (95.5, 71.5))
BENT = Camera(
    SIZE_PX, (148.0, 149.0), (93.0, 73.0), "plumb_bob", (-0.1, 0.02, 0.001, -0.001, 0.0)
)
FISHEYE = Camera(
    SIZE_PX, (110.0, 110.0), (95.0, 72.0), "equidistant", (-0.02, 0.004, 0.0, 0.0)
)
BASELINE_M = 0.1


def place(shift_m: tuple[float, ...], turn_rad=(0.0, 0.0, 0.0)) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(turn_rad).as_matrix()
    pose[:3, 3] = shift_m
    return pose


LEVEL = place((BASELINE_M, 0.0, 0.0))
RIGS = {
    "level": LEVEL,
    "upright": place((0.0, BASELINE_M, 0.0)),
    "the other way round": place((-BASELINE_M, 0.0, 0.0)),
    "turned": place((BASELINE_M, 0.01, -0.01), (0.02, -0.05, 0.03)),
}


def look_at_plane(camera: Camera, first_from_camera: np.ndarray, depth_m: float):
    """Grey image of a wall of spots at z = depth_m of the first camera."""
    page = np.random.default_rng(4).integers(0, 255, (160, 160)).astype(np.uint8)
    page = cv2.resize(page, (1280, 1280), interpolation=cv2.INTER_CUBIC)
    width, height = camera.size_px
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    rays = camera.find_rays(pixels.reshape(-1, 2)) @ first_from_camera[:3, :3].T
    reach = (depth_m - first_from_camera[2, 3]) / rays[:, 2]
    points = rays * reach[:, None] + first_from_camera[:3, 3]
    at = (640 + 1280 / (4 * depth_m) * points[:, :2]).astype(np.float32)
    return cv2.remap(page, at.reshape(height, width, 2), None, cv2.INTER_LINEAR)


@pytest.mark.parametrize("name", RIGS)
def test_a_wall_has_its_depth_within_two_standard_errors(name):
    pose = RIGS[name]
    rig = StereoRig(CAMERA, BENT, pose)
    first, second = (
        look_at_plane(c, p, 1.5) for c, p in ((CAMERA, np.eye(4)), (BENT, pose))
    )
    depths, disparities = measure_depths(
        rectify(rig), first, second, partial(match, num_disparities=48)
    )
    known = depths.is_known
    off = np.abs(depths.depth_m[known] - 1.5)
    # z^2 / (f B) is 0.15 m a pixel
    assert known.mean() > 0.6 and np.median(off) < 0.03
    assert (off <= 2 * depths.sigma_m[known]).mean() > 0.95
    assert disparities.agreement > 0.9
    # f B / z^2 of the standard error is that of the disparity
    by_px = depths.depth_m[known] ** 2 / depths.per_disparity[known]
    assert (depths.sigma_m[known] / by_px).min() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("second", [BENT, FISHEYE], ids=["bent", "fisheye"])
def test_rows_are_epipolar_lines_and_disparities_are_focal_length_by_depth(second):
    pose = RIGS["turned"]
    found = rectify(StereoRig(FISHEYE, second, pose))
    rng = np.random.default_rng(0)
    points = np.column_stack(
        [rng.uniform(-0.3, 0.3, (40, 2)), rng.uniform(1.0, 3.0, 40)]
    )
    there = (points - pose[:3, 3]) @ pose[:3, :3]
    seen = [
        nearest_in(found.first_map, FISHEYE.project(points)),
        nearest_in(found.second_map, second.project(there)),
    ]
    apart = seen[0] - seen[1]
    assert np.abs(apart[:, 1]).max() < 0.1
    # the turn of the pair is known by the slant of each pixel: z of the rectified frame
    at = np.round(FISHEYE.project(points)).astype(int)
    depth = points[:, 2] * found.slant[at[:, 1], at[:, 0]]
    assert apart[:, 0] == pytest.approx(found.depth_by_disparity / depth, abs=0.15)


def nearest_in(mapped: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Rectified pixels that come from these, to a fraction of a pixel by the slope around the nearest."""
    slopes = np.stack(
        [
            np.gradient(mapped.astype(np.float64), axis=1),
            np.gradient(mapped.astype(np.float64), axis=0),
        ],
        -1,
    )
    found = []
    for pixel in pixels:
        off = ((mapped - pixel) ** 2).sum(axis=-1)
        row, column = np.unravel_index(np.argmin(off), off.shape)
        step = np.linalg.solve(slopes[row, column], pixel - mapped[row, column])
        found.append(np.array([column, row]) + step)
    return np.array(found)


def test_what_cannot_be_matched_is_nan_and_not_a_number():
    blank = np.full((60, 120), 128, np.uint8)
    found = match(blank, blank, 32)
    assert not found.is_known.any() and not found.confidence.any()
    rng = np.random.default_rng(1)
    unlike = [rng.integers(0, 255, (60, 120)).astype(np.uint8) for _ in range(2)]
    other = match(*unlike, 32)
    assert other.is_known.mean() < 0.05
    assert np.isfinite(other.sigma_px).sum() == other.is_known.sum()


def test_what_is_hidden_from_the_second_camera_is_unknown():
    """A square 24 px nearer than a wall at 8 px: the 16 px left of it are seen by the first camera alone."""
    rng = np.random.default_rng(2)
    wall = rng.integers(0, 255, (100, 300)).astype(np.uint8)
    near = rng.integers(0, 255, (50, 60)).astype(np.uint8)
    left, right = wall[:, :200].copy(), wall[:, 8:208].copy()
    left[25:75, 90:150], right[25:75, 66:126] = near, near
    found = match(left, right, 48)
    assert np.nanmedian(found.px[30:70, 95:145]) == pytest.approx(24, abs=0.2)
    assert np.nanmedian(found.px[30:70, 20:70]) == pytest.approx(8, abs=0.2)
    assert found.is_known[30:70, 76:88].mean() < 0.35
    assert found.is_known[30:70, 20:70].mean() > 0.95


@pytest.mark.parametrize(
    ("pose", "reason"),
    [
        (np.eye(4), "at one place"),
        (place((0.0, 0.0, 0.2)), "behind the other"),
        (place((0.1, 0.0, 0.0), (0.0, np.pi, 0.0)), "look apart"),
        (place((0.1, 0.0, 0.0), (0.0, 1.6, 0.0)), "share|apart|does not look"),
    ],
)
def test_rigs_without_common_view_are_refused_with_the_reason(pose, reason):
    with pytest.raises(ValueError, match=reason):
        rectify(StereoRig(CAMERA, CAMERA, pose))


def test_pictures_of_another_size_are_refused_with_both_sizes():
    rectification = rectify(StereoRig(CAMERA, CAMERA, LEVEL))
    right, small = np.zeros((144, 192), np.uint8), np.zeros((72, 96), np.uint8)
    with pytest.raises(ValueError, match=r"second image has 96 x 72 px.*192 x 144"):
        rectification.warp(right, small)
    with pytest.raises(ValueError, match="one size"):
        match(right, small, 16)
    with pytest.raises(ValueError, match="multiple of 16, such as 48"):
        match(right, right, 20)


def test_a_quarter_of_the_width_is_searched():
    assert [choose_num_disparities(w) for w in (20, 320, 640, 960)] == [
        16,
        80,
        160,
        240,
    ]


@pytest.mark.parametrize(
    ("name", "most_bad", "least_coverage"),
    [("motorcycle", 0.045, 0.88), ("aloe", 0.016, 0.82)],
)
def test_middlebury_has_few_bad_pixels_and_confidence_tells_them(
    test_data, name, most_bad, least_coverage
):
    left, right, truth = read_pair(test_data("stereo"), name)
    found = match(left, right, NUM_DISPARITIES[name])
    figures = judge(name, found.px, truth)
    assert figures[f"{name}_bad_2_valid"] <= most_bad
    assert figures[f"{name}_coverage"] >= least_coverage
    first, *_, last = rank(np.abs(found.px - truth), found.confidence)
    assert first < 0.005 and last > 10 * first
