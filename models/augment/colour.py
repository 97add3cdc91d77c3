"""Change brightness, contrast and saturation of a batch on its device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def draw_colour(rng: np.random.Generator, strength: float) -> NDArray[np.float32]:
    """Factors (3,) for brightness, contrast, saturation in [1 - strength, 1 + strength]; 1 changes nothing."""
    return rng.uniform(1 - strength, 1 + strength, 3).astype(np.float32)


def apply_colour(pixels: Tensor, factors: Tensor) -> Tensor:
    """(B, 3, H, W) RGB 0-255 and (B, 3) factors -> float pixels 0-255."""
    brightness, contrast, saturation = (
        factors[:, i].view(-1, 1, 1, 1) for i in range(3)
    )
    pixels = pixels.float() * brightness
    luma = (pixels * torch.tensor(_LUMA, device=pixels.device).view(1, 3, 1, 1)).sum(
        1, keepdim=True
    )
    pixels = luma + (pixels - luma) * saturation
    middle = luma.mean((2, 3), keepdim=True)
    return (middle + (pixels - middle) * contrast).clamp(0, 255)
