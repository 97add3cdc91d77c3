"""The tracker that knows the future too: short sure tracks, joined over their gaps, smoothed, and filled.

1. Boxes that clearly follow each other become pieces. 2. Ends and beginnings of pieces are joined, those over short
gaps first, each time by the best assignment of all at once; a path forth from the end and one back from the beginning
must meet. 3. What is left of few boxes is dropped. 4. Paths are smoothed by all their frames, and their gaps filled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.tracking.online import link_boxes
from models.tracking.overlaps import Pairs, assign, find_overlaps
from models.tracking.sightings import (
    FILLED,
    Floats,
    Ints,
    Sightings,
    Tracks,
    order_tracks,
)
from models.tracking.smoothing import Paths, smooth_paths


@dataclass(frozen=True)
class OfflineConfig:
    """Gaps are in frames. `reach` is how far off a path may be when it meets another, in heights, and `reach_growth`
    how much further with each frame between; `max_turn` how unlike the two may look, as a distance of cosines."""

    sure: float = 0.6
    min_score: float = 0.1
    min_iou: float = 0.3
    min_iou_unsure: float = 0.5
    gaps: tuple[int, ...] = (2, 6, 15, 30)
    reach: float = 0.25
    reach_growth: float = 0.03
    max_growth: float = 0.5  # logarithm of the ratio of two heights
    max_turn: float = 0.5
    max_doubt: float = 0.5
    min_boxes: int = 4

    def __post_init__(self) -> None:
        if not self.gaps or min(self.gaps) < 1 or self.min_boxes < 1:
            raise ValueError(
                f"gaps {self.gaps}, min_boxes {self.min_boxes}: each is at least 1"
            )


def track_offline(sightings: Sightings, config: OfflineConfig | None = None) -> Tracks:
    """Tracks of all sightings of a recording at once. Boxes are smoothed, those of gaps have the source `FILLED`."""
    config = config or OfflineConfig()
    sure = np.flatnonzero(sightings.scores >= config.sure)
    seen = sightings.take(sure)
    labels = link_boxes(seen, config.min_iou)
    for gap in config.gaps:
        labels = _join_pieces(seen, labels, gap, config)
    is_kept = np.bincount(labels, minlength=1)[labels] >= config.min_boxes
    _, labels = np.unique(labels[is_kept], return_inverse=True)
    places, labels = _take_in_unsure(
        sightings, sure[is_kept], labels.reshape(-1), config
    )
    return _fill(sightings.take(places), labels, places)


def _join_pieces(
    seen: Sightings, labels: Ints, gap: int, config: OfflineConfig
) -> Ints:
    """Labels in which pieces that follow each other with at most so many frames between have one."""
    paths = smooth_paths(seen.frames, labels, seen.boxes_xyxy)
    looks = None if seen.vectors is None else _mean_looks(seen.vectors, labels)
    joined = assign(_find_meetings(paths, looks, gap, config))
    # a piece takes the label of the one before it, from the last to the first
    before = np.arange(len(paths.starts))
    for left, right in zip(joined.left.tolist(), joined.right.tolist(), strict=True):
        before[right] = left
    while True:
        further = before[before]
        if (further == before).all():
            break
        before = further
    _, renamed = np.unique(before[labels], return_inverse=True)
    return renamed.reshape(-1)


def _find_meetings(
    paths: Paths, looks: Floats | None, gap: int, config: OfflineConfig
) -> Pairs:
    """Pairs of paths, an earlier and a later one, that meet; the gain says how well, from 0 to 1."""
    near = _find_near(paths, gap, config)
    left, right = near.left, near.right
    steps = (paths.starts[right] - paths.ends[left]).astype(np.float64)
    end, start = paths.lasts[left], paths.firsts[right]
    height = np.maximum((paths.mean[end, 3] + paths.mean[start, 3]) / 2, 1e-9)
    reach = (config.reach + config.reach_growth * steps) * height
    miss, doubt = _compare(paths, end, start, steps)
    off = (miss / reach) ** 2
    off[doubt > config.max_doubt * reach] = np.inf
    ratio = np.log(
        np.maximum(paths.mean[start, 3], 1e-9) / np.maximum(paths.mean[end, 3], 1e-9)
    )
    off += (ratio / config.max_growth) ** 2
    if looks is not None:
        off += ((1 - (looks[left] * looks[right]).sum(1)) / config.max_turn) ** 2
    return Pairs(left, right, 1 - np.sqrt(off)).keep(off < 1)


def _compare(
    paths: Paths, end: Ints, start: Ints, steps: Floats
) -> tuple[Floats, Floats]:
    """How far off, in px, an end is from a beginning so many steps later, and the deviation of that.

    The path goes on from the end and comes back from the beginning; the surer of the two counts more.
    """
    apart = paths.mean[start, :2] - paths.mean[end, :2]
    misses, weights = [], []
    for row in (end, start):
        misses.append(apart - paths.velocity[row, :2] * steps[:, None])
        drift = paths.velocity_deviation[row, 0] * steps
        weights.append(1 / (paths.deviation[row, 0] ** 2 + drift**2))
    total = weights[0] + weights[1]
    share = (weights[0] / total)[:, None]
    miss = share * misses[0] + (1 - share) * misses[1]
    return np.linalg.norm(miss, axis=1), np.sqrt(1 / total)


def _find_near(paths: Paths, gap: int, config: OfflineConfig) -> Pairs:
    """Pairs of an end and a beginning that are near in time and place, frame of the end by frame of the end."""
    boxes = paths.boxes_xyxy
    order = np.argsort(paths.starts, kind="stable")
    starts = paths.starts[order]
    found = []
    for end in np.unique(paths.ends):
        low, high = np.searchsorted(starts, [end + 1, end + gap + 2])
        if low == high:
            continue
        later = order[low:high]
        earlier = np.flatnonzero(paths.ends == end)
        rows, others = paths.lasts[earlier], paths.firsts[later]
        pairs = find_overlaps(
            _widen(boxes[rows], paths.velocity[rows], gap + 1, config),
            _widen(boxes[others], paths.velocity[others], gap + 1, config),
        )
        found.append((earlier[pairs.left], later[pairs.right]))
    none = np.zeros(0, np.int64)
    left, right = (
        np.concatenate([none, *(pair[side] for pair in found)]) for side in (0, 1)
    )
    return Pairs(left, right, np.ones(len(left)))


def _widen(
    boxes: Floats, velocity: Floats, steps: int, config: OfflineConfig
) -> Floats:
    """Boxes by as much larger as what they hold may be off after so many steps."""
    height = (boxes[:, 3] - boxes[:, 1])[:, None]
    reach = (config.reach + config.reach_growth * steps) * height
    reach = reach + np.abs(velocity[:, :2]) * steps
    return np.concatenate([boxes[:, :2] - reach, boxes[:, 2:] + reach], axis=1)


def _mean_looks(vectors: Floats, labels: Ints) -> Floats:
    """(K, D) of unit length, where its vectors do not cancel out."""
    total = np.zeros((int(labels.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(total, labels, vectors)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def _take_in_unsure(
    sightings: Sightings, places: Ints, labels: Ints, config: OfflineConfig
) -> tuple[Ints, Ints]:
    """Places and labels of the sightings of paths, with those found with doubt where a gap should have one."""
    seen = sightings.take(places)
    paths = smooth_paths(seen.frames, labels, seen.boxes_xyxy)
    is_gap = np.ones(len(paths.mean), bool)
    is_gap[paths.firsts[labels] + seen.frames - paths.starts[labels]] = False
    gaps = np.flatnonzero(is_gap)
    gaps = gaps[np.argsort(paths.frames[gaps], kind="stable")]
    gap_frames = paths.frames[gaps]
    gap_labels = np.repeat(np.arange(len(paths.lengths)), paths.lengths)[gaps]
    boxes = paths.boxes_xyxy[gaps]
    is_unsure = sightings.scores < config.sure
    is_unsure &= sightings.scores >= config.min_score
    unsure = np.flatnonzero(is_unsure & np.isin(sightings.frames, gap_frames))
    found = [(places, labels)]
    for frame in np.unique(sightings.frames[unsure]).tolist():
        rows = slice(*np.searchsorted(gap_frames, [frame, frame + 1]))
        mine = unsure[
            slice(*np.searchsorted(sightings.frames[unsure], [frame, frame + 1]))
        ]
        overlaps = find_overlaps(boxes[rows], sightings.boxes_xyxy[mine])
        pairs = assign(overlaps.keep(overlaps.gains >= config.min_iou_unsure))
        found.append((mine[pairs.right], gap_labels[rows][pairs.left]))
    all_places, all_labels = (np.concatenate(side) for side in zip(*found, strict=True))
    order = np.argsort(all_places)
    return all_places[order], all_labels[order]


def _fill(seen: Sightings, labels: Ints, places: Ints) -> Tracks:
    """A row for each frame of each path; what was found there, or the lower score of its two neighbours."""
    paths = smooth_paths(seen.frames, labels, seen.boxes_xyxy)
    rows = paths.firsts[labels] + seen.frames - paths.starts[labels]
    num = len(paths.mean)
    sources = np.full(num, FILLED)
    sources[rows] = places
    scores = np.zeros(num)
    scores[rows] = seen.scores
    known = np.flatnonzero(sources != FILLED)
    gaps = np.flatnonzero(sources == FILLED)
    after = np.searchsorted(known, gaps)
    scores[gaps] = np.minimum(scores[known[after - 1]], scores[known[after]])
    of_path = np.repeat(np.arange(len(paths.lengths)), paths.lengths)
    return order_tracks(paths.frames, of_path, paths.boxes_xyxy, scores, sources)
