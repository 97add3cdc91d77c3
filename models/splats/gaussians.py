"""The Gaussians that a scene is made of, as tensors, and where they begin: at the points of a sparse model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from models.splats.harmonics import FLAT, count_terms

_NEIGHBOURS = 3
_FIRST_OPACITY = 0.1
_LEAST_SCALE = 1e-4  # by the middle distance between neighbours


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians in the world of their model, in its unit of length. All float32, on one device."""

    means: Tensor  # (N, 3)
    log_scales: Tensor  # (N, 3) of the standard deviations along their own axes
    quaternions: Tensor  # (N, 4) w x y z, of any length: world from own axes
    logits: Tensor  # (N,) opacity at the middle, before the sigmoid
    sh0: Tensor  # (N, 1, 3) the colour that all sides share
    sh_rest: Tensor  # (N, K - 1, 3) how it changes with the side

    def __len__(self) -> int:
        return len(self.means)

    @property
    def harmonics(self) -> Tensor:
        """(N, K, 3)."""
        return torch.cat([self.sh0, self.sh_rest], dim=1)

    @property
    def parts(self) -> dict[str, Tensor]:
        """Each tensor by its name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def map(self, change: Callable[[Tensor], Tensor]) -> Gaussians:
        """The same with each tensor changed."""
        return Gaussians(**{name: change(part) for name, part in self.parts.items()})


def begin(
    points: NDArray[np.float64],
    colours_rgb: NDArray[np.uint8],
    degree: int,
    most: int,
    seed: int = 0,
) -> Gaussians:
    """A round one at each of the points (N, 3), as wide as its neighbours are far, in its colour, almost transparent.

    Of more than `most` points some are drawn by chance. Raises ValueError for fewer points than neighbours are asked.
    """
    if len(points) <= _NEIGHBOURS:
        raise ValueError(
            f"{len(points)} points are too few to begin with: it takes {_NEIGHBOURS + 1}"
        )
    if len(points) > most:
        chosen = np.random.default_rng(seed).choice(len(points), most, replace=False)
        points, colours_rgb = points[np.sort(chosen)], colours_rgb[np.sort(chosen)]
    away = cKDTree(points).query(points, k=_NEIGHBOURS + 1)[0][:, 1:].mean(axis=1)
    apart = away[away > 0]
    away = np.maximum(away, _LEAST_SCALE * np.median(apart) if len(apart) else 1.0)
    num_rest = count_terms(degree) - 1
    colours = (colours_rgb.astype(np.float64) / 255 - 0.5) / FLAT
    return Gaussians(
        means=_to_tensor(points),
        log_scales=_to_tensor(np.log(away)[:, None].repeat(3, axis=1)),
        quaternions=_to_tensor(np.tile([1.0, 0, 0, 0], (len(points), 1))),
        logits=torch.full((len(points),), _to_logit(_FIRST_OPACITY)),
        sh0=_to_tensor(colours[:, None]),
        sh_rest=torch.zeros(len(points), num_rest, 3),
    )


def turn_from(quaternions: Tensor) -> Tensor:
    """Rotations (N, 3, 3) of quaternions (N, 4), w x y z, of any length but 0."""
    w, x, y, z = torch.nn.functional.normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).reshape(-1, 3, 3)


def _to_tensor(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _to_logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
