"""One class a frame: what recognition learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.kinds.kind import (
    CLASSES_DIFFER,
    Answer,
    Colors,
    Kind,
    Marks,
    Statement,
    View,
)
from assets.tables.rows import FrameRow, LabelRow, PredictionRow, ReleaseFrameRow
from models.task_names import RECOGNITION
from models.types import Image, Prediction, Probabilities, Target

if TYPE_CHECKING:
    from assets.kinds.judging.image_class import ClassPairs


class ImageClass(Kind):
    """A frame has one class; copies that give it another one deny it."""

    name = RECOGNITION
    label_tasks = (RECOGNITION,)
    columns = ("class_id", "boxes_xyxy", "box_class_ids")
    has_one_class = True
    is_compared_on_intake = True
    is_judged = True
    leading_metric = "accuracy"

    def find_frames(self, marks: Marks) -> set[str]:
        import pyarrow.compute as pc

        return set(
            marks.labels.filter(pc.equal(marks.labels["task"], self.name))[
                "frame_id"
            ].to_pylist()
        )

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        ours, theirs = (
            {label["class_name"] for label in statement.labels}
            for statement in (one, other)
        )
        return CLASSES_DIFFER if ours and theirs and ours != theirs else None

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        return {"class_id": class_ids[0] if len(set(class_ids)) == 1 else None}

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        return (
            None
            if row["class_id"] is not None and not row["boxes_xyxy"]
            else "has no class"
        )

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        class_id: int | None = row["class_id"]
        return class_id

    def list_answer(self, answer: Prediction, class_names: Sequence[str]) -> Answer:
        """All classes, the most probable first. Raises ValueError for probabilities of other classes."""
        assert isinstance(answer, Probabilities), type(answer)
        if len(answer.values) != len(class_names):
            raise ValueError(
                f"the predictor gave {len(answer.values)} probabilities for {len(class_names)} classes: check the model"
            )
        order = np.argsort(-answer.values, kind="stable")
        return {
            "boxes_xyxy": [],
            "class_names": [class_names[i] for i in order],
            "scores": [float(answer.values[i]) for i in order],
            "mask_rles": None,
        }

    def list_found(self, row: PredictionRow, min_score: float) -> list[str]:
        return row["class_names"][:1]

    def draw_answer(
        self,
        row: PredictionRow,
        image_rgb: Image,
        colors: Colors,
        min_score: float,
    ) -> Image:
        from assets.previews.drawing import label_overlay

        height, width = image_rgb.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        names = self.list_found(row, min_score)
        return label_overlay(image_rgb, whole, names, row["scores"][:1], colors)

    def pair(
        self,
        predictions: Sequence[PredictionRow],
        release_rows: Sequence[ReleaseFrameRow],
        class_names: Sequence[str],
    ) -> ClassPairs:
        from assets.kinds.judging.image_class import pair_classes

        return pair_classes(predictions, release_rows, class_names)
