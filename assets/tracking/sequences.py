"""Tracks of a sequence of the MOT Challenge, from its files alone, and how good they are by its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assets.tracking.mot_challenge import (
    drop_distracted,
    list_true,
    read_mot,
    to_sightings,
)
from assets.tracking.rows import Method
from models.metrics.clear_mot import measure_clear
from models.metrics.hota import measure_hota
from models.metrics.identity import measure_identity
from models.metrics.track_pairs import TrackedBoxes, pair_tracks
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


def measure_tracks(truth: TrackedBoxes, found: TrackedBoxes) -> dict[str, float]:
    """The figures that tables of trackers have, by name; counts are whole."""
    pairs = pair_tracks(truth, found)
    hota, clear = measure_hota(pairs), measure_clear(pairs)
    identity = measure_identity(pairs)
    return {
        "hota": hota.hota,
        "deta": hota.deta,
        "assa": hota.assa,
        "loca": hota.loca,
        "mota": clear.mota,
        "motp": clear.motp,
        "idf1": identity.idf1,
        "recall": clear.recall,
        "precision": clear.precision,
        "switches": clear.switches,
        "fragments": clear.fragments,
        "false_alarms": clear.false_alarms,
        "misses": clear.misses,
        "mostly_tracked": clear.mostly_tracked,
        "mostly_lost": clear.mostly_lost,
        "true_tracks": len(pairs.truth_counts),
        "true_boxes": pairs.num_truth_boxes,
    }
