"""Least squares over steps of a motion that may hold a few bad ones, with standard errors.

Steps are three residuals each, in order of time. Neighbours share a picture or a pose, so they err together: a step has
noise of its own and the differences of noise that readings have, in the shares that the residuals show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky_banded, solve_banded
from scipy.optimize import least_squares

Array = NDArray[np.float64]
# values (P,) -> residuals (K, 3), each step whitened up to one factor
Residuals = Callable[[Array], Array]

MOST_SCALES = 4.5  # a step beyond is left out
_MEDIAN_NORM = 1.5382  # of three independent standard normal numbers
# products of a step with itself and the next ones, of readings with noise of 1: once and twice differenced
_PRODUCTS = {1: (2.0, -1.0), 2: (6.0, -4.0, 1.0)}
_LEAST_OWN = 0.01  # share of a step's own noise, at least


@dataclass(frozen=True)
class StepFit:
    """The values (P,) found, their covariance (P, P), which steps they rest on (K,), and what these leave."""

    values: Array
    covariance: Array
    is_kept: NDArray[np.bool_]
    scale: float  # robust standard deviation of a residual of a step


def fit_steps(
    residuals: Residuals, start: Array, differenced: int, prior: Array | None = None
) -> StepFit:
    """The values near `start` (P,) that leave least of K steps, once without those that stand out.

    A step is a difference of readings, `differenced` once or twice. `prior` (P, P) is the inverse covariance of what is
    known beforehand: that the values are those of `start`. Raises ValueError where the steps kept are fewer than the
    values.
    """
    found = least_squares(
        lambda x: residuals(x).ravel(), start, loss="soft_l1", x_scale="jac"
    )
    left = residuals(found.x)
    norms = np.linalg.norm(left, axis=1)
    is_kept = norms < find_most_norm(norms)
    if is_kept.sum() < len(start):
        raise ValueError(
            f"{is_kept.sum()} steps agree: {len(start)} or more are needed"
        )
    whiten = _Whitener.of(left[is_kept], differenced)
    root = np.zeros((0, len(start))) if prior is None else _take_root(prior)

    def all_residuals(x: Array) -> Array:
        mine = whiten(residuals(x)[is_kept]).ravel()
        return np.concatenate([mine, root @ (x - start)])

    found = least_squares(all_residuals, found.x, x_scale="jac")
    return StepFit(found.x, _find_covariance(found, root), is_kept, _find_scale(norms))


def find_most_norm(norms: Array) -> float:
    """Beyond which one of the lengths (K,) of three numbers each stands out of the others."""
    return float(MOST_SCALES * _find_scale(norms) * np.sqrt(3.0))


def _find_scale(norms: Array) -> float:
    """Robust standard deviation of a number, by the lengths (K,) of three each."""
    return max(float(np.median(norms)) / _MEDIAN_NORM, float(np.finfo(float).tiny))


@dataclass(frozen=True)
class _Whitener:
    """Takes residuals of steps apart into numbers that do not err together; each of the three by itself."""

    # lower triangles of the roots of the steps' covariances, by diagonals
    banded: Array  # (3, B, K)

    @classmethod
    def of(cls, left: Array, differenced: int) -> _Whitener:
        """By what K steps leave (K, 3)."""
        own, *others = _PRODUCTS[differenced]
        tables = []
        for column in left.T:
            variance = float((column**2).mean()) + np.finfo(float).tiny
            shared = float((column[1:] * column[:-1]).mean()) / others[0]
            shared = min(max(shared, 0.0), (1.0 - _LEAST_OWN) * variance / own)
            rows = [variance, *(shared * product for product in others)]
            table = np.outer(rows, np.ones(len(left)))
            tables.append(cholesky_banded(table, lower=True))
        return cls(np.stack(tables))

    def __call__(self, left: Array) -> Array:
        """(K, 3) of (K, 3)."""
        reach = (self.banded.shape[1] - 1, 0)
        columns = zip(self.banded, left.T, strict=True)
        return np.stack([solve_banded(reach, root, c) for root, c in columns], axis=1)


def _find_covariance(found: Any, root: Array) -> Array:
    """(P, P) of the values of a least-squares fit whose last residuals are those of the prior."""
    count = len(found.fun) - len(root)
    slopes, left = found.jac[:count], found.fun[:count]
    inverse = np.linalg.pinv(found.jac.T @ found.jac, hermitian=True)
    variance = float(left @ left) / max(1, count - len(found.x))
    spread = variance * slopes.T @ slopes + root.T @ root
    return np.asarray(inverse @ spread @ inverse)


def _take_root(information: Array) -> Array:
    """A (P, P) with A^T A the information, which may say nothing of some values."""
    strengths, axes = np.linalg.eigh(information)
    return np.sqrt(np.maximum(strengths, 0.0))[:, None] * axes.T
