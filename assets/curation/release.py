"""Freeze a dataset: an immutable release whose id is the hash of its content."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from assets.tables.catalog import Catalog, is_in
from assets.tables.releases import hash_content, summarise
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables
from models.masks import decode_counts
from models.semantic_maps import compose_map, split_map
from models.task_names import INSTANCES, MULTILABEL, PRETRAINING

CODE_VERSION = "1"
# whose labels a dataset takes, where they are not its own: an exam of pretraining asks for the class of the image
_LABELS_OF = {PRETRAINING: ("recognition",), MULTILABEL: ("recognition", "detection"), INSTANCES: ("detection",)}


@dataclass(frozen=True)
class Draft:
    """A release before it is written. `excluded` counts what was left out, by reason."""

    row: dict[str, Any]
    frame_rows: list[dict[str, Any]]
    excluded: dict[str, int] = field(default_factory=dict)


def draft_release(catalog: Catalog, task: str, sessions: Sequence[str] | None = None) -> Draft:
    """Collect the published, split, labelled frames of a task; of pretraining all split frames. `sessions` None: all.

    Raises ValueError, with the remedy, when there is nothing to release.
    """
    where = is_in("session", sessions) if sessions else None
    splits = {r["frame_id"]: r for r in catalog.read("splits", where=where).to_pylist()}
    columns = ["frame_id", "capture_id", "session", "sensor", "sha256", "width_px", "height_px"]
    colour = f"({where}) AND kind = 'color'" if where else "kind = 'color'"
    frames = {r["frame_id"]: r for r in catalog.read("frames", columns, colour).to_pylist()}
    task_is = is_in("task", _LABELS_OF.get(task, (task,)))
    labels = catalog.read("labels", where=f"({where}) AND {task_is}" if where else task_is).to_pylist()
    if not labels and task != PRETRAINING:
        raise ValueError(
            f"no published {task} labels: ingest labelled captures, or see `daguerre query` on publications"
        )
    if not splits:
        raise ValueError("no published splits: materialise curation/splits, and see `daguerre query` on publications")
    by_frame: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for label in sorted(labels, key=lambda r: r["label_id"]):
        by_frame[label["frame_id"]].append(label)
    usable, excluded = {}, Counter[str]()
    for frame_id, frame in sorted(frames.items()):
        if frame_id not in by_frame and task != PRETRAINING:
            excluded["frame without labels"] += 1
        elif frame_id not in splits:
            excluded["near-duplicate frame"] += 1
        elif task == "recognition" and len({label["class_name"] for label in by_frame[frame_id]}) > 1:
            excluded["frame with two classes"] += 1
        else:
            faults = [_find_fault(task, label, frame) for label in by_frame[frame_id]]
            excluded.update(filter(None, faults))
            kept = [label for label, fault in zip(by_frame[frame_id], faults, strict=True) if fault is None]
            if kept or task in ("detection", PRETRAINING):  # no box teaches what is none; no mask nothing: in a frame
                usable[frame_id] = kept  # whose objects have none they would be learnt as background
    if not usable:
        remedy = "; give objects polygons or masks, not boxes alone" if task == INSTANCES else ""
        raise ValueError(f"no frame is left for a release of {task}: {dict(excluded)}{remedy}")
    class_names = sorted({label["class_name"] for kept in usable.values() for label in kept})
    rows = [
        {**{c: frames[frame_id][c] for c in columns[:5]}, "split": splits[frame_id]["split"],
         **_target(task, kept, frames[frame_id], class_names)}
        for frame_id, kept in usable.items()
    ]  # fmt: skip
    return _seal(catalog, task, class_names, rows, excluded)


def write_release(catalog: Catalog, draft: Draft) -> str:
    """Store the release, frames first, pin its frames, and seal all tables. Writing it again changes nothing."""
    release_id = draft.row["release_id"]
    dataset = catalog.dataset("frames")
    tag = f"release-{release_id}"
    if tag not in dataset.tags.list():
        with suppress(ValueError):  # another worker pins the same release
            dataset.tags.create(tag, draft.row["frames_version"])
        assert tag in dataset.tags.list(), f"frames version {draft.row['frames_version']} cannot be pinned"
    catalog.merge("release_frames", to_table(TABLES["release_frames"], draft.frame_rows))
    catalog.merge("releases", to_table(TABLES["releases"], [draft.row]))
    seal_tables(catalog)
    return str(release_id)


def _find_fault(task: str, label: dict[str, Any], frame: dict[str, Any]) -> str | None:
    """Why a label cannot be in a release of the task; None where it can."""
    if task in ("segmentation", INSTANCES):
        if label["mask_rle"] is None:
            return "label without a mask"
        try:
            counts = decode_counts(label["mask_rle"])
        except ValueError:
            counts = []
        if sum(counts) != frame["width_px"] * frame["height_px"]:
            return "mask that does not fit its image"
        if task == INSTANCES and not sum(counts[1::2]):
            return "mask without a pixel"
    if task in ("detection", INSTANCES) and not _has_area_inside(label, frame):
        return "box without area in the image"
    return None


def _target(task: str, labels: list[dict[str, Any]], frame: dict[str, Any], class_names: list[str]) -> dict[str, Any]:
    class_ids = [class_names.index(label["class_name"]) for label in labels]
    if task in ("recognition", PRETRAINING):
        return {"class_id": class_ids[0] if len(set(class_ids)) == 1 else None, "boxes_xyxy": [], "box_class_ids": []}
    if task == "segmentation":
        size_hw = (frame["height_px"], frame["width_px"])
        masks, mask_class_ids = split_map(compose_map([label["mask_rle"] for label in labels], class_ids, size_hw))
        return {"class_id": None, "boxes_xyxy": [], "box_class_ids": [], "mask_rles": masks,
                "mask_class_ids": mask_class_ids, "mask_size_px": list(size_hw)}  # fmt: skip
    if task == MULTILABEL:
        return {"class_id": None, "boxes_xyxy": [], "box_class_ids": sorted(set(class_ids))}
    boxes = [v for label in labels for v in _clip(label, frame)]
    target = {"class_id": None, "boxes_xyxy": boxes, "box_class_ids": class_ids}
    if task == INSTANCES:
        target |= {"mask_rles": [label["mask_rle"] for label in labels],
                   "mask_size_px": [frame["height_px"], frame["width_px"]]}  # fmt: skip
    return target


def _clip(label: dict[str, Any], frame: dict[str, Any]) -> tuple[float, float, float, float]:
    width, height = float(frame["width_px"]), float(frame["height_px"])  # as stored, so that both hash alike
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
    release = {
        "release_id": release_id, "task": task, "class_names": class_names, "content_sha256": content,
        "frames_version": version, "code_version": CODE_VERSION, **summarise(task, rows),
    }  # fmt: skip
    return Draft(release, rows, {reason: n for reason, n in excluded.items() if n})
