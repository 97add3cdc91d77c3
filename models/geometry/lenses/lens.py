"""What every lens can do, and how a growing function of one variable is undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# value and slope at each place
Curve = Callable[[Array], tuple[Array, Array]]

_ROUNDS = 100  # halvings alone reach the last digit in 60
_FAR = 1e8


@dataclass(frozen=True)
class Projection:
    """Places of points on the plane at focal length 1, with their derivatives; NaN outside of the domain."""

    plane: Array  # (N, 2)
    by_point: Array  # (N, 2, 3) per unit of the points
    by_parameters: Array  # (N, 2, P)


class Lens(Protocol):
    """A family of lenses. `parameters` are in the order of `names`; a family may take fewer, the others are 0."""

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def counts(self) -> tuple[int, ...]:
        """How many parameters may be given."""
        ...

    def project(self, points: Array, parameters: Array) -> Projection:
        """Of points (N, 3), camera frame: x right, y down, z forward."""
        ...

    def unproject(self, plane: Array, parameters: Array) -> Array:
        """Rays (N, 3) of length 1 of places (N, 2); NaN where no ray of the domain comes from."""
        ...


def invert_rising(curve: Curve, values: Array, limit: float) -> Array:
    """Where `curve`, which rises from 0 at 0 up to `limit`, takes these values (N,); NaN where it does not.

    Newton's steps, kept inside of a bracket that shrinks.
    """
    low = np.zeros_like(values)
    high = (
        np.full_like(values, limit) if np.isfinite(limit) else _bracket(curve, values)
    )
    is_reached = (values >= 0) & (values <= curve(high)[0])
    at = np.clip(values, low, high)
    for _ in range(_ROUNDS):
        found, slope = curve(at)
        miss = found - values
        high = np.where(miss > 0, at, high)
        low = np.where(miss <= 0, at, low)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = at - miss / slope
        is_inside = (step >= low) & (step <= high)
        before, at = at, np.where(is_inside, step, 0.5 * (low + high))
        if not (np.abs(at - before) > 4e-16 * np.abs(at))[is_reached].any():
            break
    return np.where(is_reached, at, np.nan)


def _bracket(curve: Curve, values: Array) -> Array:
    """Where the curve has passed the values, or as far as one looks."""
    high = np.maximum(values, 1.0)
    for _ in range(64):
        is_short = (curve(high)[0] < values) & (high < _FAR)
        if not is_short.any():
            break
        high = np.where(is_short, 2.0 * high, high)
    return high


def find_first_root(coefficients: Array) -> float:
    """The smallest root above 0 of a polynomial, lowest power first; infinity where it has none."""
    roots = np.polynomial.polynomial.polyroots(np.trim_zeros(coefficients, "b"))
    real = roots.real[
        (np.abs(roots.imag) < 1e-9 * np.maximum(1, np.abs(roots)))
        & (roots.real > 1e-12)
    ]
    return float(real.min()) if len(real) else np.inf
