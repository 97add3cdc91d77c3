"""Read a dataset release and prove that it is the one that was frozen: its id is the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.tables.catalog import Catalog, repr_sql
from models.masks import decode_mask
from models.semantic_maps import compose_map
from models.task_names import INSTANCES
from models.types import InstanceSet, SemanticMap


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
    found = catalog.read_latest("releases", where=f"release_id = {repr_sql(release_id)}").to_pylist()
    if not found:
        raise ValueError(
            f'there is no release {release_id}: `daguerre query "select release_id from releases"` lists them'
        )
    row = found[0]
    frames = catalog.read_latest("release_frames", where=f"release_id = {repr_sql(release_id)}").sort_by("frame_id")
    content = hash_content(row["task"], row["class_names"], frames.to_pylist())
    remedy = "restore the release tables from a backup"
    if content != row["content_sha256"] or release_id != content[:32]:
        raise ValueError(f"release {release_id} has changed: its rows hash to {content}; {remedy}")
    for name, value in summarise(row["task"], frames.to_pylist()).items():
        if row[name] != value:
            raise ValueError(
                f"release {release_id} has changed: its {name} is {row[name]}, its rows say {value}; {remedy}"
            )
    return Release(release_id, row["task"], tuple(row["class_names"]), row["frames_version"], content, frames)


def hash_content(task: str, class_names: Sequence[str], frame_rows: Sequence[Mapping[str, Any]]) -> str:
    """sha256 over the sorted rows: which frames, with which bytes, labels and split. Knows no time and no version."""
    digest = hashlib.sha256(json.dumps([task, list(class_names)]).encode())
    for row in sorted(frame_rows, key=lambda r: r["frame_id"]):
        target: list[Any] = [row["class_id"], list(row["boxes_xyxy"]), list(row["box_class_ids"])]
        if task == "segmentation":
            target = [list(row[c]) for c in ("mask_rles", "mask_class_ids", "mask_size_px")]
        if task == INSTANCES:
            target += [list(row[c]) for c in ("mask_rles", "mask_size_px")]
        digest.update(json.dumps([row["frame_id"], row["sha256"], row["split"], target]).encode())
    return digest.hexdigest()


def summarise(task: str, frame_rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of a release that its rows give."""
    num_labels = sum(len(list_class_ids(r)) for r in frame_rows)
    return {
        "num_frames": len(frame_rows), "num_labels": num_labels, "sessions": sorted({r["session"] for r in frame_rows}),
    }  # fmt: skip


def list_class_ids(frame_row: Mapping[str, Any]) -> list[int]:
    """The class of each label of a `release_frames` row of any task: of the frame, of its boxes, or of its masks."""
    of_frame = [] if frame_row["class_id"] is None else [frame_row["class_id"]]
    return [*of_frame, *frame_row["box_class_ids"], *(frame_row.get("mask_class_ids") or ())]


def read_semantic_map(frame_row: Mapping[str, Any]) -> SemanticMap:
    """The map (H, W) of a `release_frames` row of segmentation, IGNORE in the pixels of no mask. Raises ValueError."""
    height, width = frame_row["mask_size_px"]
    return compose_map(frame_row["mask_rles"], frame_row["mask_class_ids"], (height, width))


def read_boxes(frame_row: Mapping[str, Any]) -> NDArray[np.float32]:
    """The boxes (N, 4) of a `release_frames` row of detection or instances."""
    return np.array(frame_row["boxes_xyxy"], np.float32).reshape(-1, 4)


def read_instances(frame_row: Mapping[str, Any], size_hw: tuple[int, int] | None = None) -> InstanceSet:
    """The objects of a `release_frames` row of instances, at the frame's size or another, whose every pixel shows what
    lies at its centre; objects that no pixel shows are left out there.

    Raises ValueError for a mask of another size than the frame's, or of no pixel.
    """
    height, width = frame_row["mask_size_px"]
    size_hw, masks = size_hw or (height, width), []
    for text in frame_row["mask_rles"]:
        mask = decode_mask(text, height, width)
        if not mask.any():
            raise ValueError("an object without a pixel: ingest its labels again")
        small = cv2.resize(mask.view(np.uint8), size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        masks.append(np.asarray(small).view(bool))
    stacked = np.array(masks, bool).reshape(-1, *size_hw)
    shows = stacked.any((1, 2))
    boxes = read_boxes(frame_row) * np.array([size_hw[1] / width, size_hw[0] / height] * 2, np.float32)
    return InstanceSet(boxes[shows], np.array(frame_row["box_class_ids"], np.int64)[shows], stacked[shows])
