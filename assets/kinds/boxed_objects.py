"""Boxes of rows and labels, where they are at fault and where two sides differ: for kinds whose objects have one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.kinds.kind import BOXES_DIFFER, CLASSES_DIFFER, IS_EMPTY, Marks, Statement
from assets.tables.rows import SIDES, FrameRow, LabelRow, PredictionRow, ReleaseFrameRow
from models.box_pairs import find_overlap, find_repeats, pair_close
from models.task_names import DETECTION

if TYPE_CHECKING:
    import pyarrow as pa


NO_AREA = "box without area in the image"


def read_boxes(row: ReleaseFrameRow | PredictionRow) -> NDArray[np.float32]:
    """The boxes (N, 4) px of a row of `release_frames` or `predictions`."""
    return np.array(row["boxes_xyxy"], np.float32).reshape(-1, 4)


def read_corners(label: LabelRow) -> tuple[float, float, float, float]:
    """x_min, y_min, x_max and y_max of a label, px. Raises ValueError for a label without a box."""
    x_min, y_min, x_max, y_max = (label[side] for side in SIDES)
    if x_min is None or y_min is None or x_max is None or y_max is None:
        raise ValueError(f"a label of {label['class_name']} has no box")
    return x_min, y_min, x_max, y_max


def stack_corners(labels: Sequence[LabelRow]) -> NDArray[np.float64]:
    """The boxes (N, 4) of labels, px; zeros for a label without one."""
    boxes = [
        [0.0 if label[side] is None else label[side] for side in SIDES]
        for label in labels
    ]
    return np.array(boxes, np.float64).reshape(-1, 4)


def clip_box(label: LabelRow, frame: FrameRow) -> tuple[float, float, float, float]:
    """The box of a label inside the image of its frame, px."""
    # as stored, so that both hash alike
    width = float(frame["width_px"])
    height = float(frame["height_px"])
    x_min, y_min, x_max, y_max = read_corners(label)
    return max(x_min, 0.0), max(y_min, 0.0), min(x_max, width), min(y_max, height)


def list_boxes(
    labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
) -> dict[str, Any]:
    """The columns of `release_frames` that hold the boxes of one picture."""
    return {
        "boxes_xyxy": [v for label in labels for v in clip_box(label, frame)],
        "box_class_ids": list(class_ids),
    }


def has_area_inside(label: LabelRow, frame: FrameRow) -> bool:
    """Whether a label has a box of which something lies in the image."""
    if any(label[side] is None for side in SIDES):
        return False
    x_min, y_min, x_max, y_max = clip_box(label, frame)
    return x_max > x_min and y_max > y_min


def find_boxed_frames(marks: Marks) -> set[str]:
    """Ids of the frames of which every marked object is a box with area, and of those that somebody found empty."""
    import pyarrow.compute as pc

    labels = marks.labels
    said = marks.looked_at
    marked = pc.add(
        pc.add(said["num_labels"], said["num_missing"]), said["num_ignored"]
    )
    has_width = pc.greater(labels["x_max"], labels["x_min"])
    has_area = pc.and_(has_width, pc.greater(labels["y_max"], labels["y_min"]))
    labelled = _list_detected(labels)
    empty = _list_detected(said, pc.equal(marked, 0)) - _list_detected(
        said, pc.greater(marked, 0)
    )
    flat = _list_detected(labels, pc.invert(pc.fill_null(has_area, False)))
    return (
        (labelled | empty)
        - flat
        - _list_detected(said, pc.greater(said["num_missing"], 0))
    )


def pair_boxed(one: Statement, other: Statement) -> list[tuple[LabelRow, LabelRow]]:
    """Labels of two statements that speak of one object of one class, but for how its box is drawn."""
    ours = _list_boxed(one)
    theirs = _list_boxed(other)
    pairs = pair_close(*_describe(ours), *_describe(theirs))
    return [(ours[a], theirs[b]) for a, b in pairs]


def find_empty_conflict(one: Statement, other: Statement) -> str | None:
    """Whether one side calls a picture empty that the other gives boxes."""
    ours = _list_boxed(one)
    theirs = _list_boxed(other)
    is_denied = (DETECTION in one.empty_for and theirs) or (
        DETECTION in other.empty_for and ours
    )
    return IS_EMPTY if is_denied else None


def find_box_conflict(one: Statement, other: Statement) -> str | None:
    """What the boxes of two statements deny: that there is one, its class, or where it is."""
    reason = find_empty_conflict(one, other)
    if reason:
        return reason
    ours = _list_boxed(one)
    theirs = _list_boxed(other)
    names, boxes = _describe(ours)
    other_names, others = _describe(theirs)
    pairs = pair_close(names, boxes, other_names, others)
    left = sorted(set(range(len(ours))) - {a for a, _ in pairs})
    others_left = sorted(set(range(len(theirs))) - {b for _, b in pairs})
    if _share_a_box(names, boxes, left, other_names, others) or _share_a_box(
        other_names, others, others_left, names, boxes
    ):
        return CLASSES_DIFFER
    return BOXES_DIFFER if find_overlap(boxes[left], others[others_left]) else None


def find_box_fault(row: ReleaseFrameRow) -> str | None:
    """Why the boxes of a `release_frames` row are no target."""
    boxes = row["boxes_xyxy"]
    if len(boxes) != 4 * len(row["box_class_ids"]):
        return f"{len(boxes)} numbers for {len(row['box_class_ids'])} boxes"
    corners = [boxes[i : i + 4] for i in range(0, len(boxes), 4)]
    flat = [c for c in corners if not (c[2] > c[0] and c[3] > c[1])]
    return f"box without area: {flat[0]}" if flat else None


def _list_boxed(statement: Statement) -> list[LabelRow]:
    return [label for label in statement.labels if label["task"] == DETECTION]


def _list_detected(rows: pa.Table, is_meant: pa.Array | None = None) -> set[str]:
    """Frame ids of the rows of detection that are meant, of all where none is named."""
    import pyarrow.compute as pc

    is_detection = pc.equal(rows["task"], DETECTION)
    chosen = is_detection if is_meant is None else pc.and_(is_detection, is_meant)
    return set(rows.filter(chosen)["frame_id"].to_pylist())


def _describe(labels: Sequence[LabelRow]) -> tuple[list[Hashable], NDArray[np.float64]]:
    """Classes, and boxes (N, 4), zeros where there is none."""
    return [label["class_name"] for label in labels], stack_corners(labels)


def _share_a_box(
    names: Sequence[Hashable],
    boxes: NDArray[np.float64],
    left: Sequence[int],
    other_names: Sequence[Hashable],
    others: NDArray[np.float64],
) -> bool:
    """Whether a label that has no partner has the box of one of another class, to a pixel."""
    if not len(left) or not len(others):
        return False
    both = np.concatenate([others, boxes[list(left)]])
    of_both = [*other_names, *(names[place] for place in left)]
    repeats = find_repeats([None] * len(both), both)
    first = len(others)
    return any(
        0 <= repeats[n] < first and of_both[repeats[n]] != of_both[n]
        for n in range(first, len(both))
    )
