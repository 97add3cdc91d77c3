"""Which boxes overlap, by a sweep along x, and which belong together: work grows with overlaps, not with all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.tracking.sightings import Floats, Ints

_MOST_CANDIDATES = 1 << 22  # pairs looked at in one go
_SLACK_PX = 1e-6  # of a difference of two sides
_LEAST_AREA = float(np.finfo(np.float64).eps)  # px^2


@dataclass(frozen=True)
class Pairs:
    """P pairs of places in two lists, each with what speaks for it."""

    left: Ints  # (P,)
    right: Ints  # (P,)
    gains: Floats  # (P,)

    def keep(self, is_kept: NDArray[np.bool_]) -> Pairs:
        """Some of them."""
        return Pairs(self.left[is_kept], self.right[is_kept], self.gains[is_kept])


def find_overlaps(boxes_xyxy: Floats, others_xyxy: Floats) -> Pairs:
    """All pairs of boxes (N, 4) and (M, 4) with a common area; the gain is intersection over union.

    Boxes without an area overlap nothing.
    """
    order = np.argsort(others_xyxy[:, 0], kind="stable")
    starts = others_xyxy[order, 0]
    widest = (others_xyxy[:, 2] - others_xyxy[:, 0]).max(initial=0.0) + _SLACK_PX
    low = np.searchsorted(starts, boxes_xyxy[:, 0] - widest, "left")
    high = np.searchsorted(starts, boxes_xyxy[:, 2], "left")
    counts = np.maximum(high - low, 0)
    ends = np.cumsum(counts)
    found = []
    done = 0
    while done < len(counts):  # mostly once
        spent = ends[done - 1] if done else 0
        stop = int(np.searchsorted(ends, spent + _MOST_CANDIDATES, "right"))
        stop = max(stop, done + 1)
        left = np.repeat(np.arange(done, stop), counts[done:stop])
        first = low[done:stop] - (ends[done:stop] - counts[done:stop])
        right = order[
            np.arange(spent, ends[stop - 1]) + np.repeat(first, counts[done:stop])
        ]
        found.append(_measure(boxes_xyxy, others_xyxy, left, right))
        done = stop
    if len(found) == 1:
        return found[0]
    return Pairs(
        np.concatenate([np.zeros(0, np.int64), *(p.left for p in found)]),
        np.concatenate([np.zeros(0, np.int64), *(p.right for p in found)]),
        np.concatenate([np.zeros(0), *(p.gains for p in found)]),
    )


def assign(pairs: Pairs) -> Pairs:
    """The pairs, each place in one at most, with the largest sum of gains; gains above 0 only are taken.

    Solved exactly, by groups that share no place: linear_sum_assignment where a group is more than a star of pairs.
    """
    pairs = pairs.keep(pairs.gains > 0)
    if not len(pairs.gains):
        return pairs
    is_alone = (np.bincount(pairs.left)[pairs.left] == 1) & (
        np.bincount(pairs.right)[pairs.right] == 1
    )
    taken = [np.flatnonzero(is_alone)]
    crowded = np.flatnonzero(~is_alone)
    if len(crowded):
        taken += _assign_groups(pairs, crowded)
    kept = np.sort(np.concatenate(taken))
    return Pairs(pairs.left[kept], pairs.right[kept], pairs.gains[kept])


def _measure(boxes: Floats, others: Floats, left: Ints, right: Ints) -> Pairs:
    """Those with a common area. The order of the operations is that of the reference tool, to the last bit."""
    heights = np.minimum(boxes[left, 3], others[right, 3]) - np.maximum(
        boxes[left, 1], others[right, 1]
    )
    near = np.flatnonzero(heights > 0)
    left, right, heights = left[near], right[near], heights[near]
    widths = np.minimum(boxes[left, 2], others[right, 2]) - np.maximum(
        boxes[left, 0], others[right, 0]
    )
    near = np.flatnonzero(widths > 0)
    left, right = left[near], right[near]
    common = widths[near] * heights[near]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    other_area = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    gains = common / (area[left] + other_area[right] - common)
    has_area = (area[left] > _LEAST_AREA) & (other_area[right] > _LEAST_AREA)
    return Pairs(left, right, gains).keep(has_area)


def _assign_groups(pairs: Pairs, crowded: Ints) -> list[Ints]:
    """Places among the pairs that are taken, group by group."""
    left_of, left = np.unique(pairs.left[crowded], return_inverse=True)
    right_of, right = np.unique(pairs.right[crowded], return_inverse=True)
    left, right = left.reshape(-1), right.reshape(-1)
    num_left, num = len(left_of), len(left_of) + len(right_of)
    graph = coo_array((np.ones(len(crowded)), (left, right + num_left)), (num, num))
    _, group_of = connected_components(graph, directed=False)
    groups = group_of[left]
    order = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    taken = []
    for places in np.split(order, borders):
        mine = crowded[places]
        rows, columns = left[places], right[places]
        row_of, rows = np.unique(rows, return_inverse=True)
        column_of, columns = np.unique(columns, return_inverse=True)
        if min(len(row_of), len(column_of)) == 1:  # a star: the best alone
            taken.append(mine[[int(pairs.gains[mine].argmax())]])
            continue
        gains = np.zeros((len(row_of), len(column_of)))
        place = np.full(gains.shape, -1)
        gains[rows, columns] = pairs.gains[mine]
        place[rows, columns] = mine
        chosen = place[linear_sum_assignment(gains, maximize=True)]
        taken.append(chosen[chosen >= 0])
    return taken
