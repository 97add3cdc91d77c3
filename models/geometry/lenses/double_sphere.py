"""The double sphere lens of Usenko, Demmel and Cremers (2018): closed form both ways, beyond 180 degrees.

    x' = X / m,   y' = Y / m,   m = alpha d2 + (1 - alpha) s
    s = xi d1 + Z,   d1 = |(X, Y, Z)|,   d2 = |(X, Y, s)|

Domain: s > -w d2 with w = alpha / (1 - alpha) up to a half, (1 - alpha) / alpha above; places up to
r^2 = 1 / (2 alpha - 1) where alpha is above a half, all otherwise. The two fit each other; the paper's bound on Z / d1
is narrower by up to some degrees. alpha lies in [0, 1] and xi in (-1, 1].
"""

from __future__ import annotations

import numpy as np

from models.geometry.lenses.lens import Array, Projection


class DoubleSphere:
    """xi alpha: the order of Basalt and Kalibr."""

    name = "double_sphere"
    names = ("xi", "alpha")
    counts = (2,)

    def project(self, points: Array, parameters: Array) -> Projection:
        """See `Lens`."""
        xi, alpha = parameters
        d1 = np.linalg.norm(points, axis=1)
        shifted = xi * d1 + points[:, 2]
        d2 = np.sqrt(points[:, 0] ** 2 + points[:, 1] ** 2 + shifted**2)
        is_seen = (shifted > -_find_slope(xi, alpha) * d2) & (d2 > 0)
        points = np.where(is_seen[:, None], points, np.nan)
        d1, d2 = np.where(is_seen, d1, np.nan), np.where(is_seen, d2, np.nan)
        m = alpha * d2 + (1 - alpha) * shifted
        plane = points[:, :2] / m[:, None]
        shifted_by = xi * points / d1[:, None] + [0, 0, 1]  # (N, 3)
        d2_by = (points * [1, 1, 0] + shifted[:, None] * shifted_by) / d2[:, None]
        m_by = alpha * d2_by + (1 - alpha) * shifted_by
        by_point = (np.eye(2, 3) - plane[:, :, None] * m_by[:, None, :]) / m[
            :, None, None
        ]
        m_by_xi = d1 * (alpha * shifted / d2 + 1 - alpha)
        m_by_parameters = np.stack([m_by_xi, d2 - shifted], axis=-1)
        by_parameters = (
            -plane[:, :, None] * m_by_parameters[:, None, :] / m[:, None, None]
        )
        return Projection(plane, by_point, by_parameters)

    def unproject(self, plane: Array, parameters: Array) -> Array:
        """See `Lens`."""
        xi, alpha = parameters
        if np.isnan(_find_slope(xi, alpha)):
            return np.full((len(plane), 3), np.nan)
        square = (plane**2).sum(axis=1)
        with np.errstate(invalid="ignore"):
            root = np.sqrt(1 - (2 * alpha - 1) * square)
        z = (1 - alpha**2 * square) / (alpha * root + 1 - alpha)
        scale = (z * xi + np.sqrt(z**2 + (1 - xi**2) * square)) / (z**2 + square)
        rays = scale[:, None] * np.column_stack([plane, z]) - [0, 0, xi]
        rays[np.isnan(z)] = np.nan
        return np.asarray(rays)


DOUBLE_SPHERE = DoubleSphere()


def _find_slope(xi: float, alpha: float) -> float:
    """w; NaN, of which nothing is above, for parameters that make no lens."""
    if not (0 <= alpha <= 1 and -1 < xi <= 1):
        return np.nan
    return alpha / (1 - alpha) if alpha <= 0.5 else (1 - alpha) / alpha
