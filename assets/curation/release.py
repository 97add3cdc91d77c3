"""Freeze a dataset: an immutable release whose id is the hash of its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.alike_sessions import REMEDY, AlikeSession
from assets.choice import EVERYTHING, Choice
from assets.code_versions import version_of
from assets.curation.alike import list_batches
from assets.curation.annotations import Statements
from assets.curation.chosen import (
    choose_classes,
    choose_frames,
    list_reasons,
    require_classes,
)
from assets.curation.clusters import Sides
from assets.curation.components import Nodes
from assets.curation.pictures import (
    NEAR_DUPLICATE,
    UNLABELLED,
    ChosenClasses,
    Picture,
    choose_pictures,
    count_lost,
)
from assets.curation.weaknesses import find_weaknesses
from assets.kinds import Kind, find_kind
from assets.kinds.kind import Statement
from assets.tables.catalog import Catalog
from assets.tables.class_list import (
    ClassCount,
    count_classes,
    describe_release,
    draw_class_list,
)
from assets.tables.commits import pin
from assets.tables.releases import hash_content, summarise
from assets.tables.rows import FrameRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables
from assets.terms.judging import write_terms
from assets.terms.policy import Policy

_TABLE = TABLES["release_frames"]
_LABELS = TABLES["release_labels"]
_SCHEMA = pa.schema(
    [field for field in _TABLE.schema if field.name not in ("row_id", "release_id")]
)
_NO_POLICY = Policy()
_NO_TARGET: dict[str, Any] = {"class_id": None, "boxes_xyxy": [], "box_class_ids": []}


@dataclass(frozen=True)
class Draft:
    """A release before it is written. `excluded` counts what was left out, by reason."""

    row: dict[str, Any]
    frames: pa.Table  # its `release_frames`, sorted by frame id
    excluded: dict[str, int] = field(default_factory=dict)
    # its `release_labels`: the versions of labels that it takes
    labels: pa.Table = field(default_factory=_LABELS.schema.empty_table)

    @property
    def num_empty(self) -> int:
        """Frames that show no object, in a release of a task that looks for objects."""
        if not find_kind(self.row["task"]).learns_absence:
            return 0
        num_boxes = pc.list_value_length(self.frames["box_class_ids"])
        return int(pc.sum(pc.equal(num_boxes, 0)).as_py())

    @property
    def summary(self) -> str:
        """What is in it, and what was labelled and is not, in one line."""
        row = self.row
        empty = (
            f", {self.num_empty} of them without an object" if self.num_empty else ""
        )
        lost = "; ".join(
            f"{reason}: {count}" for reason, count in count_lost(self.excluded).items()
        )
        counts = f"{row['num_frames']} frames{empty}, {row['num_labels']} labels"
        return f"{row['task']} dataset {row['release_id'][:16]}: {counts}{f'; left out: {lost}' if lost else ''}"

    @property
    def class_list(self) -> list[ClassCount]:
        """What it holds of each class."""
        return count_classes(self.row["class_names"], self.frames)

    def list_lines(self, most_classes: int | None = None) -> list[str]:
        """What a person wants to know before a training starts on it: sizes, what it was chosen by, classes."""
        described = self.facts
        parts = described["parts"].items()
        frames = ", ".join(f"{part} {count:,}" for part, count in parts)
        return [
            self.summary,
            f"chosen: {described['chosen']}; frames: {frames}",
            *draw_class_list(self.class_list, most_classes),
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """What it would be, as JSON has it: id, what it was chosen by, classes, parts, what is left out, weaknesses."""
        described = describe_release(self.row, self.frames)
        lost = _explain_alike(self.excluded, described["parts"]["train"])
        return {
            "task": self.row["task"],
            "release_id": self.row["release_id"],
            **described,
            "warnings": [*described["warnings"], *lost],
            "excluded": dict(self.excluded),
        }


def _explain_alike(excluded: Mapping[str, int], num_train: int) -> list[str]:
    """That hardly a labelled picture of train is left, where that is so; it is no fault of the test part."""
    num_alike = excluded.get(NEAR_DUPLICATE, 0)
    lost = AlikeSession("", num_alike + num_train, num_alike)
    return [f"the train part has {num_train} frames: {lost}: {REMEDY}"] * lost.is_still


def draft_release(
    catalog: Catalog,
    task: str,
    choice: Choice = EVERYTHING,
    sides: Sides | None = None,
) -> Draft:
    """Collect the published, split frames of a task that `choose_pictures` takes: labelled ones, and those that
    somebody found empty; of pretraining all. Frames with equal bytes are one picture with the labels of all.

    `sides` None: as the tables have them. Raises ValueError, with the remedy, when there is nothing to release, and for
    a choice that cannot be made.
    """
    kind = find_kind(task)
    sought = _Sought(catalog, kind, choice, sides or _read_sides(catalog))
    if kind.needs_labels and not any(
        said.labels or said.faults for _, said in sought.list_said()
    ):
        of = "" if choice.is_everything else f" among {choice.summary}"
        raise ValueError(
            f"no published {task} labels{of}: ingest labelled captures, or see `daguerre query` on publications"
        )
    if not len(sought.sides.splits):
        raise ValueError(
            "no published splits: materialise curation/splits, or let `daguerre train` make them"
        )
    classes = choose_classes(kind, choice, sought.list_said())
    chosen, excluded = sought.choose(classes)
    if not len(chosen.frames) or (kind.needs_labels and not chosen.class_names):
        remedy = f"; {kind.remedy}" if kind.remedy else ""
        raise ValueError(
            f"no frame is left for a release of {task}: {list_reasons(excluded)}{remedy}"
        )
    require_classes(choice, chosen.class_names, excluded)
    return _seal(catalog, task, chosen, excluded, choice)


def write_release(catalog: Catalog, draft: Draft, policy: Policy = _NO_POLICY) -> str:
    """Store the release, frames first, pin its frames, and seal all tables. Writing it again changes nothing."""
    release_id = draft.row["release_id"]
    dataset = catalog.dataset("frames")
    tag = f"release-{release_id}"
    pin(dataset, tag, draft.row["frames_version"])
    catalog.merge("release_frames", draft.frames)
    if len(draft.labels):
        catalog.merge("release_labels", draft.labels)
    write_terms(catalog, release_id, draft.frames, policy)
    catalog.merge("releases", to_table(TABLES["releases"], [draft.row]))
    seal_tables(catalog)
    return str(release_id)


def _read_sides(catalog: Catalog) -> Sides:
    return Sides(
        catalog.read("splits", ["frame_id", "split"]),
        catalog.read("unique_frames", ["frame_id", "cluster_id"]),
    )


@dataclass(frozen=True)
class _Chosen:
    """`release_frames` without the ids of the release, sorted by frame id, and the classes that their ids index.

    `version_ids` are of the versions that they rest on, by frame id.
    """

    frames: pa.Table
    class_names: list[str]
    version_ids: Mapping[str, frozenset[str]]


class _Sought:
    """The frames that a release of a kind may take, and what is said of them: columns, and rows a batch at a time."""

    def __init__(
        self, catalog: Catalog, kind: Kind, choice: Choice, sides: Sides
    ) -> None:
        self.sides = sides
        self._kind = kind
        frames = choose_frames(catalog, choice)
        statements = Statements(catalog, kind.name, frames)
        self._num_silent = 0
        if kind.needs_labels:
            spoken_of = frames["sha256"].filter(pa.array(statements.is_said))
            counts = pc.is_in(frames["sha256"], value_set=spoken_of)
            frames, self._num_silent = frames.filter(counts), len(frames)
            self._num_silent -= len(frames)
            statements = Statements(catalog, kind.name, frames)
        self._frames = frames
        self._statements = statements
        self._split = _look_up(frames["frame_id"], sides.splits, "split")
        self._cluster = _look_up(frames["frame_id"], sides.clusters, "cluster_id")

    def list_said(self) -> Iterator[tuple[str, Statement]]:
        """Of every frame that something is said of its session, and that."""
        for places in self._list_batches():
            sessions = self._column("session", places)
            for frame_id, said in self._statements.read(places).items():
                yield sessions[frame_id], said

    def choose(self, classes: ChosenClasses | None) -> tuple[_Chosen, Counter[str]]:
        """What goes into the release, and what does not, by reason."""
        excluded = Counter[str]()
        parts: list[_Chosen] = []
        for places in self._list_batches():
            rows: list[FrameRow] = self._frames.take(pa.array(places)).to_pylist()
            frames = {row["frame_id"]: row for row in rows}
            split_of = _to_mapping(frames, self._split.take(pa.array(places)))
            pictures, left_out = choose_pictures(
                self._kind,
                frames,
                self._statements.read(places),
                split_of,
                _to_mapping(frames, self._cluster.take(pa.array(places))),
                classes,
            )
            excluded.update(left_out)
            parts.append(_list_frames(self._kind, pictures, frames, split_of))
        if self._num_silent:
            excluded[UNLABELLED] += self._num_silent
        return _join(parts), excluded

    def _list_batches(self) -> Iterator[Nodes]:
        # a frame that was never compared is alike itself alone
        cluster = pc.coalesce(self._cluster, self._frames["frame_id"])
        return list_batches(self._frames["sha256"], cluster)

    def _column(self, name: str, places: Nodes) -> dict[str, str]:
        found = self._frames.select(["frame_id", name]).take(pa.array(places))
        return dict(zip(*found.to_pydict().values(), strict=True))


def _look_up(
    frame_ids: pa.ChunkedArray, rows: pa.Table, column: str
) -> pa.ChunkedArray:
    """(N,) the column of each frame's row; null of a frame without one."""
    return rows[column].take(pc.index_in(frame_ids, value_set=rows["frame_id"]))


def _to_mapping(frames: Iterable[str], values: pa.ChunkedArray) -> dict[str, str]:
    pairs = zip(frames, values.to_pylist(), strict=True)
    return {frame_id: value for frame_id, value in pairs if value is not None}


def _list_frames(
    kind: Kind,
    pictures: Sequence[Picture],
    frames: Mapping[str, FrameRow],
    split_of: Mapping[str, str],
) -> _Chosen:
    class_names = sorted(
        {label["class_name"] for picture in pictures for label in picture.said.labels}
    )
    class_id_of = {name: class_id for class_id, name in enumerate(class_names)}
    rows = []
    for picture in pictures:
        frame = frames[picture.frame_id]
        labels = picture.said.labels
        class_ids = [class_id_of[label["class_name"]] for label in labels]
        rows.append(
            {
                "frame_id": frame["frame_id"],
                "capture_id": frame["capture_id"],
                "session": frame["session"],
                "sensor": frame["sensor"],
                "sha256": frame["sha256"],
                "split": split_of[picture.frame_id],
                **_NO_TARGET,
                **kind.make_target(labels, class_ids, frame),
            }
        )
    version_ids = {p.frame_id: p.said.version_ids for p in pictures}
    return _Chosen(
        pa.Table.from_pylist(rows, _SCHEMA),
        class_names,
        {frame_id: ids for frame_id, ids in version_ids.items() if ids},
    )


def _join(parts: Sequence[_Chosen]) -> _Chosen:
    """All parts as one; class ids are those of all classes together."""
    class_names = sorted({name for part in parts for name in part.class_names})
    class_id_of = {name: class_id for class_id, name in enumerate(class_names)}
    tables = [
        _renumber(part.frames, [class_id_of[name] for name in part.class_names])
        for part in parts
    ]
    frames = pa.concat_tables(tables or [_SCHEMA.empty_table()])
    version_ids = {i: ids for part in parts for i, ids in part.version_ids.items()}
    return _Chosen(frames.sort_by("frame_id"), class_names, version_ids)


def _renumber(frames: pa.Table, class_ids: Sequence[int]) -> pa.Table:
    """The frames with new class ids: of class 0 the first of `class_ids`. They rise, so sorted ids stay so."""
    new = pa.array(class_ids, pa.int64())
    for name in ("class_id", "box_class_ids", "mask_class_ids"):
        ids = frames[name].combine_chunks()
        if pa.types.is_list(ids.type):
            ids = pa.ListArray.from_arrays(
                ids.offsets, new.take(ids.values), mask=ids.is_null()
            )
        else:
            ids = new.take(ids)
        frames = frames.set_column(frames.column_names.index(name), name, ids)
    return frames


def _seal(
    catalog: Catalog,
    task: str,
    chosen: _Chosen,
    excluded: Mapping[str, int],
    choice: Choice,
) -> Draft:
    content = hash_content(task, chosen.class_names, chosen.frames, choice.text)
    release_id = content[:32]
    row_ids = [
        content_id("release_frame", release_id, frame_id)
        for frame_id in chosen.frames["frame_id"].to_pylist()
    ]
    ids = {
        "row_id": pa.array(row_ids, pa.string()),
        "release_id": pa.repeat(release_id, len(row_ids)),
    }
    columns = {
        name: ids[name] if name in ids else chosen.frames[name]
        for name in _TABLE.schema.names
    }
    frames = pa.table(columns, _TABLE.schema)
    version = catalog.published_version("frames")
    assert version is not None, "frames were read as published"
    release = {
        "release_id": release_id,
        "task": task,
        "class_names": chosen.class_names,
        "content_sha256": content,
        "frames_version": version,
        "code_version": version_of("releases"),
        "choice": choice.text,
        "weaknesses": find_weaknesses(
            catalog, task, chosen.class_names, frames, choice
        ),
        **summarise(frames),
    }
    labels = _list_labels(release_id, chosen)
    return Draft(release, frames, dict(excluded), labels)


def _list_labels(release_id: str, chosen: _Chosen) -> pa.Table:
    """The rows of `release_labels`."""
    session_of = _to_mapping(
        chosen.frames["frame_id"].to_pylist(), chosen.frames["session"]
    )
    rows = [
        {
            "row_id": content_id("release_label", release_id, frame_id, version_id),
            "release_id": release_id,
            "frame_id": frame_id,
            "session": session_of[frame_id],
            "version_id": version_id,
        }
        for frame_id, ids in sorted(chosen.version_ids.items())
        for version_id in sorted(ids)
    ]
    return to_table(_LABELS, rows)
