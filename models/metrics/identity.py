"""Identity metrics: how many boxes are right if each true track is given one found track for good.

Ristani et al. 2016, "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.metrics.clear_mot import MIN_IOU
from models.metrics.track_pairs import TrackPairs
from models.tracking.overlaps import Pairs, assign


@dataclass(frozen=True)
class Identity:
    """Boxes under the best assignment of whole tracks."""

    hits: int
    misses: int
    false_alarms: int

    @property
    def idf1(self) -> float:
        """Hits of the mean number of true and found boxes."""
        return self.hits / max(1.0, self.hits + (self.misses + self.false_alarms) / 2)

    @property
    def recall(self) -> float:
        """Hits of the true boxes."""
        return self.hits / max(1, self.hits + self.misses)

    @property
    def precision(self) -> float:
        """Hits of the found boxes."""
        return self.hits / max(1, self.hits + self.false_alarms)


def measure_identity(pairs: TrackPairs, min_iou: float = MIN_IOU) -> Identity:
    """The counts of one sequence. Only tracks that meet somewhere are compared, and the best assignment of a sum has
    one value, whichever of equal ones is taken."""
    num_found = len(pairs.found_counts)
    keys = [
        frame.truth[frame.rows[near]] * num_found + frame.found[frame.columns[near]]
        for frame in pairs.frames
        for near in (np.flatnonzero(frame.ious >= min_iou),)
    ]
    met, counts = np.unique(
        np.concatenate([np.zeros(0, np.int64), *keys]), return_counts=True
    )
    meetings = Pairs(
        met // max(1, num_found), met % max(1, num_found), counts.astype(np.float64)
    )
    hits = int(assign(meetings).gains.sum())
    return Identity(hits, pairs.num_truth_boxes - hits, pairs.num_found_boxes - hits)
