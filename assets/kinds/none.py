"""No label at all: pretraining learns from every frame, and asks for the class of those that have one to examine it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.kinds.kind import Kind, View
from assets.tables.rows import FrameRow, LabelRow, ReleaseFrameRow
from models.task_names import PRETRAINING, RECOGNITION
from models.types import Target


class Nothing(Kind):
    """A frame needs no label; a class that it has serves the exam, and a frame of two classes has none there."""

    name = PRETRAINING
    label_tasks = (RECOGNITION,)
    columns = ("class_id", "boxes_xyxy", "box_class_ids")
    needs_labels = False

    def list_shown(self, labels: Sequence[LabelRow]) -> frozenset[tuple[str, int]]:
        return frozenset()

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        return {"class_id": class_ids[0] if len(set(class_ids)) == 1 else None}

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        return "has boxes" if row["boxes_xyxy"] else None

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        class_id: int | None = row["class_id"]
        return class_id
