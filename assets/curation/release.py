"""Freeze a dataset: an immutable release whose id is the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.schemas import TABLES, content_id, to_table

CODE_VERSION = "1"


@dataclass(frozen=True)
class Release:
    """One release as stored. `frames` are its `release_frames` rows, sorted by frame id."""

    release_id: str
    task: str
    class_names: tuple[str, ...]
    frames_version: int
    content_sha256: str
    frames: pa.Table


@dataclass(frozen=True)
class Draft:
    """A release before it is written. `excluded` counts what was left out, by reason."""

    row: dict[str, Any]
    frame_rows: list[dict[str, Any]]
    excluded: dict[str, int] = field(default_factory=dict)


def draft_release(catalog: Catalog, task: str, sessions: Sequence[str] | None = None) -> Draft:
    """Collect the published, split, labelled frames of a task. `sessions` None: all.

    Raises ValueError, with the remedy, when there is nothing to release.
    """
    where = is_in("session", sessions) if sessions else None
    splits = {r["frame_id"]: r for r in catalog.read("splits", where=where).to_pylist()}
    columns = ["frame_id", "capture_id", "session", "sensor", "sha256", "width_px", "height_px"]
    colour = f"({where}) AND kind = 'color'" if where else "kind = 'color'"
    frames = {r["frame_id"]: r for r in catalog.read("frames", columns, colour).to_pylist()}
    task_is = f"task = {repr_sql(task)}"
    labels = catalog.read("labels", where=f"({where}) AND {task_is}" if where else task_is).to_pylist()
    if not labels:
        raise ValueError(f"no published {task} labels: ingest labelled captures, or see `daguerre query` on publications")
    by_frame: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for label in sorted(labels, key=lambda r: r["label_id"]):
        by_frame[label["frame_id"]].append(label)
    class_names = sorted({label["class_name"] for label in labels})
    rows, excluded = [], Counter[str]()
    for frame_id, frame in sorted(frames.items()):
        if frame_id not in by_frame:
            excluded["frame without labels"] += 1
        elif frame_id not in splits:
            excluded["near-duplicate frame"] += 1
        else:
            target, dropped = _target(task, by_frame[frame_id], frame, class_names)
            excluded.update(dropped)
            if target is not None:
                rows.append({**{c: frame[c] for c in columns[:5]}, "split": splits[frame_id]["split"], **target})
    if not rows:
        raise ValueError(f"no frame is left for a {task} release: {dict(excluded)}")
    return _seal(catalog, task, class_names, rows, excluded)


def write_release(catalog: Catalog, draft: Draft) -> str:
    """Store the release, frames first, and pin its frames. Writing it again changes nothing."""
    release_id = draft.row["release_id"]
    dataset = catalog.dataset("frames")
    tag = f"release-{release_id}"
    if tag not in dataset.tags.list():
        dataset.tags.create(tag, draft.row["frames_version"])
    catalog.merge("release_frames", to_table(TABLES["release_frames"], draft.frame_rows))
    catalog.merge("releases", to_table(TABLES["releases"], [draft.row]))
    return str(release_id)


def open_release(catalog: Catalog, release_id: str) -> Release:
    """Read a release and prove that its rows still hash to its id. Raises ValueError when they do not."""
    found = catalog.read_latest("releases", where=f"release_id = {repr_sql(release_id)}").to_pylist()
    if not found:
        raise ValueError(f"there is no release {release_id}: `daguerre query \"select release_id from releases\"` lists them")
    row = found[0]
    frames = catalog.read_latest("release_frames", where=f"release_id = {repr_sql(release_id)}").sort_by("frame_id")
    content = hash_content(row["task"], row["class_names"], frames.to_pylist())
    if content != row["content_sha256"] or release_id != content[:32]:
        raise ValueError(f"release {release_id} has changed: its rows hash to {content}; restore the tables from a backup")
    return Release(release_id, row["task"], tuple(row["class_names"]), row["frames_version"], content, frames)


def hash_content(task: str, class_names: Sequence[str], frame_rows: Sequence[Mapping[str, Any]]) -> str:
    """sha256 over the sorted rows: which frames, with which bytes, labels and split. Knows no time and no version."""
    digest = hashlib.sha256(json.dumps([task, list(class_names)]).encode())
    for row in sorted(frame_rows, key=lambda r: r["frame_id"]):
        target = [row["class_id"], list(row["boxes_xyxy"]), list(row["box_class_ids"])]
        digest.update(json.dumps([row["frame_id"], row["sha256"], row["split"], target]).encode())
    return digest.hexdigest()


def _target(
    task: str, labels: list[dict[str, Any]], frame: dict[str, Any], class_names: list[str]
) -> tuple[dict[str, Any] | None, Counter[str]]:
    if task == "recognition":
        names = {label["class_name"] for label in labels}
        if len(names) > 1:
            return None, Counter({"frame with two classes": 1})
        return {"class_id": class_names.index(names.pop()), "boxes_xyxy": [], "box_class_ids": []}, Counter()
    kept = [label for label in labels if _has_area_inside(label, frame)]
    target = {
        "class_id": None,
        "boxes_xyxy": [v for label in kept for v in _clip(label, frame)],
        "box_class_ids": [class_names.index(label["class_name"]) for label in kept],
    }
    return target, Counter({"box without area in the image": len(labels) - len(kept)})


def _clip(label: dict[str, Any], frame: dict[str, Any]) -> tuple[float, float, float, float]:
    width, height = frame["width_px"], frame["height_px"]
    return (
        max(label["x_min"], 0.0), max(label["y_min"], 0.0), min(label["x_max"], width), min(label["y_max"], height)
    )  # fmt: skip


def _has_area_inside(label: dict[str, Any], frame: dict[str, Any]) -> bool:
    if label["x_min"] is None:
        return False
    x_min, y_min, x_max, y_max = _clip(label, frame)
    return x_max > x_min and y_max > y_min


def _seal(
    catalog: Catalog, task: str, class_names: list[str], rows: list[dict[str, Any]], excluded: Counter[str]
) -> Draft:
    content = hash_content(task, class_names, rows)
    release_id = content[:32]
    for row in rows:
        row |= {"release_id": release_id, "row_id": content_id("release_frame", release_id, row["frame_id"])}
    version = catalog.published_version("frames")
    assert version is not None, "frames were read as published"
    num_labels = sum(len(r["box_class_ids"]) if task == "detection" else 1 for r in rows)
    release = {
        "release_id": release_id, "task": task, "class_names": class_names, "num_frames": len(rows),
        "num_labels": num_labels, "content_sha256": content, "frames_version": version, "code_version": CODE_VERSION,
        "sessions": sorted({r["session"] for r in rows}),
    }  # fmt: skip
    return Draft(release, rows, {reason: n for reason, n in excluded.items() if n})
