"""Tracks beside the truth, frame by frame: which boxes overlap, for all metrics of tracks at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.tracking.overlaps import find_overlaps
from models.tracking.sightings import Floats, Ints


@dataclass(frozen=True)
class TrackedBoxes:
    """N boxes, each of a track in a frame, in any order. Raises ValueError where a track has two in one frame, for a
    box that is not finite, and for arrays that do not fit together."""

    frames: Ints  # (N,)
    ids: Ints  # (N,) of the tracks
    boxes_xyxy: Floats  # (N, 4) px

    def __post_init__(self) -> None:
        if not len(self.frames) == len(self.ids) == len(self.boxes_xyxy):
            raise ValueError(
                f"{len(self.frames)} frames, {len(self.ids)} ids, {len(self.boxes_xyxy)} boxes: one each"
            )
        if not np.isfinite(self.boxes_xyxy).all():
            raise ValueError("a box is not finite: leave it out")
        order = np.lexsort((self.ids, self.frames))
        frames, ids = self.frames[order], self.ids[order]
        twice = np.flatnonzero((np.diff(frames) == 0) & (np.diff(ids) == 0))
        if len(twice):
            at = twice[0]
            raise ValueError(
                f"track {ids[at]} has two boxes in frame {frames[at]}: a track is in one place at a time"
            )


@dataclass(frozen=True)
class FramePairs:
    """One frame: places of its true and found tracks among all, and their P overlaps by place in the frame."""

    truth: Ints  # (G,) of 0..num_truth-1
    found: Ints  # (T,) of 0..num_found-1
    rows: Ints  # (P,) of 0..G-1
    columns: Ints  # (P,) of 0..T-1
    ious: Floats  # (P,) above 0

    @property
    def is_plain(self) -> bool:
        """Whether no box overlaps two: then there is one assignment, and nothing to solve."""
        return bool(
            np.bincount(self.rows, minlength=1).max() <= 1
            and np.bincount(self.columns, minlength=1).max() <= 1
        )

    def spread(self, values: Floats) -> Floats:
        """(G, T) one value a pair, 0 elsewhere."""
        matrix = np.zeros((len(self.truth), len(self.found)))
        matrix[self.rows, self.columns] = values
        return matrix


@dataclass(frozen=True)
class TrackPairs:
    """All frames in which something is, in order. Frames hold boxes in the order in which they were given."""

    frames: tuple[FramePairs, ...]
    truth_counts: Ints  # (num_truth,) boxes of each true track
    found_counts: Ints  # (num_found,)

    @property
    def num_truth_boxes(self) -> int:
        """Over all frames."""
        return int(self.truth_counts.sum())

    @property
    def num_found_boxes(self) -> int:
        """Over all frames."""
        return int(self.found_counts.sum())

    @property
    def is_empty(self) -> bool:
        """Whether one of the two sides has nothing."""
        return not len(self.truth_counts) or not len(self.found_counts)


def pair_tracks(truth: TrackedBoxes, found: TrackedBoxes) -> TrackPairs:
    """What overlaps what. Of one frame only boxes that are near are compared: a frame of 1,000 costs no million."""
    frames = np.union1d(truth.frames, found.frames)
    truth_ids, truth_places = _compact(truth.ids)
    found_ids, found_places = _compact(found.ids)
    parts = zip(_split(truth, frames), _split(found, frames), strict=True)
    return TrackPairs(
        tuple(
            _pair(truth, mine, truth_places, found, theirs, found_places)
            for mine, theirs in parts
        ),
        np.bincount(truth_places, minlength=len(truth_ids)),
        np.bincount(found_places, minlength=len(found_ids)),
    )


def _compact(ids: Ints) -> tuple[Ints, Ints]:
    unique, places = np.unique(ids, return_inverse=True)
    return unique, places.reshape(-1)


def _split(boxes: TrackedBoxes, frames: NDArray[np.int64]) -> Iterator[Ints]:
    """Places of the boxes of each frame."""
    order = np.argsort(boxes.frames, kind="stable")
    starts = np.searchsorted(boxes.frames[order], frames, "left").tolist()
    ends = np.searchsorted(boxes.frames[order], frames, "right").tolist()
    for start, end in zip(starts, ends, strict=True):
        yield order[start:end]


def _pair(
    truth: TrackedBoxes,
    mine: Ints,
    truth_places: Ints,
    found: TrackedBoxes,
    theirs: Ints,
    found_places: Ints,
) -> FramePairs:
    pairs = find_overlaps(truth.boxes_xyxy[mine], found.boxes_xyxy[theirs])
    return FramePairs(
        truth_places[mine], found_places[theirs], pairs.left, pairs.right, pairs.gains
    )
