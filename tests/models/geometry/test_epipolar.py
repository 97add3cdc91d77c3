"""Epipolar distances and rotations, of point clouds that are projected exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.epipolar import (
    PairMoments,
    essential_of,
    find_rigid,
    find_steadfast,
    refine_rotations,
    sampson_distance,
    to_unit,
)


def see(
    seed: int, b_from_a: np.ndarray, origin_a_in_b: np.ndarray, count: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """Rays (N, 3), z = 1, of points two to six metres away in two cameras."""
    points = np.random.default_rng(seed).uniform(
        [-1.5, -1.0, 2.0], [1.5, 1.0, 6.0], (count, 3)
    )
    seen_b = points @ b_from_a.T + origin_a_in_b
    return points / points[:, 2:], seen_b / seen_b[:, 2:]


def test_a_row_off_between_parallel_cameras_is_one_over_root_two_from_each_line():
    """Sampson shares the error between both images: a match 10 px too low lies 10 / sqrt(2) px off."""
    essential = essential_of(np.eye(3), np.array([-0.1, 0.0, 0.0]))
    left = np.array([[0.2, 0.1, 1.0]])
    right = np.array([[0.15, 0.1 + 10 / 500, 1.0]])
    assert abs(sampson_distance(essential, left, right)[0]) * 500 == pytest.approx(
        10 / np.sqrt(2)
    )
    assert sampson_distance(essential, left, np.array([[0.15, 0.1, 1.0]]))[
        0
    ] == pytest.approx(0.0)


def test_the_true_rotation_leaves_nothing_and_one_a_degree_off_does():
    b_from_a = Rotation.from_euler("xyz", [3, -5, 2], degrees=True).as_matrix()
    rays_a, rays_b = see(0, b_from_a, np.array([0.2, 0.0, 0.05]))
    moments = PairMoments.of(rays_a, rays_b)
    off = b_from_a @ Rotation.from_rotvec(np.radians([0.0, 0.0, 1.0])).as_matrix()
    true, wrong = moments.residual(np.stack([b_from_a, off]))
    assert true < 1e-14 and np.sqrt(wrong) > 1e-4


def test_moments_agree_with_the_points_they_were_made_of():
    b_from_a = Rotation.from_euler("xyz", [1, 2, 3], degrees=True).as_matrix()
    rays_a, rays_b = see(1, np.eye(3), np.array([0.1, 0.1, 0.0]), count=7)
    normals = np.cross(to_unit(rays_b), to_unit(rays_a) @ b_from_a.T)
    readable = np.linalg.eigvalsh(normals.T @ normals)[0] / 7
    assert PairMoments.of(rays_a, rays_b).residual(b_from_a[None])[0] == pytest.approx(
        readable
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_rotation_is_found_among_a_fifth_of_wrong_matches(seed):
    rng = np.random.default_rng(seed)
    b_from_a = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix()
    rays_a, rays_b = see(seed, b_from_a, np.array([0.3, 0.05, 0.1]), count=200)
    rays_b[:, :2] += rng.normal(0, 0.2 / 500, (200, 2))  # a fifth of a pixel
    rays_b[:40, :2] = rng.uniform(-0.5, 0.5, (40, 2))
    kept, guess = find_rigid(rays_a, rays_b, 1 / 500)
    assert kept[40:].mean() > 0.95 and kept[:40].mean() < 0.2
    moments = PairMoments.stack([PairMoments.of(rays_a[kept], rays_b[kept])])
    (found,) = refine_rotations(guess[None], moments)
    assert np.degrees(Rotation.from_matrix(found.T @ b_from_a).magnitude()) < 0.15


def test_too_few_points_agree_with_nothing():
    kept, rotation = find_rigid(np.ones((7, 3)), np.ones((7, 3)), 1e-3)
    assert not kept.any() and (rotation == np.eye(3)).all()


def test_points_that_slide_by_less_than_the_tolerance_turn_nothing():
    """A fifth of the points is off by three quarters of a pixel, to the side that x tells, as corners on edges."""
    rng = np.random.default_rng(3)
    points = rng.uniform([-0.6, -0.4, 0.7], [0.6, 0.4, 2.0], (100, 3))
    turn = Rotation.from_rotvec([0.0, 0.07, 0.04]).as_matrix()
    moved = points @ turn.T + [0.06, 0.0, 0.01]
    rays_a, rays_b = (p / p[:, 2:] for p in (points, moved))
    rays_b[:, :2] += rng.normal(0, 0.1 / 240, (100, 2))
    rays_b[:20, 1] += 0.75 / 240 * np.sign(rays_a[:20, 0])
    errors = []
    for choose in (find_rigid, find_steadfast):
        kept, guess = choose(rays_a, rays_b, 1.0 / 240)
        moments = PairMoments.stack([PairMoments.of(rays_a[kept], rays_b[kept])])
        found = refine_rotations(guess[None], moments)[0]
        errors.append(Rotation.from_matrix(turn.T @ found).magnitude())
    assert kept[:20].sum() <= 4 and kept[20:].sum() >= 68
    assert errors[1] < 0.5 * errors[0]
