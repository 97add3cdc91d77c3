"""How far two models' answers on one image differ: 0 where they say the same, 1 where they share nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.masks import decode_mask
from models.metrics.matching import MIN_IOU, measure_ious
from models.task_names import DETECTION, RECOGNITION

_SURE = 0.3  # boxes of a lower score are not compared
Columns = dict[str, Any]  # of `predictions`


def measure_disagreement(
    task: str, one: Columns, other: Columns, size_hw: tuple[int, int]
) -> float:
    """Of recognition whether the class differs; of detection the share of boxes without a partner of their class; of
    segmentation the share of pixels of another class."""
    if task == RECOGNITION:
        return float(one["class_names"][:1] != other["class_names"][:1])
    if task == DETECTION:
        return _compare_boxes(one, other)
    return _compare_maps(one, other, size_hw)


def _compare_boxes(one: Columns, other: Columns) -> float:
    boxes, names = _list_sure(one)
    others, other_names = _list_sure(other)
    total = len(boxes) + len(others)
    if not total:
        return 0.0
    if not len(boxes) or not len(others):
        return 1.0
    overlaps = measure_ious(boxes, others)
    overlaps[names[:, None] != other_names[None, :]] = 0.0
    num_pairs = 0
    while overlaps.size and overlaps.max() >= MIN_IOU:
        mine, theirs = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        overlaps[mine, :] = overlaps[:, theirs] = 0.0
        num_pairs += 1
    return 1.0 - 2 * num_pairs / total


def _list_sure(columns: Columns) -> tuple[Any, Any]:
    is_sure = np.array(columns["scores"], float) >= _SURE
    boxes = np.array(columns["boxes_xyxy"], np.float64).reshape(-1, 4)
    return boxes[is_sure], np.array(columns["class_names"], object)[is_sure]


def _compare_maps(one: Columns, other: Columns, size_hw: tuple[int, int]) -> float:
    theirs = dict(zip(other["class_names"], other["mask_rles"], strict=True))
    num_same = 0
    for name, mask_rle in zip(one["class_names"], one["mask_rles"], strict=True):
        if name in theirs:
            mask = decode_mask(mask_rle, *size_hw)
            num_same += int((mask & decode_mask(theirs[name], *size_hw)).sum())
    return 1.0 - num_same / (size_hw[0] * size_hw[1])
