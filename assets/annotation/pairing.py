"""Pairs of rows that belong to one frame, as arrays: what loops over frames would do one by one.

Belongs here: joining two sets of rows by their frame, and the overlap of the boxes in each pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Numbers = NDArray[np.float64]


def join_frames(frame: Places, other_frame: Places) -> tuple[Places, Places]:
    """(P,) places in `frame` (N,) and in `other_frame` (M,) of all pairs with an equal frame. Negative ones have none.

    Pairs are in the order of the first, then of the second.
    """
    order = np.argsort(other_frame, kind="stable")
    known = other_frame[order]
    starts = np.searchsorted(known, frame)
    counts = np.searchsorted(known, frame, side="right") - starts
    counts[frame < 0] = 0
    left = np.repeat(np.arange(len(frame)), counts)
    within = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(starts, counts) + within]


def measure_pair_ious(
    boxes_xyxy: NDArray[Any], others_xyxy: NDArray[Any]
) -> NDArray[np.float64]:
    """(P,) intersection over union of box k (P, 4) with box k of the others (P, 4); 0 where the union has no area."""
    low = np.maximum(boxes_xyxy[:, :2], others_xyxy[:, :2])
    high = np.minimum(boxes_xyxy[:, 2:], others_xyxy[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = _measure_area(boxes_xyxy) + _measure_area(others_xyxy) - shared
    return np.divide(shared, union, out=np.zeros(len(union)), where=union > 0)


def find_greatest(keys: Places, values: Numbers, count: int) -> Numbers:
    """(count,) of each key the greatest of its values (P,); 0 of one that has none, and where all are below."""
    found = np.zeros(count)
    np.maximum.at(found, keys, values)
    return found


def pick_greatest(keys: Places, values: Numbers, count: int) -> Places:
    """(count,) of each key the place (P,) of its greatest value, the first of equals; -1 of one that has none."""
    found = np.full(count, -1, np.int64)
    order = np.lexsort((-np.arange(len(keys)), values))
    found[keys[order]] = order
    return found


def _measure_area(boxes_xyxy: NDArray[Any]) -> NDArray[np.float64]:
    size = boxes_xyxy[:, 2:].astype(np.float64) - boxes_xyxy[:, :2]
    return np.asarray(size.prod(1))
