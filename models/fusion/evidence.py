"""What kinds of residuals say of a pose, by quarters of the picture, and by how much they contradict one another.

Pixels that err alike, a bent depth camera, colours beside their depth: residuals do not show how far these move the
pose, but quarters that ask for other poses do, and depth that asks for another than brightness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from models.fusion.poses import Array

# what neighbouring pixels that err alike tell less than as many that are alone: depth that nothing else can contradict,
# and the least of depth and of brightness that contradict each other
CORRELATED, LEAST_CORRELATED = 16.0, (2.0, 1.0)
_RANK = 1e-6  # of eigenvalues, by the largest: below it nothing is told
_MOST_LOG = 25.0  # of the factor of a kind that is right nowhere


@dataclass(frozen=True)
class Evidence:
    """Of K kinds of residuals in T quarters of the picture, each by its own noise: of depth, and of brightness where
    there is any."""

    hessians: Array  # (K, T, 6, 6)
    slopes: Array  # (K, T, 6)

    def join(self, factors: Array | None = None) -> tuple[Array, Array]:
        """Hessian (6, 6) and slope (6,) of all, with the variances of each kind times its factor (K,)."""
        weights = np.ones(len(self.slopes)) if factors is None else 1.0 / factors
        hessian = np.einsum("k,ktij->ij", weights, self.hessians)
        return hessian, np.einsum("k,kti->i", weights, self.slopes)


def find_factors(evidence: Evidence) -> Array:
    """(K,) by how much the variance of each kind is larger than its noise says: by what quarters ask for, and of
    brightness by as much as it takes to agree with depth.

    The former is the Birge ratio (Birge 1932), the latter the between-laboratory variance of Paule and Mandel (1982)
    as a factor.
    """
    of_quarters = [
        _contradict(hessians, slopes) / (6 * (len(slopes) - 1))
        for hessians, slopes in zip(evidence.hessians, evidence.slopes, strict=True)
    ]
    if len(of_quarters) == 1:
        return np.maximum(of_quarters, CORRELATED)
    depth, brightness = np.maximum(of_quarters, LEAST_CORRELATED)
    hessians, slopes = evidence.hessians.sum(axis=1), evidence.slopes.sum(axis=1)

    def excess(log: float) -> float:
        weights = 1.0 / np.array([depth, brightness * np.exp(log)])
        off = _contradict(hessians * weights[:, None, None], slopes * weights[:, None])
        return off - 6.0

    return np.array([depth, brightness * np.exp(_find_zero(excess))])


def _find_zero(excess: Callable[[float], float]) -> float:
    """Where a function that falls is 0, from 0 to `_MOST_LOG`; the nearer end where it is nowhere."""
    if excess(0.0) <= 0:
        return 0.0
    if excess(_MOST_LOG) >= 0:
        return _MOST_LOG
    return float(brentq(excess, 0.0, _MOST_LOG, xtol=1e-3))


def _contradict(hessians: Array, slopes: Array) -> float:
    """Squares of what poses that parts (T, 6, 6), (T, 6) ask for are off the one of all, by their noise: 6 (T - 1)
    where it is as large as said."""
    alone = sum(map(_ask, hessians, slopes))
    return max(0.0, float(alone - _ask(hessians.sum(axis=0), slopes.sum(axis=0))))


def _ask(hessian: Array, slope: Array) -> float:
    return float(slope @ np.linalg.pinv(hessian, _RANK, hermitian=True) @ slope)
