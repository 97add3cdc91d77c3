"""Stored answers of one model about some frames, as columns: read in parts, and never a Python object a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.tables.catalog import Catalog, TableMissing, repr_sql
from models.task_names import DETECTION

_PART_ROWS = 8_192
_MASK_ROWS = 64  # with their masks in memory at once
_OFFSET = "_rowoffset"  # by Lance
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What a model says of frames (N,): entries (A,) in the order of the frames, and as they are stored within one.

    Detection has an entry an object, recognition one a class, the most probable first, segmentation one a class that
    shows. `class_ids` are places in `class_names`.
    """

    class_names: tuple[str, ...]
    is_answered: NDArray[np.bool_]  # (N,)
    frame: Places
    class_ids: Places
    scores: NDArray[np.float64]
    boxes_xyxy: NDArray[np.float64]  # (A, 4) px; (0, 4) but for detection

    def pick_first(self, rank: int = 0) -> tuple[Places, NDArray[np.float64]]:
        """(N,) class and score of each frame's entry `rank`, counted from 0; -1 and 0 where there is none."""
        starts = np.searchsorted(self.frame, np.arange(len(self.is_answered)))
        at = starts + rank
        is_there = at < len(self.frame)
        at = np.minimum(at, max(0, len(self.frame) - 1))
        if len(self.frame):
            is_there &= self.frame[at] == np.arange(len(self.is_answered))
            return (
                np.where(is_there, self.class_ids[at], -1),
                np.where(is_there, self.scores[at], 0.0),
            )
        none = np.zeros(len(self.is_answered))
        return none.astype(np.int64) - 1, none


@dataclass(frozen=True)
class StoredMap:
    """A stored answer of segmentation: a mask, a class and a score for each class that shows."""

    mask_rles: list[str]
    class_names: list[str]
    scores: list[float]


def list_models(catalog: Catalog, task: str) -> list[str]:
    """The models whose answers for the task are stored, by id."""
    rows = catalog.read_latest(
        "predictions", ["model_sha256"], f"task = {repr_sql(task)}"
    )
    return sorted(rows["model_sha256"].unique().to_pylist())


def read_answers(
    catalog: Catalog,
    model_sha256: str,
    frame_ids: pa.ChunkedArray,
    wanted: NDArray[np.bool_],
    most: int | None = None,
) -> Answers:
    """The answers about the wanted of the frames (N,); of each the first `most` entries. One answer a frame counts."""
    columns = ["frame_id", "task", "class_names", "scores", "boxes_xyxy"]
    known = frame_ids.combine_chunks()
    is_answered = np.zeros(len(known), bool)
    names: list[str] = []
    parts: list[tuple[Places, Places, NDArray[np.float64], NDArray[np.float64]]] = []
    for rows in _scan(catalog, model_sha256, columns):
        rows, places = _choose(rows, known, wanted, is_answered)
        if not len(rows):
            continue
        lengths = pc.list_value_length(rows["scores"]).to_numpy()
        frame = np.repeat(places, lengths)
        kept = np.ones(len(frame), bool)
        if most is not None:
            begins = np.repeat(np.cumsum(lengths) - lengths, lengths)
            kept = np.arange(len(frame)) - begins < most
        codes = _encode(rows["class_names"], names)
        boxes = np.zeros((0, 4))
        if rows["task"][0].as_py() == DETECTION:
            boxes = _flatten(rows["boxes_xyxy"]).reshape(-1, 4)[kept]
        parts.append((frame[kept], codes[kept], _flatten(rows["scores"])[kept], boxes))
    return _join(names, is_answered, parts)


def read_answer_masks(
    catalog: Catalog,
    model_sha256: str,
    frame_ids: pa.ChunkedArray,
    wanted: NDArray[np.bool_],
) -> Iterator[tuple[int, StoredMap]]:
    """Place and answer of each wanted frame (N,) that a model of segmentation has answered, in their order."""
    try:
        stored = catalog.dataset("predictions")
    except TableMissing:
        return
    rows = stored.to_table(
        columns=["frame_id", _OFFSET], filter=f"model_sha256 = {repr_sql(model_sha256)}"
    )
    known = frame_ids.combine_chunks()
    rows, places = _choose(rows, known, wanted, np.zeros(len(known), bool))
    offsets = rows[_OFFSET].to_numpy().astype(np.int64)
    columns = ["class_names", "scores", "mask_rles"]
    for start in range(0, len(places), _MASK_ROWS):
        some = slice(start, start + _MASK_ROWS)
        found = stored.take(pa.array(offsets[some]), columns=columns)
        lists = (found[name].to_pylist() for name in columns)
        for place, names, scores, masks in zip(
            places[some].tolist(), *lists, strict=True
        ):
            yield place, StoredMap(masks or [], names, scores)


def _scan(
    catalog: Catalog, model_sha256: str, columns: list[str]
) -> Iterator[pa.Table]:
    try:
        stored = catalog.dataset("predictions")
    except TableMissing:
        return
    scanner = stored.scanner(
        columns=columns,
        filter=f"model_sha256 = {repr_sql(model_sha256)}",
        batch_size=_PART_ROWS,
        batch_readahead=1,
    )
    for batch in scanner.to_batches():
        yield pa.Table.from_batches([batch])


def _choose(
    rows: pa.Table,
    known: pa.Array,
    wanted: NDArray[np.bool_],
    is_answered: NDArray[np.bool_],
) -> tuple[pa.Table, Places]:
    """Rows of wanted frames that have no answer yet, in the order of the frames; those are marked."""
    place = pc.index_in(rows["frame_id"], value_set=known)
    places = pc.fill_null(place, -1).to_numpy().astype(np.int64)
    is_new = (places >= 0) & np.append(wanted & ~is_answered, False)[places]
    places, first = np.unique(np.where(is_new, places, -1), return_index=True)
    first, places = first[places >= 0], places[places >= 0]
    is_answered[places] = True
    return rows.take(pa.array(first)), places


def _flatten(lists: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.list_flatten(lists).to_numpy(), np.float64)


def _encode(lists: pa.ChunkedArray, names: list[str]) -> Places:
    """Places of class names in `names`, which grows by those that are new."""
    flat = pc.list_flatten(lists)
    names += sorted(set(flat.unique().to_pylist()) - set(names))
    codes = pc.index_in(flat, value_set=pa.array(names, pa.string()))
    return codes.to_numpy().astype(np.int64)


def _join(
    names: list[str],
    is_answered: NDArray[np.bool_],
    parts: list[tuple[Places, Places, NDArray[np.float64], NDArray[np.float64]]],
) -> Answers:
    none = np.zeros(0, np.int64)
    frame = np.concatenate([none, *(p[0] for p in parts)])
    order = np.argsort(frame, kind="stable")
    class_ids = np.concatenate([none, *(p[1] for p in parts)])[order]
    scores = np.concatenate([np.zeros(0), *(p[2] for p in parts)])[order]
    boxes = np.concatenate([np.zeros((0, 4)), *(p[3] for p in parts)])
    boxes = boxes[order] if len(boxes) else boxes
    return Answers(tuple(names), is_answered, frame[order], class_ids, scores, boxes)
