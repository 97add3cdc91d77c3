"""Which points of a detector answer for which ground-truth box."""

from __future__ import annotations

import torch
from torch import Tensor

from models.nets.detector import STRIDES_PX

UNASSIGNED = -1
# points this near to a box's centre answer for it (FCOS centre sampling)
_RADIUS_STRIDES = 1.5
_SIDE_PER_STRIDE = 8.0  # a level takes boxes whose longer side is at most this many strides; the last takes the rest


def assign_points(boxes_xyxy: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """(N, 4) boxes with area, (P, 2) points, (P,) strides -> (P,) index of the box of each point, or UNASSIGNED.

    A point belongs to a box of its level's size, inside it and near its centre; to the nearest centre if there are
    several. Each box also gets the one nearest point of its level, however small it is.
    """
    owner = torch.full(
        (len(centres),), UNASSIGNED, dtype=torch.long, device=centres.device
    )
    if not len(boxes_xyxy):
        return owner
    middles = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    # (P, N, 2) in strides
    offsets = (centres[:, None] - middles[None]).abs() / strides[:, None, None]
    distance = offsets.norm(dim=-1)  # (P, N)
    on_level = strides[:, None] == level_strides(boxes_xyxy)[None]
    sides = torch.cat(
        [
            centres[:, None] - boxes_xyxy[None, :, :2],
            boxes_xyxy[None, :, 2:] - centres[:, None],
        ],
        -1,
    )
    is_near = (offsets.amax(-1) < _RADIUS_STRIDES) & (sides.amin(-1) > 0) & on_level
    # (N,) the point each box gets in any case
    nearest = distance.masked_fill(~on_level, torch.inf).argmin(0)
    distance = distance.masked_fill(~is_near, torch.inf)
    is_taken = is_near.any(1)
    owner[is_taken] = distance[is_taken].argmin(1)
    owner[nearest] = torch.arange(len(boxes_xyxy), device=centres.device)
    return owner


def level_strides(boxes_xyxy: Tensor) -> Tensor:
    """(N,) stride in px of the level that answers for each box."""
    longest = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).amax(1)
    strides = torch.tensor(STRIDES_PX, dtype=torch.float32, device=boxes_xyxy.device)
    return strides[torch.bucketize(longest, strides[:-1] * _SIDE_PER_STRIDE)]
