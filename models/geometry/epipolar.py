"""Two views of one scene: how well a rotation explains rays of both, and their distance to epipolar lines.

Cameras a and b, `b_from_a` the rotation (3, 3) between them; the translation is never needed with its length.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_TIGHTENINGS = 3
_STEADFAST = 2.0  # standard deviations
_MAD = 0.6745  # of a normal distribution: its middle absolute value
_LEAST_RAD = 1e-5  # no point is tracked better
_RANK = 1e-12  # an eigenvalue below this share of the largest is none
# _TURNS[:, :, m] @ v == e_m x v
_TURNS = np.cross(np.eye(3)[:, None], np.eye(3)[None]).transpose(2, 1, 0)


def find_rigid(
    rays_a: Array, rays_b: Array, tolerance_rad: float
) -> tuple[NDArray[np.bool_], Array]:
    """Which of N ray pairs (N, 3), z = 1, agree with one rigid motion, and its rotation b_from_a (3, 3).

    Graph-cut RANSAC (Barath and Matas 2018) with the five-point solver (Nister 2004). Of the two rotations that an
    essential matrix allows, the smaller: the other turns by 180 degrees more. No pair agrees where there are fewer
    than eight.
    """
    none = np.zeros(len(rays_a), bool), np.eye(3)
    if len(rays_a) < 8:
        return none
    a, b = np.ascontiguousarray(rays_a[:, :2]), np.ascontiguousarray(rays_b[:, :2])
    essential, mask = cv2.findEssentialMat(
        a,
        b,
        np.eye(3),
        cv2.USAC_ACCURATE,
        _CONFIDENCE,
        tolerance_rad,
        maxIters=_MAX_DRAWS,
    )
    if essential is None or essential.shape != (3, 3):
        return none
    turns = cv2.decomposeEssentialMat(essential)[:2]
    return np.asarray(mask.ravel() == 1), np.asarray(max(turns, key=np.trace))


def find_steadfast(
    rays_a: Array, rays_b: Array, tolerance_rad: float
) -> tuple[NDArray[np.bool_], Array]:
    """As `find_rigid`, of which only those are kept that miss their epipolar lines by no more than two standard
    deviations of what most miss them by.

    Where a line ends behind an edge that is nearer, a corner is seen that is no point: it slides along the edge. It
    does so by less than `tolerance_rad`, and over all steps to the same side, so it turns what is made of them.
    """
    kept, b_from_a = find_rigid(rays_a, rays_b, tolerance_rad)
    is_near = kept
    for _ in range(_TIGHTENINGS):
        if kept.sum() < 8:
            return kept, b_from_a
        moments = PairMoments.of(rays_a[kept], rays_b[kept])
        refined = refine_rotations(b_from_a[None], PairMoments.stack([moments]))
        b_from_a = refined[0]
        essential = essential_of(b_from_a, moments.find_direction(b_from_a))
        missed = np.abs(sampson_distance(essential, rays_a, rays_b))
        usual = float(np.median(missed[kept])) / _MAD
        kept = is_near & (missed <= _STEADFAST * max(usual, _LEAST_RAD))
    return kept, b_from_a


@dataclass(frozen=True)
class PairMoments:
    """All that N ray pairs of two images say about the rotation between them, in a size that does not grow with N.

    A ray pair allows a rotation R and a direction t of translation when t . (ray_b x R ray_a) = 0 (rays of length 1).
    For a given R the best t is an eigenvector, and the smallest eigenvalue is what remains (Kneip and Lynen 2013).
    """

    outer: Array  # (81, 9): products of two entries of R -> entries of the sum of outer products of normals (3, 3)
    num_points: int | NDArray[np.int64]

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

    @classmethod
    def stack(cls, moments: Sequence[PairMoments]) -> PairMoments:
        """Those of K image pairs as one: what it gives has an axis (K,) in front."""
        num_points = np.array([m.num_points for m in moments])
        return cls(np.array([m.outer for m in moments]).reshape(-1, 81, 9), num_points)

    def choose(self, is_chosen: NDArray[np.bool_]) -> PairMoments:
        """Those of some of K stacked image pairs: `is_chosen` (K,)."""
        return PairMoments(
            self.outer[is_chosen], np.asarray(self.num_points)[is_chosen]
        )

    def find_direction(self, b_from_a: Array) -> Array:
        """The direction (3,) of the origin of a, in b, that explains one image pair best under a rotation (3, 3)."""
        flat = b_from_a.reshape(9)
        matrix = np.outer(flat, flat).reshape(81) @ self.outer
        return np.asarray(np.linalg.eigh(matrix.reshape(3, 3))[1][:, 0])

    def residual(self, b_from_a: Array) -> Array:
        """Mean squared residual (..., L), rad^2, left under each of the rotations (..., L, 3, 3) and its best
        direction."""
        flat = b_from_a.reshape(*b_from_a.shape[:-2], 9)
        products = flat[..., :, None] * flat[..., None, :]
        matrices = products.reshape(*flat.shape[:-1], 81) @ self.outer
        least = np.linalg.eigvalsh(matrices.reshape(b_from_a.shape))[..., 0]
        return np.maximum(least, 0.0) / np.asarray(self.num_points)[..., None]


@dataclass(frozen=True)
class NormalEquations:
    """Least squares over small turns phi of the ray pairs of each of K image pairs: b_from_a exp(phi).

    A ray pair misses t . (ray_b x R ray_a). The direction t of translation is eliminated: whatever it can take up is
    gone from `normal`.
    """

    missed: Array  # (K,) sum of squares at phi = 0
    gradient: Array  # (K, 3) half of its derivative by phi, per rad, camera a
    normal: Array  # (K, 3, 3) so that normal @ phi = -gradient at the least

    @classmethod
    def at(cls, b_from_a: Array, moments: PairMoments) -> NormalEquations:
        """At the rotations `b_from_a` (K, 3, 3) of K stacked image pairs."""
        count = len(b_from_a)
        outer = moments.outer.reshape(count, 9, 9, 9)
        flat = b_from_a.reshape(count, 9)
        # the entries of R exp(phi) change by these (K, 9, 3)
        change = np.einsum("kij,jlm->kilm", b_from_a, _TURNS).reshape(count, 9, 3)
        # an entry of R times a normal, summed over the points (K, 9, 3, 3)
        half = (flat[:, None, None, :] @ outer).reshape(count, 9, 3, 3)
        least, axes = np.linalg.eigh(np.einsum("kr,krpq->kpq", flat, half))
        direction, sideways = axes[:, :, 0], axes[:, :, 1:]
        mixed = np.einsum("krm,krpq,kp->kmq", change, half, direction, optimize=True)
        pinned = direction[:, :, None] * direction[:, None, :]
        slopes = (moments.outer @ pinned.reshape(count, 9, 1)).reshape(count, 9, 9)
        # the eigenvectors are orthogonal in the points too, so that each is eliminated by itself
        taken = mixed @ sideways
        strength = np.maximum(least[:, None, 1:], _RANK * least[:, None, 2:])
        normal = change.mT @ slopes @ change - (taken / strength) @ taken.mT
        gradient = (mixed @ direction[:, :, None])[:, :, 0]
        return cls(np.maximum(least[:, 0], 0.0), gradient, normal)


def refine_rotations(b_from_a: Array, moments: PairMoments) -> Array:
    """The rotations near `b_from_a` (K, 3, 3) that explain K stacked image pairs best, by Gauss and Newton."""
    for _ in range(REFINEMENTS):
        found = NormalEquations.at(b_from_a, moments)
        inverse = np.linalg.pinv(found.normal, rcond=_RANK, hermitian=True)
        turns = -(inverse @ found.gradient[:, :, None])[:, :, 0]
        turns = np.clip(turns, -_MAX_TURN_RAD, _MAX_TURN_RAD)
        b_from_a = b_from_a @ Rotation.from_rotvec(turns).as_matrix()
    return b_from_a


def keep_known(rays_a: Array, rays_b: Array) -> tuple[Array, Array]:
    """Those of N ray pairs (N, 3) of which both rays are there: a lens has none for pixels outside of its domain."""
    is_known = np.isfinite(rays_a).all(axis=1) & np.isfinite(rays_b).all(axis=1)
    if is_known.all():
        return rays_a, rays_b
    return rays_a[is_known], rays_b[is_known]


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
    # by columns: NumPy sums rows of three one at a time
    x, y, z = (rays_b * lines_b).T
    (a_b, b_b, _), (a_a, b_a, _) = lines_b.T, lines_a.T
    gradient = (a_b**2 + b_b**2) + (a_a**2 + b_a**2)
    return np.asarray((x + y + z) / np.sqrt(np.maximum(gradient, 1e-24)))
