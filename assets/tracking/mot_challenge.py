"""Text files of the MOT Challenge: boxes that were found, true tracks, and tracks as the challenge takes them.

A line is frame, id, left, top, width, height, confidence, and in truths from 2016 on class and visibility. Frames and
pixels count from 1 there; here pixels begin at the outer corner of the first, so left and top are one less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.metrics.track_pairs import TrackedBoxes
from models.tracking.overlaps import assign, find_overlaps
from models.tracking.sightings import Sightings, Tracks

MAX_BYTES = 256 << 20
_FEWEST_COLUMNS = 6
_PEDESTRIAN = 1
# who stands on a vehicle, stands still, distracts, or is mirrored: who follows one is not blamed, nor praised
_DISTRACTORS = (2, 7, 8, 12)
_MIN_IOU = 0.5
_FIRST_PX = 1.0
# where a sequence of the challenge keeps its files, and where a bare folder may
_DETECTIONS = ("det/det.txt", "det.txt")
_TRUTHS = ("gt/gt.txt", "gt.txt")


@dataclass(frozen=True)
class MotRows:
    """N lines of a file, sorted by frame, in the order of the file within one."""

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    confidences: NDArray[np.float64]
    classes: NDArray[np.int64]  # -1 where the file says none

    def __len__(self) -> int:
        return len(self.frames)

    def keep(self, is_kept: NDArray[np.bool_]) -> MotRows:
        """Some of them."""
        return MotRows(
            self.frames[is_kept],
            self.ids[is_kept],
            self.boxes_xyxy[is_kept],
            self.confidences[is_kept],
            self.classes[is_kept],
        )

    @property
    def tracked(self) -> TrackedBoxes:
        """For metrics. Raises ValueError for a track with two boxes in a frame."""
        return TrackedBoxes(self.frames, self.ids, self.boxes_xyxy)


def find_detections(folder: Path) -> Path:
    """The file of found boxes of a sequence. Raises ValueError where there is none."""
    found = _find(folder, _DETECTIONS)
    if found is None:
        raise ValueError(
            f"{folder} has no {' and no '.join(_DETECTIONS)}: name the file with --detections"
        )
    return found


def find_truth(folder: Path) -> Path | None:
    """The file of true tracks of a sequence, where it has one."""
    return _find(folder, _TRUTHS)


def read_mot(path: Path) -> MotRows:
    """The lines of a file. Raises ValueError, with the line, for what is none of the challenge."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{path} has {size >> 20} MiB: at most {MAX_BYTES >> 20} are read, cut it by sequence"
        )
    rows = [
        _read_line(line, f"{path}, line {number}")
        for number, line in enumerate(_decode(path).splitlines(), start=1)
        if line.strip()
    ]
    values = np.array(rows, np.float64).reshape(-1, 8)
    values = values[np.argsort(values[:, 0], kind="stable")]
    corner = values[:, 2:4] - _FIRST_PX
    return MotRows(
        values[:, 0].astype(np.int64),
        values[:, 1].astype(np.int64),
        np.concatenate([corner, corner + values[:, 4:6]], axis=1),
        values[:, 6],
        values[:, 7].astype(np.int64),
    )


def to_sightings(rows: MotRows, path: Path, ignore_scores: bool) -> Sightings:
    """Found boxes for a tracker. With `ignore_scores` all count alike.

    Raises ValueError for scores outside of [0, 1], of which nobody knows from which on a box counts.
    """
    scores = np.ones(len(rows)) if ignore_scores else rows.confidences
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        raise ValueError(
            f"{path} has scores from {scores.min():g} to {scores.max():g}: --ignore-scores takes all boxes alike, or "
            "bring them between 0 and 1"
        )
    return Sightings(rows.frames, rows.boxes_xyxy, scores)


def list_true(rows: MotRows) -> MotRows:
    """Rows of a truth that count: those of confidence 0 are absent, and where the file has classes only pedestrians
    count, as the challenge has it."""
    is_true = rows.confidences != 0
    if _has_classes(rows):
        is_true &= rows.classes == _PEDESTRIAN
    return rows.keep(is_true)


def drop_distracted(truth: MotRows, found: TrackedBoxes) -> TrackedBoxes:
    """Tracks, sorted by frame, without the boxes that fit best to what only distracts, in truths with classes."""
    if not _has_classes(truth):
        return found
    is_dropped = np.zeros(len(found.frames), bool)
    for frame in np.intersect1d(truth.frames, found.frames):
        mine = np.arange(*np.searchsorted(truth.frames, [frame, frame + 1]))
        theirs = np.arange(*np.searchsorted(found.frames, [frame, frame + 1]))
        overlaps = find_overlaps(truth.boxes_xyxy[mine], found.boxes_xyxy[theirs])
        near = overlaps.gains >= _MIN_IOU - np.finfo(np.float64).eps
        pairs = assign(overlaps.keep(near))
        distracts = np.isin(truth.classes[mine[pairs.left]], _DISTRACTORS)
        is_dropped[theirs[pairs.right[distracts]]] = True
    kept = ~is_dropped
    return replace(
        found,
        frames=found.frames[kept],
        ids=found.ids[kept],
        boxes_xyxy=found.boxes_xyxy[kept],
    )


def write_mot(tracks: Tracks) -> Iterator[str]:
    """The lines of tracks, ids from 1 on, as the challenge takes them."""
    rows = zip(
        tracks.frames.tolist(),
        (tracks.numbers + 1).tolist(),
        tracks.boxes_xyxy.tolist(),
        tracks.scores.tolist(),
        strict=True,
    )
    return write_lines(rows)


def write_lines(
    rows: Iterable[tuple[int, int, list[float], float]],
) -> Iterator[str]:
    """A line a row of frame, id, x_min, y_min, x_max, y_max, score."""
    for frame, number, (x_min, y_min, x_max, y_max), score in rows:
        box = f"{x_min + _FIRST_PX:.3f},{y_min + _FIRST_PX:.3f},{x_max - x_min:.3f},{y_max - y_min:.3f}"
        yield f"{frame},{number},{box},{score:.6g},-1,-1,-1\n"


def _find(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / n for n in names if (folder / n).is_file()), None)


def _decode(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text, at byte {error.start}: the challenge's files are lines of numbers"
        ) from None


def _read_line(line: str, where: str) -> list[float]:
    """Frame, id, left, top, width, height, confidence, class."""
    words = (
        line.replace(";", ",").split(",")
        if "," in line or ";" in line
        else line.split()
    )
    if len(words) < _FEWEST_COLUMNS:
        raise ValueError(
            f"{where}: {len(words)} columns, at least {_FEWEST_COLUMNS} are needed: frame,id,left,top,width,height"
        )
    try:
        values = [float(word) for word in words[:8]]
    except ValueError:
        raise ValueError(f"{where}: {line.strip()[:60]!r} are no numbers") from None
    if not np.isfinite(values).all():
        raise ValueError(
            f"{where}: {line.strip()[:60]!r} has a number that is not finite"
        )
    if values[0] < 1 or values[0] % 1 or values[1] % 1:
        raise ValueError(
            f"{where}: frame {words[0]}, id {words[1]}: whole numbers are needed, frames from 1 on"
        )
    if min(values[4:6]) < 0:
        raise ValueError(
            f"{where}: a box of {words[4]} x {words[5]} px: width and height are at least 0"
        )
    return [*values, *(1.0, -1.0)[len(values) - _FEWEST_COLUMNS :]][:8]


def _has_classes(rows: MotRows) -> bool:
    return bool((rows.classes > 0).any())
