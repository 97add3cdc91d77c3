"""HOTA: detection and association weighed evenly, at 19 overlaps from 0.05 to 0.95.

Luiten et al. 2021, "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking". A frame's boxes are matched
once, for the sum of overlap times how well the two tracks agree as a whole; the level of overlap decides what counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.metrics.track_pairs import FramePairs, TrackPairs
from models.tracking.sightings import Floats, Ints

LEVELS = np.arange(0.05, 0.99, 0.05)  # (19,)
_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-10


@dataclass(frozen=True)
class Hota:
    """Figures at each of `LEVELS`, (19,) each; `hota`, `deta` and the other figures of a table are their means."""

    hits: Ints
    misses: Ints
    false_alarms: Ints
    association: Floats  # AssA: mean over hits of the overlap of the two tracks
    association_recall: Floats
    association_precision: Floats
    localisation: Floats  # LocA: mean overlap of the hits

    @property
    def detection(self) -> Floats:
        """DetA."""
        return self.hits / np.maximum(1, self.hits + self.misses + self.false_alarms)

    @property
    def detection_recall(self) -> Floats:
        """DetRe."""
        return self.hits / np.maximum(1, self.hits + self.misses)

    @property
    def detection_precision(self) -> Floats:
        """DetPr."""
        return self.hits / np.maximum(1, self.hits + self.false_alarms)

    @property
    def by_level(self) -> Floats:
        """HOTA at each level."""
        return np.sqrt(self.detection * self.association)

    @property
    def hota(self) -> float:
        """The mean over the levels."""
        return float(self.by_level.mean())

    @property
    def deta(self) -> float:
        """The mean over the levels."""
        return float(self.detection.mean())

    @property
    def assa(self) -> float:
        """The mean over the levels."""
        return float(self.association.mean())

    @property
    def loca(self) -> float:
        """The mean over the levels."""
        return float(self.localisation.mean())


def measure_hota(pairs: TrackPairs) -> Hota:
    """The figures of one sequence; without a box on one side nothing is hit, and the localisation is 1."""
    keys, ious = _match_all(pairs)
    # a match counts at the levels below its own
    level = np.searchsorted(LEVELS - _EPS, ious, "right")
    hits = _count_above(np.bincount(level, minlength=len(LEVELS) + 1))
    overlap = _count_above(
        np.bincount(level, weights=ious, minlength=len(LEVELS) + 1).astype(np.float64)
    )
    met, place = np.unique(keys, return_inverse=True)
    width = len(LEVELS) + 1
    counts = np.bincount(place.reshape(-1) * width + level, minlength=len(met) * width)
    matches = _count_above(counts.reshape(-1, width)).astype(np.float64)  # (M, 19)
    num_found = max(1, len(pairs.found_counts))
    truth = pairs.truth_counts[met // num_found][:, None]
    found = pairs.found_counts[met % num_found][:, None]
    total = np.maximum(1, hits)

    def mean_over_hits(of: Floats | Ints) -> Floats:
        return np.asarray((matches * matches / np.maximum(1, of)).sum(0) / total)

    return Hota(
        hits,
        pairs.num_truth_boxes - hits,
        pairs.num_found_boxes - hits,
        mean_over_hits(truth + found - matches),
        mean_over_hits(truth),
        mean_over_hits(found),
        np.maximum(_TINY, overlap) / np.maximum(_TINY, hits),
    )


def _match_all(pairs: TrackPairs) -> tuple[Ints, Floats]:
    """Of each match: true track times the number of found tracks plus the found track, and the overlap."""
    num_found = len(pairs.found_counts)
    keys = [
        frame.truth[frame.rows] * num_found + frame.found[frame.columns]
        for frame in pairs.frames
    ]
    all_keys = np.concatenate([np.zeros(0, np.int64), *keys])
    agreements = [_agree(frame) for frame in pairs.frames]
    met, place = np.unique(all_keys, return_inverse=True)
    place = place.reshape(-1)
    # in the order of the frames: sums are those of the reference tool to the last bit
    together = np.bincount(
        place, weights=np.concatenate([np.zeros(0), *agreements]), minlength=len(met)
    )
    if num_found:
        total = (
            pairs.truth_counts[met // num_found] + pairs.found_counts[met % num_found]
        )
        together = together / (total - together)
    matched = [(np.zeros(0, np.int64), np.zeros(0))]
    done = 0
    for frame, mine in zip(pairs.frames, keys, strict=True):
        scores = together[place[done : done + len(mine)]] * frame.ious
        matched.append(_match(frame, scores, mine))
        done += len(mine)
    return (
        np.concatenate([keys for keys, _ in matched]),
        np.concatenate([ious for _, ious in matched]),
    )


def _agree(frame: FramePairs) -> Floats:
    """(P,) how much of what two boxes overlap with is each other."""
    whole = frame.spread(frame.ious)
    total = whole.sum(0)[frame.columns] + whole.sum(1)[frame.rows] - frame.ious
    return np.divide(frame.ious, total, out=np.zeros_like(total), where=total > _EPS)


def _match(frame: FramePairs, scores: Floats, keys: Ints) -> tuple[Ints, Floats]:
    """Keys and overlaps of the pairs of the best assignment."""
    if frame.is_plain:
        return keys, frame.ious
    rows, columns = linear_sum_assignment(-frame.spread(scores))
    place = np.full((len(frame.truth), len(frame.found)), -1)
    place[frame.rows, frame.columns] = np.arange(len(keys))
    chosen = place[rows, columns]
    chosen = chosen[chosen >= 0]
    return keys[chosen], frame.ious[chosen]


def _count_above(by_level: np.ndarray) -> np.ndarray:
    """Along the last axis, from counts of matches by the number of levels they reach: how many reach each level."""
    return by_level[..., ::-1].cumsum(-1)[..., ::-1][..., 1:]
