"""Every class that a frame shows: what multi-label recognition learns from, of the image's classes and its boxes'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.kinds.boxed_objects import find_box_conflict
from assets.kinds.kind import Kind, Statement, View
from assets.tables.rows import FrameRow, LabelRow, ReleaseFrameRow
from models.task_names import DETECTION, MULTILABEL, RECOGNITION
from models.types import Target


class Classes(Kind):
    """A frame has a set of classes, none where somebody looked and found nothing."""

    name = MULTILABEL
    label_tasks = (RECOGNITION, DETECTION)
    columns = ("class_id", "boxes_xyxy", "box_class_ids")
    learns_absence = True

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        return find_box_conflict(one, other)

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        return {"box_class_ids": sorted(set(class_ids))}

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        return (
            "has boxes and has no class of the picture" if row["boxes_xyxy"] else None
        )

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        return frozenset(row["box_class_ids"])
