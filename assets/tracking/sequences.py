"""Tracks of a sequence of the MOT Challenge, from its files alone, and how good they are by its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assets.tracking.figures import measure_tracks
from assets.tracking.mot_challenge import (
    drop_distracted,
    list_true,
    read_mot,
    to_sightings,
)
from assets.tracking.rows import Method
from models.metrics.track_pairs import TrackedBoxes
from models.tracking.sightings import Tracks

_ALL_COUNT = {"sort": 0.0}  # it asks no score


@dataclass(frozen=True)
class TrackedSequence:
    """The tracks, of how many boxes in how many frames, and their figures where there is a truth."""

    tracks: Tracks
    num_found: int
    num_frames: int
    figures: dict[str, float] | None

    @property
    def num_tracks(self) -> int:
        """Over all frames."""
        return int(self.tracks.numbers.max(initial=-1)) + 1

    @property
    def num_filled(self) -> int:
        """Boxes where nothing was found."""
        return int((self.tracks.sources < 0).sum())


def choose_method(tracker: str, min_score: float | None) -> Method:
    """The method for boxes from a file. Raises ValueError as `Method` does."""
    if min_score is None:
        min_score = _ALL_COUNT.get(tracker, Method().min_score)
    return Method(tracker, min_score)


def track_sequence(
    detections: Path, truth: Path | None, method: Method, ignore_scores: bool = False
) -> TrackedSequence:
    """Join the boxes of a file. Raises ValueError for files that are none, and OSError where they cannot be read."""
    found = to_sightings(read_mot(detections), detections, ignore_scores)
    sure = found.take((found.scores >= method.least_score).nonzero()[0])
    tracks = method.track(sure)
    figures = None if truth is None else _measure(tracks, truth)
    frames = len(set(found.frames.tolist()))
    return TrackedSequence(tracks, len(found), frames, figures)


def _measure(tracks: Tracks, path: Path) -> dict[str, float]:
    rows = read_mot(path)
    told = TrackedBoxes(tracks.frames, tracks.numbers, tracks.boxes_xyxy)
    try:
        true = list_true(rows).tracked
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return measure_tracks(true, drop_distracted(rows, told))
