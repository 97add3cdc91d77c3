"""Boxes with classes: what detection learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.kinds.boxed_objects import (
    NO_AREA,
    find_box_conflict,
    find_box_fault,
    find_boxed_frames,
    has_area_inside,
    list_boxes,
    read_boxes,
)
from assets.kinds.kind import Answer, Colors, Kind, Marks, Statement, View
from assets.tables.rows import FrameRow, LabelRow, PredictionRow, ReleaseFrameRow
from models.task_names import DETECTION
from models.types import BoxSet, Detections, Image, Prediction, Target

if TYPE_CHECKING:
    from assets.kinds.judging.boxes import BoxPairs


class Boxes(Kind):
    """A frame has objects, each with a class and a box; none where somebody looked and found nothing."""

    name = DETECTION
    label_tasks = (DETECTION,)
    columns = ("class_id", "boxes_xyxy", "box_class_ids")
    learns_absence = True
    is_compared_on_intake = True
    is_judged = True
    leading_metric = "map50"
    counts_answers = True
    slices_of_objects = ("class", "object_size")

    def find_frames(self, marks: Marks) -> set[str]:
        return find_boxed_frames(marks)

    def find_fault(self, label: LabelRow, frame: FrameRow) -> str | None:
        return None if has_area_inside(label, frame) else NO_AREA

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        return find_box_conflict(one, other)

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        return list_boxes(labels, class_ids, frame)

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        return find_box_fault(row)

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        return BoxSet(
            read_boxes(row) * np.tile(view.scale_xy, 2),
            np.array(row["box_class_ids"], np.int64),
        )

    def list_answer(self, answer: Prediction, class_names: Sequence[str]) -> Answer:
        assert isinstance(answer, Detections), type(answer)
        return {
            "boxes_xyxy": [float(v) for v in answer.boxes_xyxy.reshape(-1)],
            "class_names": [class_names[i] for i in answer.class_ids],
            "scores": [float(s) for s in answer.scores],
            "mask_rles": None,
        }

    def list_found(self, row: PredictionRow, min_score: float) -> list[str]:
        pairs = zip(row["class_names"], row["scores"], strict=True)
        return [name for name, score in pairs if score >= min_score]

    def draw_answer(
        self,
        row: PredictionRow,
        image_rgb: Image,
        colors: Colors,
        min_score: float,
    ) -> Image:
        from assets.previews.drawing import label_overlay

        scores = [score for score in row["scores"] if score >= min_score]
        is_found = np.array(row["scores"]) >= min_score
        names = self.list_found(row, min_score)
        return label_overlay(
            image_rgb, read_boxes(row)[is_found], names, scores, colors
        )

    def find_answer_fault(self, row: PredictionRow) -> str | None:
        num_scores = len(row["scores"])
        num_boxes = len(row["boxes_xyxy"])
        return (
            None
            if num_boxes == 4 * num_scores
            else f"{num_boxes} numbers for {num_scores} boxes"
        )

    def pair(
        self,
        predictions: Sequence[PredictionRow],
        release_rows: Sequence[ReleaseFrameRow],
        class_names: Sequence[str],
    ) -> BoxPairs:
        from assets.kinds.judging.boxes import pair_boxes

        return pair_boxes(predictions, release_rows, class_names)
