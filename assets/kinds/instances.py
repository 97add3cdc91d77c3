"""Boxes with the pixels of each object: what instance segmentation learns from, of labels of detection with masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assets.kinds.boxed_objects import (
    NO_AREA,
    find_box_conflict,
    find_box_fault,
    find_boxed_frames,
    find_empty_conflict,
    has_area_inside,
    list_boxes,
    pair_boxed,
    read_boxes,
)
from assets.kinds.kind import MASKS_DIFFER, NO_MASK, Kind, Marks, Statement, View
from assets.kinds.map import MASK_MISFITS, count_mask_pixels
from assets.kinds.masks import read_mask_size, read_masks
from assets.tables.rows import FrameRow, LabelRow, ReleaseFrameRow
from models.masks import decode_counts, decode_mask
from models.task_names import DETECTION, INSTANCES
from models.types import InstanceSet, Target

NO_PIXEL = "mask without a pixel"
_SAME_MASK_IOU = 0.75  # tools draw one outline each in their own way


class Instances(Kind):
    """A frame has objects, each with a class, a box and a mask; none where somebody looked and found nothing."""

    name = INSTANCES
    label_tasks = (DETECTION,)
    columns = ("class_id", "boxes_xyxy", "box_class_ids", "mask_rles", "mask_size_px")
    learns_absence = True
    leading_metric = "map50"
    slices_of_objects = ("class", "object_size")
    remedy = "give objects polygons or masks, not boxes alone"

    def find_frames(self, marks: Marks) -> set[str]:
        return find_boxed_frames(marks) - marks.find_frames(
            f"task = '{DETECTION}' AND mask_rle IS NULL"
        )

    def find_fault(self, label: LabelRow, frame: FrameRow) -> str | None:
        if label["mask_rle"] is not None:
            num_pixels = count_mask_pixels(label, frame)
            if num_pixels is None:
                return MASK_MISFITS
            if not num_pixels:
                return NO_PIXEL
        return None if has_area_inside(label, frame) else NO_AREA

    def find_gap(self, label: LabelRow) -> str | None:
        return NO_MASK if label["mask_rle"] is None else None

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        reason = find_empty_conflict(one, other)
        if reason:
            return reason
        if any(
            not _have_equal_masks(ours, theirs)
            for ours, theirs in pair_boxed(one, other)
        ):
            return MASKS_DIFFER
        return find_box_conflict(one, other)

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        return {
            **list_boxes(labels, class_ids, frame),
            "mask_rles": [label["mask_rle"] for label in labels],
            "mask_size_px": [frame["height_px"], frame["width_px"]],
        }

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        fault = find_box_fault(row)
        if fault:
            return fault
        num_masks = len(row["mask_rles"] or ())
        num_boxes = len(row["box_class_ids"])
        if num_masks != num_boxes:
            return f"{num_masks} masks for {num_boxes} boxes"
        if row["mask_rles"] is None:
            return "has no mask"
        try:
            read_instances(row)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        view.require_size(read_mask_size(row), row["frame_id"])
        return read_instances(row, view.size_hw)


def read_instances(
    frame_row: ReleaseFrameRow, size_hw: tuple[int, int] | None = None
) -> InstanceSet:
    """The objects of a `release_frames` row of instances, at the frame's size or another, whose every pixel shows what
    lies at its centre; objects that no pixel shows are left out there.

    Raises ValueError for a mask of another size than the frame's, or of no pixel.
    """
    import cv2

    height, width = read_mask_size(frame_row)
    size_hw = size_hw or (height, width)
    masks = []
    for text in read_masks(frame_row):
        mask = decode_mask(text, height, width)
        if not mask.any():
            raise ValueError("an object without a pixel: ingest its labels again")
        small = cv2.resize(
            mask.view(np.uint8), size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT
        )
        masks.append(np.asarray(small).view(bool))
    stacked = np.array(masks, bool).reshape(-1, *size_hw)
    shows = stacked.any((1, 2))
    boxes = read_boxes(frame_row) * np.array(
        [size_hw[1] / width, size_hw[0] / height] * 2, np.float32
    )
    return InstanceSet(
        boxes[shows],
        np.array(frame_row["box_class_ids"], np.int64)[shows],
        stacked[shows],
    )


def _have_equal_masks(one: LabelRow, other: LabelRow) -> bool:
    """Whether two masks show one object, or one label has none."""
    mask = one["mask_rle"]
    other_mask = other["mask_rle"]
    if mask is None or other_mask is None or mask == other_mask:
        return True
    try:
        ends = np.cumsum(decode_counts(mask))
        other_ends = np.cumsum(decode_counts(other_mask))
    except ValueError:
        return False
    if ends[-1] != other_ends[-1]:
        return False
    edges = np.unique(np.concatenate([[0], ends, other_ends]))
    lengths = np.diff(edges)
    starts = edges[:-1]
    shown, other_shown = (
        np.searchsorted(e, starts, side="right") % 2 == 1 for e in (ends, other_ends)
    )
    union = lengths[shown | other_shown].sum()
    return bool(union) and lengths[shown & other_shown].sum() >= _SAME_MASK_IOU * union
