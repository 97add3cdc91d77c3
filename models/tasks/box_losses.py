"""What detectors with points learn of boxes: which points answer for which box, and the losses of classes and sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.losses.assignment import UNASSIGNED, assign_points
from models.losses.boxes import giou_loss, iou_pairs
from models.losses.focal import quality_focal_loss
from models.nets.points import decode_boxes
from models.training.workers import mean_over_workers

_BOX_WEIGHT = 2.0  # of the box loss against the class loss, as in GFL


@dataclass(frozen=True)
class BoxLosses:
    """The sum of the losses of a batch, and what else may be learnt at the points that answer for a box."""

    total: Tensor  # a sum: to be divided by `num_positive`
    num_positive: Tensor  # points that answer, over all workers in the mean, at least 1
    is_positive: Tensor  # (B, P)
    owners: tuple[
        Tensor, ...
    ]  # of each image: the box that each of those points answers for
    truth_boxes: Tensor  # (positives, 4) px


def measure_boxes(
    logits: Tensor,
    distances: Tensor,
    targets: Sequence[tuple[Tensor, Tensor]],
    centres: Tensor,
    strides: Tensor,
) -> BoxLosses:
    """Of (B, P, C) logits and (B, P, 4) distances in strides at P points.

    `targets` are boxes (N, 4) px and class ids (N,) of each image.

    Generalised focal loss and GIoU: Li et al., NeurIPS 2020; Rezatofighi et al., CVPR 2019.
    """
    predicted = decode_boxes(distances, centres, strides)  # (B, P, 4)
    on_device = [
        (boxes.to(logits.device), class_ids.to(logits.device))
        for boxes, class_ids in targets
    ]
    assigned = torch.stack(
        [assign_points(boxes, centres, strides) for boxes, _ in on_device]
    )
    where = assigned != UNASSIGNED
    owners = tuple(o[w] for o, w in zip(assigned, where, strict=True))
    pairs = list(zip(on_device, owners, strict=True))
    truth_boxes = torch.cat([boxes[mine] for (boxes, _), mine in pairs])
    truth_ids = torch.cat([class_ids[mine] for (_, class_ids), mine in pairs])
    count = logits.new_tensor(float(len(truth_boxes)))
    num_positive = mean_over_workers(count).clamp(min=1)
    quality = torch.zeros_like(logits)
    image_index, point_index = where.nonzero(as_tuple=True)
    quality[image_index, point_index, truth_ids] = iou_pairs(
        predicted[where].detach(), truth_boxes
    )
    class_loss = quality_focal_loss(logits, quality).sum()
    box_loss = giou_loss(predicted[where], truth_boxes).sum()
    total = class_loss + _BOX_WEIGHT * box_loss
    return BoxLosses(total, num_positive, where, owners, truth_boxes)
