"""The extended unified lens of Khomutenko, Garcia and Martinet (2016): one ellipsoid, closed form both ways.

    x' = X / m,   y' = Y / m,   m = alpha d + (1 - alpha) Z,   d = sqrt(beta (X^2 + Y^2) + Z^2)

Domain: Z > -w d with w = alpha / (1 - alpha) up to a half, (1 - alpha) / alpha above; places up to
r^2 = 1 / (beta (2 alpha - 1)) where alpha is above a half, all otherwise. alpha lies in [0, 1], beta is above 0. With
beta = 1 it is the unified lens of Mei and Rives, whose xi is alpha / (1 - alpha).
"""

from __future__ import annotations

import numpy as np

from models.geometry.lenses.lens import Array, Projection


class ExtendedUnified:
    """alpha beta: the order of Kalibr and COLMAP."""

    name = "extended_unified"
    names = ("alpha", "beta")
    counts = (2,)

    def project(self, points: Array, parameters: Array) -> Projection:
        """See `Lens`."""
        alpha, beta = parameters
        across = (points[:, :2] ** 2).sum(axis=1)
        d = np.sqrt(beta * across + points[:, 2] ** 2) if beta > 0 else across * np.nan
        is_seen = (points[:, 2] > -_find_slope(alpha, beta) * d) & (d > 0)
        points = np.where(is_seen[:, None], points, np.nan)
        d = np.where(is_seen, d, np.nan)
        m = alpha * d + (1 - alpha) * points[:, 2]
        plane = points[:, :2] / m[:, None]
        m_by = alpha * points * [beta, beta, 1] / d[:, None] + [0, 0, 1 - alpha]
        by_point = (np.eye(2, 3) - plane[:, :, None] * m_by[:, None, :]) / m[
            :, None, None
        ]
        m_by_parameters = np.stack(
            [d - points[:, 2], alpha * across / (2 * d)], axis=-1
        )
        by_parameters = (
            -plane[:, :, None] * m_by_parameters[:, None, :] / m[:, None, None]
        )
        return Projection(plane, by_point, by_parameters)

    def unproject(self, plane: Array, parameters: Array) -> Array:
        """See `Lens`."""
        alpha, beta = parameters
        if np.isnan(_find_slope(alpha, beta)):
            return np.full((len(plane), 3), np.nan)
        square = (plane**2).sum(axis=1)
        with np.errstate(invalid="ignore"):
            root = np.sqrt(1 - (2 * alpha - 1) * beta * square)
        z = (1 - beta * alpha**2 * square) / (alpha * root + 1 - alpha)
        rays = np.column_stack([plane, z])
        rays[np.isnan(z)] = np.nan
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


EXTENDED_UNIFIED = ExtendedUnified()


def _find_slope(alpha: float, beta: float) -> float:
    """w; NaN, of which nothing is above, for parameters that make no lens."""
    if not (0 <= alpha <= 1 and beta > 0):
        return np.nan
    return alpha / (1 - alpha) if alpha <= 0.5 else (1 - alpha) / alpha
