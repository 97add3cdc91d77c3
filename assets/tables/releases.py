"""Read a dataset release and prove that it is the one that was frozen: its id is the hash of its content.

But for one that something was erased from: that keeps its id, and has the hash of what was left.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.kinds import find_kind
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.json_text import join_json, write_json

_HASHED = 16_384  # rows whose text is written at once
_MOST_THREADS = 4  # each holds the text of so many rows
_OF_FRAME = ("frame_id", "sha256", "split")
_OF_LABELS = ("class_id", "box_class_ids", "mask_class_ids")


@dataclass(frozen=True)
class Release:
    """One release as stored. `frames` are its `release_frames` rows, or some columns of them, sorted by frame id."""

    release_id: str
    task: str
    class_names: tuple[str, ...]
    frames_version: int
    content_sha256: str
    frames: pa.Table


def open_release(
    catalog: Catalog, release_id: str, columns: Sequence[str] | None = None
) -> Release:
    """Read a release and prove that its rows still hash to its id. Raises ValueError when they do not.

    Of one that something was erased from the rows that are left are proven, by the hash that was taken then.

    `columns` of `release_frames` are there of its frames, beside those that the proof reads; None: all.
    """
    found = catalog.read_latest(
        "releases", where=f"release_id = {repr_sql(release_id)}"
    ).to_pylist()
    if not found:
        raise ValueError(
            f'there is no release {release_id}: `daguerre query "select release_id from releases"` lists them'
        )
    row = found[0]
    if columns is not None:
        proof = (*_OF_FRAME, "session", *_OF_LABELS, *find_kind(row["task"]).columns)
        columns = list(dict.fromkeys([*columns, *proof]))
    frames = sort_frames(
        catalog.read_latest(
            "release_frames", columns, f"release_id = {repr_sql(release_id)}"
        )
    )
    content = hash_content(row["task"], row["class_names"], frames, row["choice"])
    remedy = "restore the release tables from a backup"
    is_whole = row["erasure_id"] is None
    if content != row["content_sha256"] or (is_whole and release_id != content[:32]):
        raise ValueError(
            f"release {release_id} has changed: its rows hash to {content}; {remedy}"
        )
    for name, value in summarise(frames).items():
        if row[name] != value:
            raise ValueError(
                f"release {release_id} has changed: its {name} is {row[name]}, its rows say {value}; {remedy}"
            )
    return Release(
        release_id,
        row["task"],
        tuple(row["class_names"]),
        row["frames_version"],
        content,
        frames,
    )


def hash_content(
    task: str,
    class_names: Sequence[str],
    frames: pa.Table,
    choice: str | None = None,
) -> str:
    """sha256 over the `release_frames` rows, sorted: which frames, with which bytes, labels and split; and over what
    they were chosen by, as `Choice.text` has it. Knows no time and no version."""
    chosen = [choice] if choice else []
    digest = hashlib.sha256(json.dumps([task, list(class_names), *chosen]).encode())
    target = find_kind(task).columns
    ordered = sort_frames(frames.select([*_OF_FRAME, *target]))

    def write_rows(batch: pa.RecordBatch) -> pa.StringArray:
        texts = {name: write_json(batch[name]) for name in batch.schema.names}
        targets = join_json(*(texts[name] for name in target))
        return join_json(*(texts[name] for name in _OF_FRAME), targets)

    # Arrow writes numbers without the interpreter's lock
    num_threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(num_threads) as pool:
        for rows in pool.map(write_rows, ordered.to_batches(_HASHED)):
            digest.update(_join_bytes(rows))
    return digest.hexdigest()


def sort_frames(frames: pa.Table) -> pa.Table:
    """Rows that have a `frame_id`, in its order."""
    # to take rows from columns in many chunks costs several times as much
    frames = frames.combine_chunks()
    order = pc.sort_indices(frames["frame_id"])
    is_sorted = np.array_equal(order.to_numpy(), np.arange(len(frames)))
    return frames if is_sorted else frames.take(order)


def summarise(frames: pa.Table) -> dict[str, Any]:
    """The columns of a release that its `release_frames` give."""
    return {
        "num_frames": len(frames),
        "num_labels": len(tabulate_classes(frames)),
        "sessions": sorted(frames["session"].unique().to_pylist()),
    }


def tabulate_classes(frames: pa.Table) -> pa.Table:
    """A row a label of `release_frames` of any task, of the frame, of its boxes, or of its masks: `class_id`, `split`,
    and `place`, that of its frame in `frames`."""
    parts = [
        _tabulate(frames[name]) for name in _OF_LABELS if name in frames.column_names
    ]
    place = np.concatenate([place for place, _ in parts])
    class_id = np.concatenate([class_id for _, class_id in parts])
    split = frames["split"].combine_chunks().dictionary_encode().take(pa.array(place))
    return pa.table(
        {"class_id": class_id, "split": split.cast(pa.string()), "place": place}
    )


def list_class_ids(frame_row: Mapping[str, Any]) -> list[int]:
    """The class of each label of a `release_frames` row of any task: of the frame, of its boxes, or of its masks."""
    of_frame = [] if frame_row["class_id"] is None else [frame_row["class_id"]]
    return [
        *of_frame,
        *frame_row["box_class_ids"],
        *(frame_row.get("mask_class_ids") or ()),
    ]


def _tabulate(ids: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N,) places and (N,) class ids of the labels that a column of ids, or of lists of ids, holds."""
    if pa.types.is_list(ids.type):
        lengths = pc.fill_null(pc.list_value_length(ids), 0).to_numpy()
        place = np.repeat(np.arange(len(ids)), lengths)
        return place, pc.list_flatten(ids).to_numpy().astype(np.int64)
    is_there = pc.is_valid(ids).to_numpy()
    return np.flatnonzero(is_there), ids.drop_null().to_numpy().astype(np.int64)


def _join_bytes(texts: pa.StringArray) -> memoryview:
    """UTF-8 of all texts, without a copy. None of them is null."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[
        texts.offset : texts.offset + len(texts) + 1
    ]
    return memoryview(data)[ends[0] : ends[-1]]
