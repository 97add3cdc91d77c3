"""How far a camera of a rig is turned against its stated pose, from points that two cameras see.

The distance of matches to their epipolar lines says whether a calibration fits; the rotation that would make it fit
says by how much it is off, in a unit that does not depend on focal length or depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from models.geometry.epipolar import essential_of, find_rigid, sampson_distance

Array = NDArray[np.float64]
# an element an image pair: rays (N, 3), z = 1, of cameras a and b
RayPairs = Sequence[tuple[Array, Array]]

# outlier scales, one after the other: first a knocked camera, last the noise of a match
SCALES_RAD = (0.03, 0.01, 0.004)
ITERATIONS = 6
MIN_PAIRS = 4
MIN_MATCHES = 60
# distance to an epipolar line, share of matches; two cameras of a rig have 0.97
AGREEING = 0.008
MIN_AGREEING = 0.5
_STEP_RAD = 1e-5
_SETTLED_RAD = 1e-9


@dataclass(frozen=True)
class RigTilt:
    """What matches say of a stated pose. Angles in rad; distances in units of z = 1 (times the focal length: px)."""

    distance: float  # median distance of a match to the stated epipolar geometry
    # the turn of camera b, in its own frame, that fits the matches best
    vector_rad: tuple[float, float, float]
    angle_rad: float
    sigma_rad: float  # standard error of the angle
    distance_fitted: float  # median distance after that turn
    num_matches: int
    num_pairs: int


def fit_tilt(pairs: RayPairs, a_from_b: Array) -> RigTilt:
    """The turn of camera b against its stated pose `a_from_b` (4, 4), from matches in several image pairs.

    Least squares on Sampson distances under Geman and McClure's loss with a scale that narrows. The standard error
    takes an image pair as the unit that errs (a cluster-robust covariance). Raises ValueError, with the reason, where
    matches are too few or agree with no pose, or the cameras share a centre, so that there is no epipolar geometry.
    """
    pairs = [pair for pair in pairs if len(pair[0])]
    num_matches = sum(len(a) for a, _ in pairs)
    if len(pairs) < MIN_PAIRS or num_matches < MIN_MATCHES:
        found = f"{num_matches} matches in {len(pairs)} image pairs"
        raise ValueError(f"{found}: {MIN_MATCHES} in {MIN_PAIRS} pairs are needed")
    if np.linalg.norm(a_from_b[:3, 3]) < 1e-6:
        raise ValueError("the cameras share one centre: there is no epipolar geometry")
    rays_a, rays_b = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    turn = _refine(np.zeros(3), rays_a, rays_b, a_from_b)
    # far off, or not of one scene at all
    if _share_agreeing(turn, rays_a, rays_b, a_from_b) < MIN_AGREEING:
        kept, b_from_a = find_rigid(rays_a, rays_b, AGREEING / 2)
        if kept.mean() < MIN_AGREEING:
            raise ValueError(
                f"only {100 * kept.mean():.0f} % of the matches agree with any pose: the views hardly overlap"
            )
        start = Rotation.from_matrix(a_from_b[:3, :3].T @ b_from_a.T).as_rotvec()
        turn = _refine(start, rays_a, rays_b, a_from_b)
    _, normal, gradients = _step(turn, rays_a, rays_b, a_from_b, SCALES_RAD[-1])
    group = np.repeat(np.arange(len(pairs)), [len(a) for a, _ in pairs])
    # (pairs, 3)
    sums = np.stack([np.bincount(group, column) for column in gradients.T], axis=1)
    inverse = np.linalg.inv(normal)
    covariance = inverse @ (sums.T @ sums) @ inverse * len(pairs) / (len(pairs) - 3)
    angle = float(np.linalg.norm(turn))
    axis = turn / angle if angle > 0 else np.array([1.0, 0.0, 0.0])
    return RigTilt(
        distance=_median_distance(np.zeros(3), rays_a, rays_b, a_from_b),
        vector_rad=(float(turn[0]), float(turn[1]), float(turn[2])),
        angle_rad=angle,
        sigma_rad=float(np.sqrt(axis @ covariance @ axis)),
        distance_fitted=_median_distance(turn, rays_a, rays_b, a_from_b),
        num_matches=num_matches,
        num_pairs=len(pairs),
    )


def _refine(turn: Array, rays_a: Array, rays_b: Array, a_from_b: Array) -> Array:
    for scale in SCALES_RAD:
        for _ in range(ITERATIONS):
            before = turn
            turn, _, _ = _step(turn, rays_a, rays_b, a_from_b, scale)
            if np.abs(turn - before).max() < _SETTLED_RAD:
                break
    return turn


def _share_agreeing(
    turn: Array, rays_a: Array, rays_b: Array, a_from_b: Array
) -> float:
    return float(np.mean(np.abs(_distances(turn, rays_a, rays_b, a_from_b)) < AGREEING))


def _step(
    turn: Array, rays_a: Array, rays_b: Array, a_from_b: Array, scale: float
) -> tuple[Array, Array, Array]:
    """One Gauss-Newton step: the new turn, the normal matrix (3, 3) and the weighted gradients (N, 3) before it."""
    distance = _distances(turn, rays_a, rays_b, a_from_b)
    slopes = np.stack(
        [
            (_distances(turn + _STEP_RAD * axis, rays_a, rays_b, a_from_b) - distance)
            / _STEP_RAD
            for axis in np.eye(3)
        ],
        axis=1,
    )
    weights = (1.0 + (distance / scale) ** 2) ** -2
    normal = slopes.T @ (weights[:, None] * slopes) + 1e-9 * np.eye(3)
    gradients = weights[:, None] * slopes * distance[:, None]
    return turn - np.linalg.solve(normal, gradients.sum(axis=0)), normal, gradients


def _distances(turn: Array, rays_a: Array, rays_b: Array, a_from_b: Array) -> Array:
    b_from_a = (a_from_b[:3, :3] @ Rotation.from_rotvec(turn).as_matrix()).T
    return sampson_distance(
        essential_of(b_from_a, -b_from_a @ a_from_b[:3, 3]), rays_a, rays_b
    )


def _median_distance(
    turn: Array, rays_a: Array, rays_b: Array, a_from_b: Array
) -> float:
    return float(np.median(np.abs(_distances(turn, rays_a, rays_b, a_from_b))))
