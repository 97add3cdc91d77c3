"""What is said of each frame: its labels, that somebody looked and found nothing, and what lacks a label.

A label stands on the frame that it was made for. Files of one capture complete each other, so a frame that one of them
labels and another calls empty has labels. What another capture says of a frame, which is a label file that came for it,
takes the place of what the frame's own says. Several such files are joined as what is said of equal pictures is; where
they contradict each other the frame counts as one that lacks a label. Versions of labels have their place among them by
who made them (`assets/speakers.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.curation.joining import find_any_conflict, join_statements
from assets.kinds import KINDS, Kind, find_kind
from assets.kinds.kind import Marks, Statement
from assets.label_versions import (
    IS_COUNTED,
    find_stale,
    list_counting,
    read_counting,
    read_interpolated,
    tabulate,
    to_rows,
)
from assets.speakers import choose_speakers, hear
from assets.tables.catalog import Catalog, is_in
from assets.tables.positions import Positions as Places
from assets.tables.positions import open_placed
from assets.tables.rows import (
    SIDES,
    AnnotatedFrameRow,
    FrameRow,
    LabelRow,
    LabelVersionRow,
)
from assets.tables.schemas import TABLES

_COUNTS = ("num_labels", "num_missing", "num_ignored")


class Statements:
    """What published rows say of frames for a dataset, read for some of the frames at a time.

    `frames` are rows of `frames` with their sizes; `is_said` (N,) tells of which of them anything is said.
    """

    def __init__(self, catalog: Catalog, dataset: str, frames: pa.Table) -> None:
        self.kind = find_kind(dataset)
        self.frames = frames
        ids = frames["frame_id"]
        of_task = is_in("task", self.kind.label_tasks)
        self._labels = _Said(catalog, "labels", of_task, ids)
        self._looked_at = _Said(catalog, "annotated_frames", of_task, ids)
        of_task = f"{of_task} AND {IS_COUNTED}"
        self._versions = _Said(catalog, "label_versions", of_task, ids, is_judged=True)
        self._stale = find_stale(catalog, read_interpolated(catalog))
        self.is_said = np.zeros(len(frames), bool)
        self.is_said[self._labels.frame] = True
        self.is_said[self._looked_at.frame] = True
        self.is_said[self._versions.frame] = True

    def read(self, places: Places) -> dict[str, Statement]:
        """Frame id -> what is said of it, for those of the frames at these places (N,) that anything is said of."""
        places = places[self.is_said[places]]
        labels_by_frame: dict[str, list[LabelRow]] = defaultdict(list)
        for label in sorted(self._labels.read(places), key=lambda r: r["label_id"]):
            labels_by_frame[label["frame_id"]].append(label)
        said_by_frame: dict[str, list[AnnotatedFrameRow]] = defaultdict(list)
        for row in self._looked_at.read(places):
            said_by_frame[row["frame_id"]].append(row)
        frames: list[FrameRow] = self.frames.take(pa.array(places)).to_pylist()
        sha256_of = {frame["frame_id"]: frame["sha256"] for frame in frames}
        versions_by_frame: dict[str, list[LabelVersionRow]] = defaultdict(list)
        for version in list_counting(
            self._versions.read(places), sha256_of, self._stale
        ):
            versions_by_frame[version["frame_id"]].append(version)
        return {
            frame["frame_id"]: _join(
                self.kind,
                labels_by_frame.get(frame["frame_id"], ()),
                said_by_frame.get(frame["frame_id"], ()),
                versions_by_frame.get(frame["frame_id"], ()),
                frame,
            )
            for frame in frames
        }


class _Said:
    """Rows of one table that speak of frames: `frame` (M,) the place of the frame that each is of.

    `is_judged`: the table stands alone, and not together with others.
    """

    def __init__(
        self,
        catalog: Catalog,
        name: str,
        where: str,
        frame_ids: pa.ChunkedArray,
        is_judged: bool = False,
    ) -> None:
        admitted = where if is_judged else _admit(catalog, where)
        placed = open_placed(catalog, name, ["frame_id"], admitted)
        frame = pc.index_in(placed.rows["frame_id"], value_set=frame_ids)
        is_known = pc.is_valid(frame)
        self.frame = frame.filter(is_known).to_numpy().astype(np.int64)
        self._position = placed.rows["position"].filter(is_known).to_numpy()
        self._order = np.argsort(self.frame, kind="stable")
        self._take = placed.take
        self._columns = TABLES[name].schema.names

    def read(self, places: Places) -> list[Any]:
        """The rows that are of the frames at these places, in the order of the table."""
        ordered = self.frame[self._order]
        starts = np.searchsorted(ordered, places)
        ends = np.searchsorted(ordered, places, side="right")
        rows = np.concatenate(
            [np.arange(a, b) for a, b in zip(starts, ends, strict=True)]
            or [np.zeros(0, np.int64)]
        )
        if not len(rows):
            return []
        positions = np.sort(self._position[self._order[rows]])
        return list(self._take(positions, self._columns).to_pylist())


def read_datasets(catalog: Catalog) -> pa.Table:
    """`frame_id` of the frames of which something good is said, and `datasets`: the bits of the kinds that it is good
    for, as they stand in `KINDS`.

    Of masks it asks only whether there is one: a release looks closer.
    """
    labels = _read(catalog, "labels", ["frame_id", "task", *SIDES])
    looked_at = _read(catalog, "annotated_frames", ["frame_id", "task", *_COUNTS])
    counting = read_counting(catalog)
    marks = (
        _add_versions(catalog, labels, looked_at, counting)
        if counting
        else Marks(labels, looked_at, partial(_find_frames, catalog))
    )
    parts = []
    for n, kind in enumerate(KINDS):
        ids = pa.array(kind.find_frames(marks), pa.string())
        bits = pa.repeat(pa.scalar(1 << n, pa.int64()), len(ids))
        parts.append(pa.table({"frame_id": ids, "datasets": bits}))
    # no kind names a frame twice
    found = (
        pa.concat_tables(parts).group_by("frame_id").aggregate([("datasets", "sum")])
    )
    return found.rename_columns(["frame_id", "datasets"])


def _find_frames(catalog: Catalog, where: str) -> set[str]:
    """Ids of the frames with such a label of a label file."""
    return set(_read(catalog, "labels", ["frame_id"], where)["frame_id"].to_pylist())


def _add_versions(
    catalog: Catalog,
    labels: pa.Table,
    looked_at: pa.Table,
    versions: Sequence[LabelVersionRow],
) -> Marks:
    """What label files and versions say of frames, without what persons have overruled."""
    said, seen = tabulate(versions)
    # where a version takes the place of what the frame's own capture says alone, the frame is labelled either way
    by_persons = [v for v in versions if v["author_kind"] == "person"]
    overruled = pa.array(
        [f"{v['frame_id']} {v['task']}" for v in by_persons], pa.string()
    )

    def keep(rows: pa.Table) -> pa.Table:
        subject = pc.binary_join_element_wise(rows["frame_id"], rows["task"], " ")
        return rows.filter(pc.invert(pc.is_in(subject, value_set=overruled)))

    def find_frames(where: str) -> set[str]:
        import duckdb

        of_files = keep(_read(catalog, "labels", ["frame_id", "task"], where))
        with duckdb.connect() as connection:
            of_versions = connection.from_arrow(said).filter(where)
            mine = of_versions.project("frame_id").to_arrow_table()
        return {*of_files["frame_id"].to_pylist(), *mine["frame_id"].to_pylist()}

    return Marks(
        pa.concat_tables([keep(labels), said.select(labels.schema.names)]),
        pa.concat_tables([keep(looked_at), seen.select(looked_at.schema.names)]),
        find_frames,
    )


def _join(
    kind: Kind,
    labels: Sequence[LabelRow],
    said: Sequence[AnnotatedFrameRow],
    versions: Sequence[LabelVersionRow],
    frame: FrameRow,
) -> Statement:
    """What the captures and the versions that speak of a frame say together."""
    heard = hear(frame["capture_id"], labels, said, versions)
    speakers = [row["capture_id"] for row in (*heard.labels, *heard.looked_at)]
    statements = [
        _state(
            kind,
            [label for label in heard.labels if label["capture_id"] == source],
            [row for row in heard.looked_at if row["capture_id"] == source],
            frame,
        )
        for source in choose_speakers(frame["capture_id"], speakers)
    ]
    statements += [_state_version(kind, v, frame) for v in heard.versions]
    if len(statements) == 1:
        return statements[0]
    joined = join_statements(statements, kind)
    is_torn = find_any_conflict(statements, kind) is not None
    return replace(joined, num_missing=joined.num_missing + is_torn)


def _state_version(kind: Kind, version: LabelVersionRow, frame: FrameRow) -> Statement:
    labels, looked_at = to_rows(version)
    stated = _state(kind, labels, [looked_at], frame)
    return replace(
        stated,
        version_ids=frozenset({version["version_id"]}),
        is_interpolated=version["author_kind"] == "interpolation",
    )


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
    return catalog.read(name, columns, _admit(catalog, where))


def _admit(catalog: Catalog, where: str | None) -> str | None:
    """The filter for sessions of which neither labels nor annotated frames are held: one does not stand alone."""
    decisions = [
        d
        for table in ("labels", "annotated_frames")
        for d in catalog.publications(table)
    ]
    held = sorted({d["session"] for d in decisions if d["is_held"]})
    return _both(where, f"NOT ({is_in('session', held)})") if held else where


def _both(where: str | None, other: str) -> str:
    return f"({where}) AND {other}" if where else other
