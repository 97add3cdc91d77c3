"""Read a dataset release and prove that it is the one that was frozen: its id is the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assets.kinds import find_kind
from assets.tables.catalog import Catalog, repr_sql


@dataclass(frozen=True)
class Release:
    """One release as stored. `frames` are its `release_frames` rows, sorted by frame id."""

    release_id: str
    task: str
    class_names: tuple[str, ...]
    frames_version: int
    content_sha256: str
    frames: pa.Table


def open_release(catalog: Catalog, release_id: str) -> Release:
    """Read a release and prove that its rows still hash to its id. Raises ValueError when they do not."""
    found = catalog.read_latest(
        "releases", where=f"release_id = {repr_sql(release_id)}"
    ).to_pylist()
    if not found:
        raise ValueError(
            f'there is no release {release_id}: `daguerre query "select release_id from releases"` lists them'
        )
    row = found[0]
    frames = catalog.read_latest(
        "release_frames", where=f"release_id = {repr_sql(release_id)}"
    ).sort_by("frame_id")
    content = hash_content(
        row["task"], row["class_names"], frames.to_pylist(), row["choice"]
    )
    remedy = "restore the release tables from a backup"
    if content != row["content_sha256"] or release_id != content[:32]:
        raise ValueError(
            f"release {release_id} has changed: its rows hash to {content}; {remedy}"
        )
    for name, value in summarise(row["task"], frames.to_pylist()).items():
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
    frame_rows: Sequence[Mapping[str, Any]],
    choice: str | None = None,
) -> str:
    """sha256 over the sorted rows: which frames, with which bytes, labels and split; and over what they were chosen by,
    as `Choice.text` has it. Knows no time and no version."""
    columns = find_kind(task).columns
    chosen = [choice] if choice else []
    digest = hashlib.sha256(json.dumps([task, list(class_names), *chosen]).encode())
    for row in sorted(frame_rows, key=lambda r: r["frame_id"]):
        values = [row[column] for column in columns]
        target = [
            list(value) if isinstance(value, Sequence) else value for value in values
        ]
        digest.update(
            json.dumps([row["frame_id"], row["sha256"], row["split"], target]).encode()
        )
    return digest.hexdigest()


def summarise(task: str, frame_rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of a release that its rows give."""
    num_labels = sum(len(list_class_ids(r)) for r in frame_rows)
    return {
        "num_frames": len(frame_rows),
        "num_labels": num_labels,
        "sessions": sorted({r["session"] for r in frame_rows}),
    }


def list_class_ids(frame_row: Mapping[str, Any]) -> list[int]:
    """The class of each label of a `release_frames` row of any task: of the frame, of its boxes, or of its masks."""
    of_frame = [] if frame_row["class_id"] is None else [frame_row["class_id"]]
    return [
        *of_frame,
        *frame_row["box_class_ids"],
        *(frame_row.get("mask_class_ids") or ()),
    ]
