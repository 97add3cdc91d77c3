"""Brown and Conrady's lens as OpenCV has it: radial, decentring and thin-prism terms over a pinhole; none is a pinhole.

    x' = x g + 2 p1 x y + p2 (u + 2 x^2) + s1 u + s2 u^2,   u = x^2 + y^2,   x = X / Z
    y' = y g + p1 (u + 2 y^2) + 2 p2 x y + s3 u + s4 u^2
    g = (1 + k1 u + k2 u^2 + k3 u^3) / (1 + k4 u + k5 u^2 + k6 u^3)

Domain: Z > 0, and inside of the first fold: the radial part still rises, its denominator is above 0, and so is the
determinant of the whole. Points beyond a fold land on pixels of others, and no pixel tells of them (Brown 1971).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import polynomial

from models.geometry.lenses.lens import (
    Array,
    Projection,
    find_first_root,
    invert_rising,
)

_ROUNDS = 30
_SETTLED = 1e-13
_NUM = 12


class BrownConrady:
    """k1 k2 p1 p2, then k3, then k4 k5 k6, then s1 s2 s3 s4: OpenCV's order."""

    name = "brown_conrady"
    names = tuple(
        ["k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4"]
    )
    counts = (0, 2, 4, 5, 8, 12)

    def project(self, points: Array, parameters: Array) -> Projection:
        """See `Lens`."""
        k = _fill(parameters)
        is_seen = points[:, 2] > 0
        z = np.where(is_seen, points[:, 2], np.nan)
        x, y = points[:, 0] / z, points[:, 1] / z
        is_seen &= x * x + y * y < find_limit(k) ** 2
        x, y = np.where(is_seen, x, np.nan), np.where(is_seen, y, np.nan)
        plane, slopes = _distort(x, y, k)
        # where the other terms fold before the radial part does
        is_folded = ~(_determinant(slopes) > 0)
        plane[is_folded] = np.nan
        slopes[is_folded] = np.nan
        by_point = np.empty((len(points), 2, 3))
        by_point[:, :, :2] = slopes / z[:, None, None]
        by_point[:, :, 2] = -(
            by_point[:, :, 0] * x[:, None] + by_point[:, :, 1] * y[:, None]
        )
        by_parameters = _by_parameters(x, y, k)[:, :, : len(parameters)]
        by_parameters[is_folded] = np.nan
        return Projection(plane, by_point, by_parameters)

    def unproject(self, plane: Array, parameters: Array) -> Array:
        """See `Lens`."""
        k = _fill(parameters)
        if not k.any():
            return _to_rays(plane)
        limit = find_limit(k)
        flat = _start(plane, k, limit)
        for _ in range(_ROUNDS):
            found, slopes = _distort(flat[:, 0], flat[:, 1], k)
            step = _solve(slopes, found - plane)
            flat = flat - step
            if not (np.abs(step) > _SETTLED * (1 + np.abs(flat))).any():
                break
        found, slopes = _distort(flat[:, 0], flat[:, 1], k)
        with np.errstate(invalid="ignore"):
            is_home = np.abs(found - plane).max(axis=1) < 1e-10 * (
                1 + np.abs(plane).max(axis=1)
            )
            is_home &= np.hypot(*flat.T) < limit
            is_home &= _determinant(slopes) > 0
        return _to_rays(np.where(is_home[:, None], flat, np.nan))


BROWN_CONRADY = BrownConrady()


def find_limit(parameters: Array) -> float:
    """The radius at Z = 1 up to which the radial part rises; infinity where it always does."""
    return _find_limit(*_fill(parameters)[[0, 1, 4, 5, 6, 7]].tolist())


@lru_cache(64)
def _find_limit(
    k1: float, k2: float, k3: float, k4: float, k5: float, k6: float
) -> float:
    above, below = np.array([1.0, k1, k2, k3]), np.array([1.0, k4, k5, k6])
    # by r, in powers of u: (r g)' times the denominator squared
    odd = above * [1, 3, 5, 7]
    rise = polynomial.polysub(
        polynomial.polymul(odd, below),
        polynomial.polymul([0, *above], polynomial.polyder(below) * 2),
    )
    return float(np.sqrt(min(find_first_root(rise), find_first_root(below))))


def _fill(parameters: Array) -> Array:
    return np.concatenate([parameters, np.zeros(_NUM - len(parameters))])


def _radial(u: Array, k: Array) -> tuple[Array, Array, Array, Array]:
    """g, its derivative by u, numerator and denominator."""
    above = 1 + u * (k[0] + u * (k[1] + u * k[4]))
    below = 1 + u * (k[5] + u * (k[6] + u * k[7]))
    slope_above = k[0] + u * (2 * k[1] + 3 * u * k[4])
    slope_below = k[5] + u * (2 * k[6] + 3 * u * k[7])
    g = above / below
    return g, (slope_above - g * slope_below) / below, above, below


def _distort(x: Array, y: Array, k: Array) -> tuple[Array, Array]:
    """Places (N, 2) and their derivatives by x and y (N, 2, 2)."""
    _, _, p1, p2, *_, s1, s2, s3, s4 = k
    u = x * x + y * y
    g, slope, _, _ = _radial(u, k)
    plane = np.stack(
        [
            x * g + 2 * p1 * x * y + p2 * (u + 2 * x * x) + u * (s1 + s2 * u),
            y * g + p1 * (u + 2 * y * y) + 2 * p2 * x * y + u * (s3 + s4 * u),
        ],
        axis=-1,
    )
    mixed = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
    prism_x, prism_y = 2 * (s1 + 2 * s2 * u), 2 * (s3 + 2 * s4 * u)
    slopes = np.empty((len(x), 2, 2))
    slopes[:, 0, 0] = g + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x + x * prism_x
    slopes[:, 0, 1] = mixed + y * prism_x
    slopes[:, 1, 0] = mixed + x * prism_y
    slopes[:, 1, 1] = g + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x + y * prism_y
    return plane, slopes


def _by_parameters(x: Array, y: Array, k: Array) -> Array:
    """(N, 2, 12)."""
    u = x * x + y * y
    g, _, _, below = _radial(u, k)
    zero = np.zeros_like(u)
    powers = np.stack([u, u * u, u**3], axis=-1) / below[:, None]  # (N, 3)
    of_x = np.column_stack(
        [
            x[:, None] * powers[:, :2],
            2 * x * y,
            u + 2 * x * x,
            x * powers[:, 2],
            -(x * g)[:, None] * powers,
            u,
            u * u,
            zero,
            zero,
        ]
    )
    of_y = np.column_stack(
        [
            y[:, None] * powers[:, :2],
            u + 2 * y * y,
            2 * x * y,
            y * powers[:, 2],
            -(y * g)[:, None] * powers,
            zero,
            zero,
            u,
            u * u,
        ]
    )
    return np.stack([of_x, of_y], axis=1)


def _start(plane: Array, k: Array, limit: float) -> Array:
    """Where the radial part alone would have it from; near the fold where it reaches no further."""
    radius = np.hypot(*plane.T)

    def curve(r: Array) -> tuple[Array, Array]:
        g, slope, _, _ = _radial(r * r, k)
        return r * g, g + 2 * r * r * slope

    # not the fold itself: nothing can be solved there
    reach = limit * (1 - 1e-6)
    found = invert_rising(curve, radius, reach)
    found = np.where(np.isnan(found), reach if np.isfinite(reach) else radius, found)
    return np.asarray(plane * (found / np.maximum(radius, 1e-300))[:, None])


def _solve(slopes: Array, miss: Array) -> Array:
    """Steps (N, 2) of N systems of two equations; NaN where one has no solution."""
    (a, b), (c, d) = slopes[:, 0].T, slopes[:, 1].T
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / _determinant(slopes)
        x = (d * miss[:, 0] - b * miss[:, 1]) * scale
        y = (a * miss[:, 1] - c * miss[:, 0]) * scale
    return np.stack([x, y], axis=1)


def _determinant(slopes: Array) -> Array:
    return np.asarray(
        slopes[:, 0, 0] * slopes[:, 1, 1] - slopes[:, 0, 1] * slopes[:, 1, 0]
    )


def _to_rays(flat: Array) -> Array:
    rays = np.column_stack([flat, np.ones(len(flat))])
    rays[~np.isfinite(flat).all(axis=1)] = np.nan
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))
