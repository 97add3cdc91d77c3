"""What is said of each frame: its labels, that somebody looked and found nothing, and what lacks a label.

A label stands on the frame that it was made for. Files of one capture complete each other, so a frame that one of them
labels and another calls empty has labels. What another capture says of a frame, which is a label file that came for it,
takes the place of what the frame's own says. Several such files are joined as what is said of equal pictures is; where
they contradict each other the frame counts as one that lacks a label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from assets.curation.joining import find_any_conflict, join_statements
from assets.kinds import KINDS, Kind, find_kind
from assets.kinds.kind import Marks, Statement
from assets.speakers import choose_speakers
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import SIDES, AnnotatedFrameRow, FrameRow, LabelRow

_COUNTS = ("num_labels", "num_missing", "num_ignored")


def read_statements(
    catalog: Catalog,
    dataset: str,
    frames: Mapping[str, FrameRow],
) -> dict[str, Statement]:
    """Frame id -> what published rows say of it, for those of `frames` (by id, with their sizes) that they speak of."""
    kind = find_kind(dataset)
    task_is = is_in("task", kind.label_tasks)
    labels, said = (
        _read(catalog, name, None, task_is) for name in ("labels", "annotated_frames")
    )
    labels_by_frame: dict[str, list[LabelRow]] = defaultdict(list)
    for label in sorted(labels.to_pylist(), key=lambda r: r["label_id"]):
        labels_by_frame[label["frame_id"]].append(label)
    said_by_frame: dict[str, list[AnnotatedFrameRow]] = defaultdict(list)
    for row in said.to_pylist():
        said_by_frame[row["frame_id"]].append(row)
    return {
        frame_id: _join(
            kind,
            labels_by_frame.get(frame_id, ()),
            said_by_frame.get(frame_id, ()),
            frames[frame_id],
        )
        for frame_id in sorted(
            frames.keys() & (labels_by_frame.keys() | said_by_frame.keys())
        )
    }


def read_datasets(catalog: Catalog) -> dict[str, frozenset[str]]:
    """Frame id -> the datasets that what is said of it is good for, for frames that it is good for something.

    Of masks it asks only whether there is one: a release looks closer.
    """
    labels = _read(catalog, "labels", ["frame_id", "task", *SIDES])
    looked_at = _read(catalog, "annotated_frames", ["frame_id", "task", *_COUNTS])

    def find_frames(where: str) -> set[str]:
        return set(
            _read(catalog, "labels", ["frame_id"], where)["frame_id"].to_pylist()
        )

    marks = Marks(labels, looked_at, find_frames)
    found: dict[str, set[str]] = defaultdict(set)
    for kind in KINDS:
        for frame_id in kind.find_frames(marks):
            found[frame_id].add(kind.name)
    return {frame_id: frozenset(datasets) for frame_id, datasets in found.items()}


def _join(
    kind: Kind,
    labels: Sequence[LabelRow],
    said: Sequence[AnnotatedFrameRow],
    frame: FrameRow,
) -> Statement:
    """What the captures that speak of a frame say together."""
    speakers = [row["capture_id"] for row in (*labels, *said)]
    statements = [
        _state(
            kind,
            [label for label in labels if label["capture_id"] == source],
            [row for row in said if row["capture_id"] == source],
            frame,
        )
        for source in choose_speakers(frame["capture_id"], speakers)
    ]
    if len(statements) == 1:
        return statements[0]
    joined = join_statements(statements, kind)
    is_torn = find_any_conflict(statements, kind) is not None
    return replace(joined, num_missing=joined.num_missing + is_torn)


def _state(
    kind: Kind,
    labels: Sequence[LabelRow],
    said: Sequence[AnnotatedFrameRow],
    frame: FrameRow,
) -> Statement:
    faults = [kind.find_fault(label, frame) for label in labels]
    labelled = {label["task"] for label in labels}
    silent = (
        {row["task"] for row in said}
        - labelled
        - {
            row["task"]
            for row in said
            if row["num_labels"] or row["num_missing"] or row["num_ignored"]
        }
    )
    return Statement(
        labels=tuple(
            label for label, fault in zip(labels, faults, strict=True) if fault is None
        ),
        faults=tuple(filter(None, faults)),
        num_missing=sum(row["num_missing"] for row in said),
        has_ignored=any(row["num_ignored"] for row in said),
        empty_for=frozenset(silent),
    )


def _read(
    catalog: Catalog, name: str, columns: Sequence[str] | None, where: str | None = None
) -> pa.Table:
    """Published rows of sessions of which neither labels nor annotated frames are held: one does not stand alone."""
    decisions = [
        d
        for table in ("labels", "annotated_frames")
        for d in catalog.publications(table)
    ]
    held = sorted({d["session"] for d in decisions if d["is_held"]})
    return catalog.read(
        name,
        columns,
        _both(where, f"NOT ({is_in('session', held)})") if held else where,
    )


def _both(where: str | None, other: str) -> str:
    return f"({where}) AND {other}" if where else other
