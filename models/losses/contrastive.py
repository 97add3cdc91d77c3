"""Contrast of views: two of one image belong together, all others apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_TEMPERATURE = 0.2


def nt_xent(projected: Tensor) -> Tensor:
    """Mean over the views of (B, 2, D) of how surprising the other view of the same image is, among all other views.

    The normalised, temperature-scaled cross-entropy of Chen et al., A Simple Framework for Contrastive Learning of
    Visual Representations (ICML 2020): cosines over 0.2. log(2 B - 1) where all vectors are equal; needs two images.
    """
    # (2 B, D), the views of an image side by side
    unit = F.normalize(projected.flatten(0, 1), dim=1)
    similar = unit @ unit.T / _TEMPERATURE
    similar = similar.masked_fill(
        torch.eye(len(unit), dtype=torch.bool, device=unit.device), float("-inf")
    )
    other_view = torch.arange(len(unit), device=unit.device) ^ 1
    return F.cross_entropy(similar, other_view)
