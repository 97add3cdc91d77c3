"""How far two models' answers on one image differ: 0 where they say the same, 1 where they share nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from models.masks import decode_mask
from models.metrics.matching import MIN_IOU, measure_ious
from models.task_names import DETECTION, RECOGNITION

_SURE = 0.3  # boxes of a lower score are not compared
Columns = dict[str, Any]  # of `predictions`


def measure_disagreement(
    task: str,
    one: Columns,
    other: Columns,
    size_hw: tuple[int, int],
    shared: Collection[str] | None = None,
) -> float | None:
    """Of recognition whether the class differs; of detection the share of boxes without a partner of their class; of
    segmentation the share of pixels of another class.

    `shared` are the classes that both know; None: all. What is said of another class, and what the other model says of
    the same place, is not compared: it cannot know better. None where nothing is left to compare.
    """
    if task == RECOGNITION:
        return _compare_classes(one, other, shared)
    if task == DETECTION:
        return _compare_boxes(one, other, shared)
    return _compare_maps(one, other, size_hw, shared)


def _compare_classes(
    one: Columns, other: Columns, shared: Collection[str] | None
) -> float | None:
    best, rival = one["class_names"][:1], other["class_names"][:1]
    if shared is not None and not {*best, *rival} <= {*shared}:
        return None
    return float(best != rival)


def _compare_boxes(
    one: Columns, other: Columns, shared: Collection[str] | None
) -> float | None:
    boxes, names = _list_sure(one)
    others, other_names = _list_sure(other)
    overlaps = measure_ious(boxes, others)
    if shared is not None:
        is_known, is_known_too = _find_known(names, other_names, overlaps, shared)
        if len(names) + len(other_names) and not is_known.any() | is_known_too.any():
            return None
        names, other_names = names[is_known], other_names[is_known_too]
        overlaps = overlaps[is_known][:, is_known_too]
    total = len(names) + len(other_names)
    if not total:
        return 0.0
    overlaps[names[:, None] != other_names[None, :]] = 0.0
    num_pairs = 0
    while overlaps.size and overlaps.max() >= MIN_IOU:
        mine, theirs = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        overlaps[mine, :] = overlaps[:, theirs] = 0.0
        num_pairs += 1
    return 1.0 - 2 * num_pairs / total


def _find_known(
    names: Any, other_names: Any, overlaps: Any, shared: Collection[str]
) -> tuple[Any, Any]:
    """Which boxes of each side are of a class that both know, and lie on no box of one that one alone knows."""
    known = list(shared)
    is_known, is_known_too = np.isin(names, known), np.isin(other_names, known)
    is_on = overlaps >= MIN_IOU
    return (
        is_known & ~is_on[:, ~is_known_too].any(1),
        is_known_too & ~is_on[~is_known].any(0),
    )


def _list_sure(columns: Columns) -> tuple[Any, Any]:
    is_sure = np.array(columns["scores"], float) >= _SURE
    boxes = np.array(columns["boxes_xyxy"], np.float64).reshape(-1, 4)
    return boxes[is_sure], np.array(columns["class_names"], object)[is_sure]


def _compare_maps(
    one: Columns,
    other: Columns,
    size_hw: tuple[int, int],
    shared: Collection[str] | None,
) -> float | None:
    sides = [
        {
            name: decode_mask(mask_rle, *size_hw)
            for name, mask_rle in zip(
                columns["class_names"], columns["mask_rles"], strict=True
            )
        }
        for columns in (one, other)
    ]
    is_compared = np.ones(size_hw, bool)
    if shared is not None:
        for name, mask in [pair for side in sides for pair in side.items()]:
            if name not in shared:
                is_compared &= ~mask
    num_compared = int(is_compared.sum())
    if not num_compared:
        return None
    mine, theirs = sides
    num_same = sum(
        int((mask & theirs[name] & is_compared).sum())
        for name, mask in mine.items()
        if name in theirs
    )
    return 1.0 - num_same / num_compared
