"""Rotations over time: gyro samples integrated to an orientation, and orientations between samples by slerp.

Quaternions are x, y, z, w of unit length; `a_from_b` takes coordinates in b to coordinates in a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from models.geometry.quaternions import multiply

Array = NDArray[np.float64]

# cosine above which slerp and linear interpolation agree to rounding
_PARALLEL = 1.0 - 1e-9
_MIN_NORM = 1e-9


def slerp(start_xyzw: Array, end_xyzw: Array, share: Array) -> Array:
    """Quaternions (N, 4) at `share` (N,) of the shorter way from start (N, 4) to end (N, 4) (Shoemake 1985).

    Raises ValueError for a quaternion that is not finite or has no length.
    """
    start = _normalise(start_xyzw)
    end = _normalise(end_xyzw)
    cosine = (start * end).sum(axis=1)
    # q and -q are one rotation: take the nearer
    end = np.where(cosine[:, None] < 0, -end, end)
    cosine = np.minimum(np.abs(cosine), 1.0)
    angle = np.arccos(cosine)
    is_flat = cosine > _PARALLEL
    sine = np.where(is_flat, 1.0, np.sin(angle))
    left = np.where(is_flat, 1.0 - share, np.sin((1.0 - share) * angle) / sine)
    right = np.where(is_flat, share, np.sin(share * angle) / sine)
    return _normalise(left[:, None] * start + right[:, None] * end)


@dataclass(frozen=True)
class OrientationCurve:
    """Where a body points, at increasing times: start_from_body, up to a constant rotation in front."""

    t_s: Array  # (N,) strictly increasing
    start_from_body_xyzw: Array  # (N, 4)

    def at(self, t_s: Array) -> Array:
        """start_from_body rotations (..., 3, 3) at times (...); NaN where the curve does not reach."""
        t = np.asarray(t_s, np.float64).ravel()
        is_inside = (t >= self.t_s[0]) & (t <= self.t_s[-1])
        right = np.clip(
            np.searchsorted(self.t_s, t, side="right"), 1, len(self.t_s) - 1
        )
        left = right - 1
        share = (t - self.t_s[left]) / (self.t_s[right] - self.t_s[left])
        share = np.where(is_inside, share, 0.0)
        turned = slerp(
            self.start_from_body_xyzw[left], self.start_from_body_xyzw[right], share
        )
        matrices: Array = Rotation.from_quat(turned).as_matrix()
        matrices[~is_inside] = np.nan
        return matrices.reshape(*np.shape(t_s), 3, 3)


def integrate_gyro(t_s: Array, rate_rad_s: Array) -> OrientationCurve:
    """The orientation that turn rates (N, 3) in the body's frame add up to, by the trapezoid rule from step to step.

    Raises ValueError for fewer than two samples, times that do not increase, or rates that are not finite.
    """
    t = np.asarray(t_s, np.float64)
    rate = np.asarray(rate_rad_s, np.float64)
    if len(t) < 2 or rate.shape != (len(t), 3):
        raise ValueError(
            f"{len(t)} times and rates of shape {rate.shape}: give two samples or more, three rates each"
        )
    if not (np.diff(t) > 0).all() or not np.isfinite(rate).all():
        raise ValueError(
            "gyro times must increase and rates be finite: sort the samples and drop broken ones"
        )
    steps = Rotation.from_rotvec(
        0.5 * (rate[1:] + rate[:-1]) * np.diff(t)[:, None]
    ).as_quat()
    return OrientationCurve(t, _normalise(_accumulate(steps)))


def _accumulate(steps_xyzw: Array) -> Array:
    """Products (N + 1, 4) of none, one, ..., all of N quaternions (N, 4): each round doubles how many a row holds."""
    turned = np.vstack([(0.0, 0.0, 0.0, 1.0), steps_xyzw])
    reach = 1
    while reach < len(turned):
        turned[reach:] = _multiply_rows(turned[:-reach], turned[reach:])
        reach *= 2
    return turned


def _multiply_rows(left: Array, right: Array) -> Array:
    """Products (N, 4) of quaternions (N, 4)."""
    return np.stack(multiply(tuple(left.T), tuple(right.T)), axis=1)


def _normalise(quaternions: Array) -> Array:
    quaternions = np.asarray(quaternions, np.float64)
    norms = np.linalg.norm(quaternions, axis=-1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > _MIN_NORM).all()):
        raise ValueError("a quaternion has no length or is not finite: drop the sample")
    return quaternions / norms
