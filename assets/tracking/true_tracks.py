"""Tracks beside labels that name theirs, as files of trackers and of tools for video do: how good the tracks are.

Frames that somebody looked at count, all others do not. A box is compared with those of its own class.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assets.current_labels import read_said
from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import SIDES, FrameRow, LabelRow, TrackRow
from assets.tracking.figures import measure_tracks
from models.metrics.track_pairs import TrackedBoxes
from models.task_names import DETECTION

_OF_BOXES = f"task = '{DETECTION}'"


@dataclass(frozen=True)
class TrueTracks:
    """What labels say of the frames of a recording that somebody looked at."""

    labels: Sequence[LabelRow]
    frame_ids: frozenset[str]

    @property
    def num_tracks(self) -> int:
        """That labels name."""
        named = {(one["class_name"], one["track_id"]) for one in self.labels}
        return sum(track is not None for _, track in named)

    @property
    def sha256(self) -> str:
        """Of what is said."""
        columns = ("frame_id", "class_name", "track_id", *SIDES)
        said = sorted(repr([label[c] for c in columns]) for label in self.labels)  # type: ignore[literal-required]
        return hashlib.sha256(
            "\n".join([*sorted(self.frame_ids), *said]).encode()
        ).hexdigest()


def read_true_tracks(
    catalog: Catalog, recordings: Sequence[Sequence[FrameRow]]
) -> list[TrueTracks | None]:
    """Of the frames of each recording of a session; None where no label names a track."""
    sessions = {frame["session"] for frames in recordings for frame in frames[:1]}
    if not any(_name_any(catalog, session) for session in sessions):
        return [None] * len(recordings)
    return [_read(catalog, frames) for frames in recordings]


def _read(catalog: Catalog, frames: Sequence[FrameRow]) -> TrueTracks | None:
    said = {
        frame_id: words
        for (frame_id, task), words in read_said(catalog, frames).items()
        if task == DETECTION
        and (words.labels or words.looked_at)
        and not words.is_interpolated  # along a track it would be its own judge
    }
    labels = [
        one
        for words in said.values()
        for one in words.labels
        if one["x_min"] is not None
    ]
    if all(label["track_id"] is None for label in labels):
        return None
    return TrueTracks(labels, frozenset(said))


def measure_by_labels(
    rows: Sequence[TrackRow], truth: TrueTracks, number_of: Mapping[str, int]
) -> dict[str, float]:
    """The figures of the tracks of one recording by its labels; `number_of` frames counts them.

    A label without a track is a track of its own. Raises ValueError for labels of which a track has two boxes in a
    frame.
    """
    seen, labels = truth.frame_ids, truth.labels
    names = sorted({one["class_name"] for one in (*rows, *labels)})
    apart = max(number_of.values(), default=0) + 1
    # frames of one class after those of another: boxes meet those of their class alone
    number = {
        (frame_id, name): place * apart + number_of[frame_id]
        for place, name in enumerate(names)
        for frame_id in seen
    }
    mine = [row for row in rows if row["frame_id"] in seen]
    told = [(row["class_name"], row["track_id"]) for row in mine]
    true = [
        (label["class_name"], label["label_id"] if t is None else t)
        for label in labels
        for t in [label["track_id"]]
    ]
    return measure_tracks(
        _put_together(labels, true, number), _put_together(mine, told, number)
    )


def _put_together(
    boxes: Sequence[LabelRow] | Sequence[TrackRow],
    names: Collection[tuple[str, object]],
    number: Mapping[tuple[str, str], int],
) -> TrackedBoxes:
    ids: dict[tuple[str, object], int] = defaultdict(lambda: len(ids))
    return TrackedBoxes(
        np.array([number[b["frame_id"], b["class_name"]] for b in boxes], np.int64),
        np.array([ids[name] for name in names], np.int64),
        np.array([[b[s] for s in SIDES] for b in boxes], np.float64).reshape(-1, 4),
    )


def _name_any(catalog: Catalog, session: str) -> bool:
    """Whether a label of the session may name a track: of the most sessions none does, and nothing more is read."""
    mine = f"{session_is(session)} AND {_OF_BOXES}"
    imported = catalog.read_latest(
        "labels", ["label_id"], f"{mine} AND track_id IS NOT NULL"
    )
    if len(imported):
        return True
    written = catalog.read_latest("label_versions", ["track_ids"], mine)
    return any(any(names) for names in written["track_ids"].to_pylist())
