"""Boxes with points: what keypoint detection learns from, of labels of detection that came with keypoints.

Readers keep the points of an object as the attribute `keypoints` of its label: `x y visibility` of each point in px of
the stored image, visibility 0 where nobody says, 1 where the point is hidden, 2 where it is seen. A release keeps that
text for each box. Objects may have different numbers of points; those that one lacks are not labelled.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    read_corners,
)
from assets.kinds.kind import Kind, Marks, Statement, View
from assets.tables.rows import FrameRow, LabelRow, ReleaseFrameRow
from models.task_names import DETECTION, KEYPOINTS
from models.types import PoseSet, Target

NO_POINTS = "label without keypoints"
BAD_POINTS = "keypoints that cannot be read"
POINTS_DIFFER = "keypoints differ"
_ATTRIBUTE = "keypoints"
_SAME_POINT_SHARE = 0.1  # of the object's size: people place one point this far apart
_HAS_POINTS = f"""attributes LIKE '%"{_ATTRIBUTE}"%'"""


class Keypoints(Kind):
    """A frame has objects, each with a class, a box and points; none where somebody looked and found nothing."""

    name = KEYPOINTS
    label_tasks = (DETECTION,)
    columns = ("boxes_xyxy", "box_class_ids", "keypoints")
    learns_absence = True
    leading_metric = "oks_map50"
    slices_of_objects = ("class", "object_size")
    remedy = "give keypoints to every object, or take in the labels of the classes that have some alone"

    def find_frames(self, marks: Marks) -> set[str]:
        is_object = f"task = '{DETECTION}'"
        if not marks.find_frames(f"{is_object} AND {_HAS_POINTS}"):
            return set()  # nobody labels points here: frames without an object are no lesson either
        return find_boxed_frames(marks) - marks.find_frames(
            f"{is_object} AND (attributes IS NULL OR NOT {_HAS_POINTS})"
        )

    def find_fault(self, label: LabelRow, frame: FrameRow) -> str | None:
        text = _find_text(label)
        if text is not None:
            try:
                parse_points(text)
            except ValueError:
                return BAD_POINTS
        return None if has_area_inside(label, frame) else NO_AREA

    def find_gap(self, label: LabelRow) -> str | None:
        return NO_POINTS if _find_text(label) is None else None

    def complete(self, label: LabelRow, other: LabelRow) -> LabelRow:
        if _find_text(label) is None and _find_text(other) is not None:
            return {**label, "attributes": other["attributes"]}
        return label

    def sign(self, label: LabelRow) -> Hashable:
        return super().sign(label), _find_text(label)

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        reason = find_empty_conflict(one, other)
        if reason:
            return reason
        if any(_differ(ours, theirs) for ours, theirs in pair_boxed(one, other)):
            return POINTS_DIFFER
        return find_box_conflict(one, other)

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        return {
            **list_boxes(labels, class_ids, frame),
            "keypoints": [_find_text(label) for label in labels],
        }

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        fault = find_box_fault(row)
        if fault:
            return fault
        if row["keypoints"] is None:
            return "has no keypoints"
        num_poses = len(row["keypoints"])
        if num_poses != len(row["box_class_ids"]):
            return f"keypoints of {num_poses} objects for {len(row['box_class_ids'])} boxes"
        try:
            read_poses(row)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        poses = read_poses(row)
        scale = view.scale_xy
        points = poses.points * np.append(scale, np.float32(1))
        return PoseSet(poses.boxes_xyxy * np.tile(scale, 2), poses.class_ids, points)


def parse_points(text: str) -> NDArray[np.float32]:
    """(K, 3) x, y px and visibility of each point. Raises ValueError for what is no such text."""
    values = np.array([float(word) for word in text.split()], np.float32)
    if not len(values) or len(values) % 3 or not np.isfinite(values).all():
        raise ValueError(
            f"keypoints {text[:80]!r} are not x, y and visibility of each point: ingest the labels again"
        )
    return values.reshape(-1, 3)


def read_poses(frame_row: ReleaseFrameRow) -> PoseSet:
    """The objects of a `release_frames` row of keypoints, in px of the stored image. Raises ValueError."""
    if frame_row["keypoints"] is None:
        raise ValueError("has no keypoints")
    of_objects = [parse_points(text) for text in frame_row["keypoints"]]
    num_points = max(map(len, of_objects), default=0)
    padded = [
        np.pad(points, ((0, num_points - len(points)), (0, 0))) for points in of_objects
    ]
    points = np.array(padded, np.float32).reshape(len(of_objects), num_points, 3)
    return PoseSet(
        read_boxes(frame_row), np.array(frame_row["box_class_ids"], np.int64), points
    )


def _find_text(label: LabelRow) -> str | None:
    """The points of a label as they are stored; None where it has none."""
    attributes = json.loads(label["attributes"] or "[]")
    return next((str(value) for name, value in attributes if name == _ATTRIBUTE), None)


def _differ(one: LabelRow, other: LabelRow) -> bool:
    """Whether a point that both labels place lies at two places, or the objects have different numbers of points."""
    texts = _find_text(one), _find_text(other)
    if None in texts or texts[0] == texts[1]:
        return False
    ours, theirs = (parse_points(str(text)) for text in texts)
    if len(ours) != len(theirs):
        return True
    corners = np.array([read_corners(one), read_corners(other)])  # (2, 4)
    side_px = (corners[:, 2:] - corners[:, :2]).max()
    is_placed = (ours[:, 2] > 0) & (theirs[:, 2] > 0)
    distances = np.linalg.norm(ours[:, :2] - theirs[:, :2], axis=1)[is_placed]
    return bool((distances > _SAME_POINT_SHARE * side_px).any())
