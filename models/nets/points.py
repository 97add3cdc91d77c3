"""The points a detector speaks about: where they lie, and boxes from distances to them."""

from __future__ import annotations

import torch
from torch import Tensor

from models.nets.detector import STRIDES_PX


def make_points(
    height_px: int, width_px: int, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Centres (P, 2) x, y in px and strides (P,) in px of all cells, level by level, row by row."""
    centres = []
    strides = []
    for stride in STRIDES_PX:
        x = (torch.arange(width_px // stride, device=device) + 0.5) * stride
        y = (torch.arange(height_px // stride, device=device) + 0.5) * stride
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
        centres.append(grid)
        strides.append(torch.full((len(grid),), float(stride), device=device))
    return torch.cat(centres), torch.cat(strides)


def decode_boxes(distances: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """(..., P, 4) left, top, right, bottom in strides from (P, 2) centres -> (..., P, 4) boxes xyxy in px."""
    px = distances * strides[..., None]
    return torch.cat([centres - px[..., :2], centres + px[..., 2:]], -1)
