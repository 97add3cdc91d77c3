"""Rigid motions as matrices: small steps, what they do to uncertainty, and one path laid on another.

A step is six numbers, a turn in rad (a rotation vector) and a shift in m, applied behind a pose: `pose @
to_pose(step)`, so it is in the frame that the pose takes points from. Covariances and information matrices are of such
steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


def to_pose(steps: Array) -> Array:
    """Poses (..., 4, 4) of steps (..., 6)."""
    steps = np.asarray(steps, np.float64)
    poses = np.zeros((*steps.shape[:-1], 4, 4))
    turns = Rotation.from_rotvec(steps[..., :3].reshape(-1, 3)).as_matrix()
    poses[..., :3, :3] = turns.reshape(*steps.shape[:-1], 3, 3)
    poses[..., :3, 3] = steps[..., 3:]
    poses[..., 3, 3] = 1.0
    return poses


def to_step(poses: Array) -> Array:
    """Steps (..., 6) of poses (..., 4, 4)."""
    poses = np.asarray(poses, np.float64)
    turns = Rotation.from_matrix(poses[..., :3, :3].reshape(-1, 3, 3)).as_rotvec()
    return np.concatenate(
        [turns.reshape(*poses.shape[:-2], 3), poses[..., :3, 3]], axis=-1
    )


def invert(poses: Array) -> Array:
    """b_from_a (..., 4, 4) of rigid a_from_b."""
    turned = np.swapaxes(poses[..., :3, :3], -1, -2)
    inverse = np.zeros_like(poses)
    inverse[..., :3, :3] = turned
    inverse[..., :3, 3] = -(turned @ poses[..., :3, 3:])[..., 0]
    inverse[..., 3, 3] = 1.0
    return inverse


def move(pose: Array, points: NDArray[Any]) -> NDArray[Any]:
    """Points (N, 3) of b in a, by a_from_b (4, 4)."""
    turn = pose[:3, :3].astype(points.dtype)
    return np.asarray(points @ turn.T + pose[:3, 3].astype(points.dtype))


def carry(pose: Array) -> Array:
    """(6, 6): a step before `pose` as the step behind it that does the same, to first order."""
    turn = pose[:3, :3].T
    carried = np.zeros((6, 6))
    carried[:3, :3] = carried[3:, 3:] = turn
    carried[3:, :3] = -turn @ skew(pose[:3, 3])
    return carried


def skew(vector: Array) -> Array:
    """(3, 3): `skew(a) @ b` is the cross product of a and b."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def from_numbers(values: Sequence[float]) -> Array:
    """A pose (4, 4) of x, y, z in m and a quaternion x, y, z, w, which is brought to length 1.

    Raises ValueError for numbers that are no pose.
    """
    numbers = np.asarray(values, np.float64)
    if numbers.shape != (7,) or not np.isfinite(numbers).all():
        raise ValueError(f"{len(values)} numbers are no pose: x, y, z and x, y, z, w")
    if np.linalg.norm(numbers[3:]) < 1e-9:
        raise ValueError("a quaternion has no length: drop the pose")
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(numbers[3:]).as_matrix()
    pose[:3, 3] = numbers[:3]
    return pose


def to_numbers(pose: Array) -> list[float]:
    """x, y, z in m and the quaternion x, y, z, w with w at least 0."""
    quaternion = Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True)
    return [*map(float, pose[:3, 3]), *map(float, quaternion)]


def lay_on(found: Array, given: Array) -> Array:
    """given_from_found (4, 4): the rigid motion that brings points (N, 3) nearest to their counterparts (Umeyama 1991,
    without scale). Of fewer than three points, or points on a line, the turn that is left open is the least."""
    middle_found, middle_given = found.mean(axis=0), given.mean(axis=0)
    u, _, vt = np.linalg.svd((given - middle_given).T @ (found - middle_found))
    signs = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    pose = np.eye(4)
    pose[:3, :3] = u @ signs @ vt
    pose[:3, 3] = middle_given - pose[:3, :3] @ middle_found
    return pose
