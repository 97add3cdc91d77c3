"""The double sphere lens of Usenko, Demmel and Cremers (2018): closed form both ways, beyond 180 degrees.

    x' = X / m,   y' = Y / m,   m = alpha d2 + (1 - alpha) s
    s = xi d1 + Z,   d1 = |(X, Y, Z)|,   d2 = |(X, Y, s)|

Domain: Z > -w2 d1 with the paper's w2; places up to r^2 = 1 / (2 alpha - 1) where alpha is above a half, all otherwise.
alpha lies in [0, 1] and xi in (-1, 1].
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
        is_seen = (points[:, 2] > -_find_slope(xi, alpha) * d1) & (d1 > 0)
        points = np.where(is_seen[:, None], points, np.nan)
        d1 = np.where(is_seen, d1, np.nan)
        shifted = xi * d1 + points[:, 2]
        d2 = np.sqrt(points[:, 0] ** 2 + points[:, 1] ** 2 + shifted**2)
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
        square = (plane**2).sum(axis=1)
        with np.errstate(invalid="ignore"):
            root = np.sqrt(1 - (2 * alpha - 1) * square)
            z = (1 - alpha**2 * square) / (alpha * root + 1 - alpha)
            root = np.sqrt(z**2 + (1 - xi**2) * square)
        scale = (z * xi + root) / (z**2 + square)
        rays = scale[:, None] * np.column_stack([plane, z]) - [0, 0, xi]
        # a ray whose point would not come to this place is none
        with np.errstate(invalid="ignore"):
            is_seen = rays[:, 2] > -_find_slope(xi, alpha) * np.linalg.norm(
                rays, axis=1
            )
        return np.where(is_seen[:, None], rays, np.nan)


DOUBLE_SPHERE = DoubleSphere()


def _find_slope(xi: float, alpha: float) -> float:
    """w2 of the paper; NaN, of which nothing is above, for parameters that make no lens."""
    if not (0 <= alpha <= 1 and -1 < xi <= 1):
        return np.nan
    w1 = alpha / (1 - alpha) if alpha <= 0.5 else (1 - alpha) / alpha
    return float((w1 + xi) / np.sqrt(2 * w1 * xi + xi**2 + 1))
