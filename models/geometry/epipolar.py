"""Two views of one scene: how well a rotation explains rays of both, and their distance to epipolar lines.

Cameras a and b, `b_from_a` the rotation (3, 3) between them; the translation is never needed with its length.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]

REFINEMENTS = 4
_CONFIDENCE = 0.999
_MAX_DRAWS = 500
_MAX_TURN_RAD = 0.05  # of one refinement


def find_rigid(
    rays_a: Array, rays_b: Array, tolerance_rad: float
) -> tuple[NDArray[np.bool_], Array]:
    """Which of N ray pairs (N, 3), z = 1, agree with one rigid motion, and its rotation b_from_a (3, 3).

    RANSAC with the five-point solver (Nister 2004). Of the two rotations that an essential matrix allows, the smaller:
    the other turns by 180 degrees more. No pair agrees where there are fewer than eight.
    """
    none = np.zeros(len(rays_a), bool), np.eye(3)
    if len(rays_a) < 8:
        return none
    a, b = np.ascontiguousarray(rays_a[:, :2]), np.ascontiguousarray(rays_b[:, :2])
    essential, mask = cv2.findEssentialMat(
        a, b, np.eye(3), cv2.RANSAC, _CONFIDENCE, tolerance_rad, maxIters=_MAX_DRAWS
    )
    if essential is None or essential.shape != (3, 3):
        return none
    turns = cv2.decomposeEssentialMat(essential)[:2]
    return np.asarray(mask.ravel() == 1), np.asarray(max(turns, key=np.trace))


@dataclass(frozen=True)
class PairMoments:
    """All that N ray pairs of two images say about the rotation between them, in a size that does not grow with N.

    A ray pair allows a rotation R and a direction t of translation when t . (ray_b x R ray_a) = 0 (rays of length 1).
    For a given R the best t is an eigenvector, and the smallest eigenvalue is what remains (Kneip and Lynen 2013).
    """

    outer: Array  # (81, 9): products of two entries of R -> entries of the sum of outer products of normals (3, 3)
    num_points: int

    @classmethod
    def of(cls, rays_a: Array, rays_b: Array) -> PairMoments:
        """The moments of ray pairs, (N, 3) each, of any length, in the frames of cameras a and b."""
        a, b = to_unit(rays_a), to_unit(rays_b)
        cross = np.zeros((len(b), 3, 3))  # cross[i] @ v == b[i] x v
        cross[:, 0, 1] = -b[:, 2]
        cross[:, 0, 2] = b[:, 1]
        cross[:, 1, 2] = -b[:, 0]
        cross[:, 1, 0] = b[:, 2]
        cross[:, 2, 0] = -b[:, 1]
        cross[:, 2, 1] = b[:, 0]
        # linear in the nine entries of R
        normals = np.einsum("npj,nk->npjk", cross, a).reshape(len(a), 27)
        outer = (normals.T @ normals).reshape(3, 9, 3, 9)
        return cls(outer.transpose(1, 3, 0, 2).reshape(81, 9), len(a))

    def residual(self, b_from_a: Array) -> Array:
        """Mean squared residual (L,), rad^2, left under each of the rotations (L, 3, 3) and its best direction."""
        flat = b_from_a.reshape(-1, 9)
        products = (flat[:, :, None] * flat[:, None, :]).reshape(-1, 81)
        matrices = (products @ self.outer).reshape(-1, 3, 3)
        return np.maximum(np.linalg.eigvalsh(matrices)[:, 0], 0.0) / self.num_points


@dataclass(frozen=True)
class Linearised:
    """What ray pairs leave unexplained at a rotation, and how that changes with small turns phi: b_from_a exp(phi).

    The direction of translation is eliminated: whatever it can take up is gone from `slopes`.
    """

    missed: Array  # (N,) t . (ray_b x R ray_a)
    slopes: Array  # (N, 3) per rad of phi, camera a

    @classmethod
    def at(cls, b_from_a: Array, unit_a: Array, unit_b: Array) -> Linearised:
        """At the rotation `b_from_a` (3, 3), for rays of unit length (N, 3) in the frames of their cameras."""
        normals = np.cross(unit_b, unit_a @ b_from_a.T)  # (N, 3)
        direction = np.linalg.eigh(normals.T @ normals)[1][:, 0]
        slopes = np.cross(unit_a, np.cross(direction, unit_b) @ b_from_a)
        # (N, 2) change with the direction
        sideways = normals @ np.linalg.svd(direction[None])[2][1:].T
        free = slopes - sideways @ np.linalg.lstsq(sideways, slopes, rcond=None)[0]
        return cls(normals @ direction, free)


def refine_rotation(b_from_a: Array, unit_a: Array, unit_b: Array) -> Array:
    """The rotation (3, 3) near `b_from_a` that explains rays of unit length (N, 3) best, by Gauss and Newton."""
    for _ in range(REFINEMENTS):
        linear = Linearised.at(b_from_a, unit_a, unit_b)
        turn = np.linalg.lstsq(linear.slopes, -linear.missed, rcond=None)[0]
        b_from_a = (
            b_from_a
            @ Rotation.from_rotvec(
                np.clip(turn, -_MAX_TURN_RAD, _MAX_TURN_RAD)
            ).as_matrix()
        )
    return b_from_a


def to_unit(rays: Array) -> Array:
    """Rays (N, 3) of length 1."""
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def essential_of(b_from_a: Array, origin_a_in_b: Array) -> Array:
    """E (3, 3) with ray_b^T E ray_a = 0, of a rotation and the origin of a in b (any length but 0)."""
    x, y, z = origin_a_in_b / np.linalg.norm(origin_a_in_b)
    return np.asarray(np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) @ b_from_a)


def sampson_distance(essential: Array, rays_a: Array, rays_b: Array) -> Array:
    """Signed first-order distance (N,) of ray pairs, z = 1, to the epipolar constraint, in units of z = 1.

    Times the focal length it is pixels (Sampson 1982; Hartley and Zisserman 2004, 11.4.3).
    """
    lines_b = rays_a @ essential.T
    lines_a = rays_b @ essential
    gradient = (lines_b[:, :2] ** 2).sum(axis=1) + (lines_a[:, :2] ** 2).sum(axis=1)
    return np.asarray(
        (rays_b * lines_b).sum(axis=1) / np.sqrt(np.maximum(gradient, 1e-24))
    )
