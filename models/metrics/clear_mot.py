"""CLEAR MOT: how many boxes tracks find, miss and invent, and how often an object changes its track.

Bernardin and Stiefelhagen 2008, as the MOT Challenge counts it: a track that an object had in the frame before goes
before a better overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.metrics.track_pairs import FramePairs, TrackPairs
from models.tracking.sightings import Ints

MIN_IOU = 0.5
_GOES_ON = 1000.0  # of more weight than all overlaps of a frame
_EPS = float(np.finfo(np.float64).eps)
_NONE = -1
_MOSTLY, _HARDLY = 0.8, 0.2


@dataclass(frozen=True)
class Clear:
    """Counts over a sequence; ratios of them are 0 where there is nothing to count."""

    hits: int
    misses: int
    false_alarms: int
    switches: int
    fragments: int
    mostly_tracked: int  # objects found in more than 80 % of their frames
    partly_tracked: int
    mostly_lost: int  # found in fewer than 20 %
    iou_sum: float  # of the hits

    @property
    def num_truth(self) -> int:
        """True boxes."""
        return self.hits + self.misses

    @property
    def mota(self) -> float:
        """Hits less false alarms and switches, of the true boxes: 1 at best, without a lower bound."""
        if not self.num_truth:
            return 0.0
        return (self.hits - self.false_alarms - self.switches) / self.num_truth

    @property
    def moda(self) -> float:
        """The same without switches."""
        if not self.num_truth:
            return 0.0
        return (self.hits - self.false_alarms) / self.num_truth

    @property
    def smota(self) -> float:
        """`mota` with each hit counting by its overlap."""
        if not self.num_truth:
            return 0.0
        return (self.iou_sum - self.false_alarms - self.switches) / self.num_truth

    @property
    def motp(self) -> float:
        """Mean overlap of the hits."""
        return self.iou_sum / max(1, self.hits)

    @property
    def recall(self) -> float:
        """Hits of the true boxes."""
        return self.hits / max(1, self.num_truth)

    @property
    def precision(self) -> float:
        """Hits of the boxes of tracks."""
        return self.hits / max(1, self.hits + self.false_alarms)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return self.hits / max(1.0, self.hits + (self.misses + self.false_alarms) / 2)


def measure_clear(pairs: TrackPairs, min_iou: float = MIN_IOU) -> Clear:
    """The counts of one sequence."""
    num_truth, num_found = pairs.num_truth_boxes, pairs.num_found_boxes
    num_objects = len(pairs.truth_counts)
    if pairs.is_empty:
        return Clear(0, num_truth, num_found, 0, 0, 0, 0, num_objects, 0.0)
    last = np.full(num_objects, _NONE)  # track of each object, when it last had one
    now = np.full(num_objects, _NONE)  # in the frame before
    times = np.zeros(num_objects, np.int64)
    starts = np.zeros(num_objects, np.int64)
    switches = 0
    iou_sum = 0.0
    for frame in pairs.frames:
        if not len(frame.truth) or not len(frame.found):
            continue  # nothing is asked: what went on before goes on after it
        rows, columns, ious = _match(frame, now, min_iou)
        objects, tracks = frame.truth[rows], frame.found[columns]
        switches += int(((last[objects] != _NONE) & (last[objects] != tracks)).sum())
        times[objects] += 1
        starts[objects] += now[objects] == _NONE
        last[objects] = tracks
        now[:] = _NONE
        now[objects] = tracks
        iou_sum += float(ious.sum())
    hits = int(times.sum())
    shares = times / pairs.truth_counts
    mostly = int((shares > _MOSTLY).sum())
    partly = int((shares >= _HARDLY).sum()) - mostly
    return Clear(
        hits,
        num_truth - hits,
        num_found - hits,
        switches,
        int((starts[starts > 0] - 1).sum()),
        mostly,
        partly,
        num_objects - mostly - partly,
        iou_sum,
    )


def _match(
    frame: FramePairs, now: Ints, min_iou: float
) -> tuple[Ints, Ints, np.ndarray]:
    """Places of objects and tracks that belong together, and their overlaps."""
    enough = np.flatnonzero(frame.ious >= min_iou - _EPS)
    near = FramePairs(
        frame.truth,
        frame.found,
        frame.rows[enough],
        frame.columns[enough],
        frame.ious[enough],
    )
    if near.is_plain:
        return near.rows, near.columns, near.ious
    goes_on = now[near.truth[near.rows]] == near.found[near.columns]
    scores = near.spread(_GOES_ON * goes_on + near.ious)
    rows, columns = linear_sum_assignment(-scores)
    is_match = scores[rows, columns] > _EPS
    rows, columns = rows[is_match], columns[is_match]
    return rows, columns, near.spread(near.ious)[rows, columns]
