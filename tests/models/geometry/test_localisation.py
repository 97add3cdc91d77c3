"""A camera placed by what it shares with a model: its pose is right, as sure as it says, or none is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.camera import Camera
from models.geometry.localisation import Matches, find_matches, locate, match
from models.geometry.sparse_model import SparseImage, SparseModel

CAMERA = Camera(
    (640, 480), (500.0, 510.0), (322.0, 236.0), "plumb_bob", (-0.1, 0.02, 0, 0)
)
NOISE_PX = 0.5
FAR_OFF = np.array([100.0, 50.0, 0.0])  # the world's zero is anywhere


def draw(seed: int, num: int = 80, num_wrong: int = 0) -> tuple:
    """A model of points, a true pose, and the pixels of all points with noise; some of them go with wrong points."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([-2, -1.5, 3], [2, 1.5, 6], (num, 3)) + FAR_OFF
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(rng.uniform(-0.1, 0.1, 3)).as_matrix()
    pose[:3, 3] = rng.uniform(-0.3, 0.3, 3) + FAR_OFF
    seen = (points - pose[:3, 3]) @ pose[:3, :3]
    pixels = CAMERA.project(seen) + rng.normal(0, NOISE_PX, (num, 2))
    places = np.arange(num)
    places[:num_wrong] = rng.permutation(num)[:num_wrong]
    model = SparseModel("m", points, np.zeros((num, 3), np.uint8), ())
    return model, pose, Matches(pixels, places)


def describe(rng: np.random.Generator, num: int) -> np.ndarray:
    """Descriptors (num, 128) of features that have nothing in common."""
    values = rng.exponential(size=(num, 128))
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return (512 * values / lengths).clip(0, 255).astype(np.uint8)


def measure(location, pose) -> np.ndarray:
    """What the found pose is off by, as its covariance has it: turns and shifts behind it."""
    off = np.linalg.inv(location.world_from_camera) @ pose
    return np.concatenate([Rotation.from_matrix(off[:3, :3]).as_rotvec(), off[:3, 3]])


def test_errors_are_as_large_as_they_are_said_to_be():
    squares = []
    for seed in range(60):
        model, pose, matches = draw(seed)
        location = locate(CAMERA, model, matches)
        off = measure(location, pose)
        squares.append(off @ np.linalg.solve(location.covariance, off))
    # of six numbers: 6 on average, with a standard error of sqrt(12 / 60)
    assert 4.5 < np.mean(squares) < 8.0
    assert location.sigma < 0.02 and location.sigma_deg < 0.3
    assert location.noise_px == pytest.approx(NOISE_PX, rel=0.3)


def test_wrong_matches_are_told_from_right_ones():
    model, pose, matches = draw(1, num=120, num_wrong=60)
    location = locate(CAMERA, model, matches)
    assert 55 <= location.num_fitting <= 66 and location.num_matches == 120
    off = measure(location, pose)
    assert off @ np.linalg.solve(location.covariance, off) < 22.5  # 99.9 % of six


def test_matches_by_chance_are_no_place():
    rng = np.random.default_rng(3)
    for seed in range(5):
        model, _, matches = draw(seed, num=60)
        mixed = replace(matches, points=rng.permutation(matches.points))
        found = locate(CAMERA, model, mixed)
        assert isinstance(found, str) and "fit" in found


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (lambda pixels: np.arange(len(pixels)) < 15, "15 features look like"),
        (lambda pixels: (pixels[:, 0] < 150) & (pixels[:, 1] < 120), "parts of the"),
    ],
)
def test_too_little_is_no_place_and_says_so(keep, told):
    model, _, matches = draw(2, num=700)
    kept = keep(matches.pixels)
    some = Matches(matches.pixels[kept], matches.points[kept])
    found = locate(CAMERA, model, some)
    assert isinstance(found, str) and told in found


def test_points_on_a_line_fix_no_place():
    model, pose, _ = draw(4)
    line = np.linspace([-2, -1, 4], [2, 1, 4], 60) + FAR_OFF
    pixels = CAMERA.project((line - pose[:3, 3]) @ pose[:3, :3])
    found = locate(CAMERA, replace(model, points=line), Matches(pixels, np.arange(60)))
    assert isinstance(found, str)


def test_features_go_with_the_points_that_they_resemble():
    rng = np.random.default_rng(5)
    known = describe(rng, 40)
    images = tuple(
        SparseImage(
            f"{n}", "cam", CAMERA, np.eye(4), rng.uniform(0, 400, (20, 2)),
            np.arange(20) + 20 * n, known[20 * n : 20 * n + 20],
        )
        for n in range(2)
    )  # fmt: skip
    points = rng.normal(size=(40, 3))
    model = SparseModel("m", points, np.zeros((40, 3), np.uint8), images)
    order = rng.permutation(40)
    strange = describe(rng, 10)
    pixels = rng.uniform(0, 400, (50, 2))
    found = find_matches(model, pixels, np.concatenate([known[order], strange]))
    assert found.points.tolist() == order.tolist()
    assert (found.pixels == pixels[:40]).all()


def test_a_feature_that_two_resemble_is_no_match():
    rng = np.random.default_rng(6)
    one = describe(rng, 3)
    mine, theirs, _ = match(one, np.concatenate([one, one[:1]]))
    assert mine.tolist() == [1, 2] and theirs.tolist() == [1, 2]
    assert [len(part) for part in match(one[:0], one)] == [0, 0, 0]
