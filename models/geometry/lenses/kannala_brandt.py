"""Kannala and Brandt's lens with four terms, OpenCV's fisheye: the angle to the axis decides, not its tangent.

    x' = t X / r,   y' = t Y / r,   t = a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8)
    a = atan2(r, Z), from 0 to pi,   r = sqrt(X^2 + Y^2)

Domain: all directions up to the angle at which t stops rising, at most pi; behind the camera too, where the lens sees
that far. The direction straight back has no place (Kannala and Brandt 2006).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from models.geometry.lenses.lens import (
    Array,
    Projection,
    find_first_root,
    invert_rising,
)

_ON_AXIS = 1e-9


class KannalaBrandt:
    """k1 k2 k3 k4."""

    name = "kannala_brandt"
    names = ("k1", "k2", "k3", "k4")
    counts = (4,)

    def project(self, points: Array, parameters: Array) -> Projection:
        """See `Lens`."""
        x, y, z = points.T
        r = np.hypot(x, y)
        angle = np.arctan2(r, z)
        is_seen = (angle <= find_limit(parameters)) & ~((r == 0) & (z <= 0))
        angle = np.where(is_seen, angle, np.nan)
        bent, slope = _bend(angle, parameters)
        square = r * r + z * z
        is_axis = r < _ON_AXIS * np.abs(z)
        safe = np.where(is_axis, 1.0, r)
        safe_z = np.where(is_axis, z, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(is_axis, 1 / safe_z, bent / safe)
            # the scale changes by x and y times this
            inner = np.where(
                is_axis,
                2 * (parameters[0] - 1 / 3) / safe_z**3,
                (slope * z / square - scale) / safe**2,
            )
            by_z = np.where(is_axis, -1 / safe_z**2, -slope / square)
        scale = np.where(is_seen, scale, np.nan)
        plane = np.stack([x * scale, y * scale], axis=-1)
        by_point = np.empty((len(points), 2, 3))
        by_point[:, 0, 0] = scale + x * x * inner
        by_point[:, 0, 1] = by_point[:, 1, 0] = x * y * inner
        by_point[:, 1, 1] = scale + y * y * inner
        by_point[:, :, 2] = points[:, :2] * by_z[:, None]
        by_point[~is_seen] = np.nan
        powers = angle[:, None] ** [3, 5, 7, 9]  # (N, 4)
        outward = points[:, :2] / safe[:, None]
        return Projection(plane, by_point, outward[:, :, None] * powers[:, None, :])

    def unproject(self, plane: Array, parameters: Array) -> Array:
        """See `Lens`."""
        radius = np.hypot(*plane.T)
        angle = invert_rising(
            lambda a: _bend(a, parameters), radius, find_limit(parameters)
        )
        outward = plane / np.maximum(radius, 1e-300)[:, None]
        return np.column_stack([outward * np.sin(angle)[:, None], np.cos(angle)])


KANNALA_BRANDT = KannalaBrandt()


def find_limit(parameters: Array) -> float:
    """The angle in rad up to which the lens sees, at most pi."""
    return _find_limit(*parameters.tolist())


@lru_cache(64)
def _find_limit(k1: float, k2: float, k3: float, k4: float) -> float:
    rise = np.array([1.0, 3 * k1, 5 * k2, 7 * k3, 9 * k4])
    return float(min(np.pi, np.sqrt(find_first_root(rise))))


def _bend(angle: Array, k: Array) -> tuple[Array, Array]:
    """t and its slope."""
    s = angle * angle
    bent = angle * (1 + s * (k[0] + s * (k[1] + s * (k[2] + s * k[3]))))
    slope = 1 + s * (3 * k[0] + s * (5 * k[1] + s * (7 * k[2] + s * 9 * k[3])))
    return bent, slope
