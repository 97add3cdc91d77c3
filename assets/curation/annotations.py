"""What is said of each frame: its labels, that somebody looked and found nothing, and what lacks a label.

A label stands on the frame that it was made for. Files of one capture complete each other, so a frame that one of them
labels and another calls empty has labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.tables.catalog import Catalog, is_in
from models.masks import decode_counts
from models.task_names import INSTANCES, MULTILABEL, PRETRAINING

Row = Mapping[str, Any]
# whose labels a dataset takes, where they are not its own: an exam of pretraining asks for the class of the image
_LABELS_OF = {PRETRAINING: ("recognition",), MULTILABEL: ("recognition", "detection"), INSTANCES: ("detection",)}
_COUNTS = ("num_labels", "num_missing", "num_ignored")
_SIDES = ("x_min", "y_min", "x_max", "y_max")
NO_MASK = "label without a mask"


@dataclass(frozen=True)
class Statement:
    """What is said of one frame for one dataset.

    `labels` have no fault; `faults` tell of the others why they cannot be in a release. `num_missing` counts marked
    objects that never became labels. `empty_for` are the tasks that somebody looked for, and found nothing at all.
    """

    labels: tuple[Row, ...] = ()
    faults: tuple[str, ...] = ()
    num_missing: int = 0
    has_ignored: bool = False
    empty_for: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether every object that somebody marked is a label without a fault."""
        return not self.faults and not self.num_missing


def labels_of(dataset: str) -> tuple[str, ...]:
    """The tasks whose labels a dataset takes."""
    return _LABELS_OF.get(dataset, (dataset,))


def read_statements(
    catalog: Catalog, dataset: str, frames: Mapping[str, Row], where: str | None = None
) -> dict[str, Statement]:
    """Frame id -> what published rows say of it, for those of `frames` (by id, with their sizes) that they speak of."""
    task_is = is_in("task", labels_of(dataset))
    labels, said = (_read(catalog, name, None, _both(where, task_is)) for name in ("labels", "annotated_frames"))
    labels_by_frame: dict[str, list[Row]] = defaultdict(list)
    for label in sorted(labels.to_pylist(), key=lambda r: r["label_id"]):
        labels_by_frame[label["frame_id"]].append(label)
    said_by_frame: dict[str, list[Row]] = defaultdict(list)
    for row in said.to_pylist():
        said_by_frame[row["frame_id"]].append(row)
    return {
        frame_id: _state(dataset, labels_by_frame.get(frame_id, ()), said_by_frame.get(frame_id, ()), frames[frame_id])
        for frame_id in sorted(frames.keys() & (labels_by_frame.keys() | said_by_frame.keys()))
    }


def read_datasets(catalog: Catalog) -> dict[str, frozenset[str]]:
    """Frame id -> the datasets that what is said of it is good for, for frames that it is good for something.

    Of masks it asks only whether there is one: a release looks closer.
    """
    labels = _read(catalog, "labels", ["frame_id", "task", *_SIDES])
    said = _read(catalog, "annotated_frames", ["frame_id", "task", *_COUNTS])
    found: dict[str, set[str]] = defaultdict(set)
    for row in labels.group_by(["frame_id", "task"]).aggregate([]).to_pylist():
        found[row["frame_id"]].add(row["task"])
    marked = pc.add(pc.add(said["num_labels"], said["num_missing"]), said["num_ignored"])
    boxed = set(labels.filter(pc.equal(labels["task"], "detection"))["frame_id"].to_pylist())
    boxed |= _detected(said, pc.greater(marked, 0))
    for frame_id in _detected(said, pc.equal(marked, 0)) - boxed:
        found[frame_id].add("detection")
    has_area = pc.and_(pc.greater(labels["x_max"], labels["x_min"]), pc.greater(labels["y_max"], labels["y_min"]))
    lacking = _detected(labels, pc.invert(pc.fill_null(has_area, False))) | _detected(
        said, pc.greater(said["num_missing"], 0)
    )
    bare = "task = 'detection' AND mask_rle IS NULL"
    has_bare = set(_read(catalog, "labels", ["frame_id"], bare)["frame_id"].to_pylist())
    for frame_id, tasks in found.items():
        tasks -= {"detection"} if frame_id in lacking else set()
        tasks |= {INSTANCES} if "detection" in tasks and frame_id not in has_bare else set()
    return {frame_id: frozenset(tasks) for frame_id, tasks in found.items() if tasks}


def clip_box(label: Row, frame: Row) -> tuple[float, float, float, float]:
    """The box of a label inside the image of its frame, px."""
    width, height = float(frame["width_px"]), float(frame["height_px"])  # as stored, so that both hash alike
    return (
        max(label["x_min"], 0.0), max(label["y_min"], 0.0), min(label["x_max"], width), min(label["y_max"], height)
    )  # fmt: skip


def _state(dataset: str, labels: Sequence[Row], said: Sequence[Row], frame: Row) -> Statement:
    faults = [_find_fault(dataset, label, frame) for label in labels]
    labelled = {label["task"] for label in labels}
    silent = {row["task"] for row in said} - labelled - {row["task"] for row in said if any(row[c] for c in _COUNTS)}
    return Statement(
        labels=tuple(label for label, fault in zip(labels, faults, strict=True) if fault is None),
        faults=tuple(filter(None, faults)),
        num_missing=sum(row["num_missing"] for row in said),
        has_ignored=any(row["num_ignored"] for row in said),
        empty_for=frozenset(silent),
    )


def _find_fault(dataset: str, label: Row, frame: Row) -> str | None:
    """Why a label cannot be in a release; None where it can. The mask of an object may come from a copy's label."""
    if dataset == "segmentation" and label["mask_rle"] is None:
        return NO_MASK
    if dataset in ("segmentation", INSTANCES) and label["mask_rle"] is not None:
        try:
            counts = decode_counts(label["mask_rle"])
        except ValueError:
            counts = []
        if sum(counts) != frame["width_px"] * frame["height_px"]:
            return "mask that does not fit its image"
        if dataset == INSTANCES and not sum(counts[1::2]):
            return "mask without a pixel"
    if dataset in ("detection", INSTANCES) and not _has_area_inside(label, frame):
        return "box without area in the image"
    return None


def _has_area_inside(label: Row, frame: Row) -> bool:
    if any(label[side] is None for side in _SIDES):
        return False
    x_min, y_min, x_max, y_max = clip_box(label, frame)
    return x_max > x_min and y_max > y_min


def _read(catalog: Catalog, name: str, columns: Sequence[str] | None, where: str | None = None) -> pa.Table:
    """Published rows of sessions of which neither labels nor annotated frames are held: one does not stand alone."""
    decisions = [d for table in ("labels", "annotated_frames") for d in catalog.publications(table)]
    held = sorted({d["session"] for d in decisions if d["is_held"]})
    return catalog.read(name, columns, _both(where, f"NOT ({is_in('session', held)})") if held else where)


def _both(where: str | None, other: str) -> str:
    return f"({where}) AND {other}" if where else other


def _detected(rows: pa.Table, is_meant: pa.Array) -> set[str]:
    """Frame ids of the rows of detection that are meant."""
    return set(rows.filter(pc.and_(pc.equal(rows["task"], "detection"), is_meant))["frame_id"].to_pylist())
