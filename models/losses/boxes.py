"""Overlap of pairs of boxes, and the loss that pulls one box onto another.

All boxes against all is `torchvision.ops.box_iou`, and without torch `models.metrics.matching.measure_ious`.
"""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-7  # px^2: keeps empty boxes from dividing by zero


def iou_pairs(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """(N, 4) and (N, 4) -> (N,) intersection over union in [0, 1]."""
    return _iou_and_hull(a_xyxy, b_xyxy)[0]


def giou_loss(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """1 - generalised IoU of pairs, (N,) in [0, 2]: 0 where equal, above 1 where apart.

    Rezatofighi et al., Generalized Intersection over Union (CVPR 2019).
    """
    iou, waste = _iou_and_hull(a_xyxy, b_xyxy)
    return 1 - iou + waste


def _iou_and_hull(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU, and the share of the smallest enclosing box that belongs to neither."""
    inner = (
        (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2]))
        .clamp(min=0)
        .prod(-1)
    )
    outer = (
        (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2]))
        .clamp(min=0)
        .prod(-1)
    )
    union = _area(a) + _area(b) - inner
    return inner / (union + _TINY), (outer - union) / (outer + _TINY)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
