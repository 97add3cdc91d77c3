"""Structural similarity of pictures (Wang et al. 2004), which gradients pass through."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW_PX, SPREAD_PX = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def find_similarity(picture: Tensor, other: Tensor) -> Tensor:
    """The mean over pixels and channels, -1 to 1, of two pictures (H, W, C) of values 0 to 1; 1 where they are equal.

    Beyond the border is black, in both.
    """
    both = torch.stack([picture, other]).permute(0, 3, 1, 2).flatten(0, 1)[:, None]
    mean_a, mean_b = _blur(both).chunk(2)
    a, b = both.chunk(2)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    shared = _blur(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return (light * (2 * shared + _C2) / (var_a + var_b + _C2)).mean()


def _blur(planes: Tensor) -> Tensor:
    """Planes (P, 1, H, W) under a Gaussian window."""
    at = torch.arange(WINDOW_PX, device=planes.device, dtype=planes.dtype)
    weights = torch.exp(-(((at - WINDOW_PX // 2) / SPREAD_PX) ** 2) / 2)
    weights = weights / weights.sum()
    half = WINDOW_PX // 2
    along = torch.nn.functional.conv2d(
        planes, weights.view(1, 1, 1, -1), padding=(0, half)
    )
    return torch.nn.functional.conv2d(
        along, weights.view(1, 1, -1, 1), padding=(half, 0)
    )
