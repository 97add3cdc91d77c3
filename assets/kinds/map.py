"""A class for every pixel: what segmentation learns from, of masks that each show one class."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.kinds.kind import (
    MASKS_DIFFER,
    NO_MASK,
    Answer,
    Colors,
    Kind,
    Marks,
    Statement,
    View,
)
from assets.kinds.masks import (
    read_mask,
    read_mask_size,
    read_masks,
    read_semantic_map,
    share_judged,
)
from assets.tables.rows import FrameRow, LabelRow, PredictionRow, ReleaseFrameRow
from models.masks import decode_counts
from models.task_names import SEGMENTATION
from models.types import Image, Prediction, SemanticPrediction, Target

if TYPE_CHECKING:
    from assets.kinds.judging.map import MapPairs

MASK_MISFITS = "mask that does not fit its image"
_MAX_DISPUTED = 0.5  # of the pixels that two maps both label


class Map(Kind):
    """A frame has a mask for each class that it shows; pixels in none, or in those of two classes, are unlabelled."""

    name = SEGMENTATION
    label_tasks = (SEGMENTATION,)
    columns = ("mask_rles", "mask_class_ids", "mask_size_px")
    is_judged = True
    leading_metric = "miou"

    def find_frames(self, marks: Marks) -> set[str]:
        import pyarrow.compute as pc

        return set(
            marks.labels.filter(pc.equal(marks.labels["task"], self.name))[
                "frame_id"
            ].to_pylist()
        )

    def find_fault(self, label: LabelRow, frame: FrameRow) -> str | None:
        if label["mask_rle"] is None:
            return NO_MASK
        return None if count_mask_pixels(label, frame) is not None else MASK_MISFITS

    def find_gap(self, label: LabelRow) -> str | None:
        return NO_MASK if label["mask_rle"] is None else None

    def identify(self, label: LabelRow) -> Hashable:
        return label["task"], label["class_name"], label["mask_rle"]

    def find_conflict(self, one: Statement, other: Statement) -> str | None:
        return (
            MASKS_DIFFER
            if _share_disputed(one.labels, other.labels) > _MAX_DISPUTED
            else None
        )

    def list_shown(self, labels: Sequence[LabelRow]) -> frozenset[tuple[str, int]]:
        return frozenset()

    def make_target(
        self, labels: Sequence[LabelRow], class_ids: Sequence[int], frame: FrameRow
    ) -> dict[str, Any]:
        from models.semantic_maps import compose_map, split_map

        size_hw = frame["height_px"], frame["width_px"]
        masks, mask_class_ids = split_map(
            compose_map([read_mask(label) for label in labels], class_ids, size_hw)
        )
        return {
            "mask_rles": masks,
            "mask_class_ids": mask_class_ids,
            "mask_size_px": list(size_hw),
        }

    def find_target_fault(self, row: ReleaseFrameRow) -> str | None:
        if not row["mask_rles"]:
            return "has no mask"
        try:
            read_semantic_map(row)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def find_unjudged(
        self, test: Sequence[ReleaseFrameRow], chosen: Sequence[str]
    ) -> str | None:
        unjudged = 1 - share_judged(test)
        if not unjudged:
            return None
        names = ", ".join(chosen)
        return (
            f"only pixels of {names} are judged: {unjudged:.1%} of the test part's pixels are of no chosen class, "
            "and what the model calls them counts nowhere"
        )

    def read_target(self, row: ReleaseFrameRow, view: View) -> Target:
        from models.semantic_maps import resize_map

        view.require_size(read_mask_size(row), row["frame_id"])
        return resize_map(read_semantic_map(row), view.size_hw)

    def list_answer(self, answer: Prediction, class_names: Sequence[str]) -> Answer:
        """A mask for each class that was found; its score is the mean probability of the mask's pixels."""
        from models.semantic_maps import split_map

        assert isinstance(answer, SemanticPrediction), type(answer)
        mask_rles, class_ids = split_map(answer.map)
        return {
            "boxes_xyxy": [],
            "class_names": [class_names[i] for i in class_ids],
            "scores": [
                min(float(answer.confidences[i]), 1.0) for i in class_ids
            ],  # a float32 mean may exceed 1
            "mask_rles": mask_rles,
        }

    def list_found(self, row: PredictionRow, min_score: float) -> list[str]:
        return row["class_names"]

    def draw_answer(
        self,
        row: PredictionRow,
        image_rgb: Image,
        colors: Colors,
        min_score: float,
    ) -> Image:
        from assets.previews.drawing import paint_map
        from models.semantic_maps import compose_map

        names = row["class_names"]
        found = compose_map(read_masks(row), range(len(names)), image_rgb.shape[:2])
        return paint_map(image_rgb, found, [colors[name] for name in names])

    def find_answer_fault(self, row: PredictionRow) -> str | None:
        num_scores = len(row["scores"])
        num_masks = len(row["mask_rles"] or ())
        if not num_scores:
            return "no class"
        return (
            None
            if num_masks == num_scores
            else f"{num_masks} masks for {num_scores} classes"
        )

    def pair(
        self,
        predictions: Sequence[PredictionRow],
        release_rows: Sequence[ReleaseFrameRow],
        class_names: Sequence[str],
    ) -> MapPairs:
        from assets.kinds.judging.map import pair_maps

        return pair_maps(predictions, release_rows, class_names)


def count_mask_pixels(label: LabelRow, frame: FrameRow) -> int | None:
    """How many pixels a label's mask covers; None where it is no mask, or not one of an image of this size."""
    try:
        counts = decode_counts(read_mask(label))
    except ValueError:
        counts = []
    is_fit = sum(counts) == frame["width_px"] * frame["height_px"]
    return sum(counts[1::2]) if is_fit else None


def _share_disputed(labels: Sequence[LabelRow], others: Sequence[LabelRow]) -> float:
    """Of the pixels that both sides give one class, the share that gets two."""
    names = sorted({label["class_name"] for label in (*labels, *others)})
    ours, theirs = (_paint(side, names) for side in (labels, others))
    if ours is None or theirs is None:
        return 0.0
    is_known = (ours >= 0) & (theirs >= 0)
    return float((ours != theirs)[is_known].mean()) if is_known.any() else 0.0


def _paint(
    labels: Sequence[LabelRow], names: Sequence[str]
) -> NDArray[np.int32] | None:
    """The class of each pixel, down the columns; -1 where there is none or more than one. None without labels."""
    painted: NDArray[np.int32] | None = None
    for label in labels:
        counts = decode_counts(read_mask(label))
        shows = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        painted = np.full(len(shows), -1, np.int32) if painted is None else painted
        class_id = names.index(label["class_name"])
        painted[shows] = np.where(
            (painted[shows] == -1) | (painted[shows] == class_id), class_id, -2
        )
    return None if painted is None else np.maximum(painted, -1)
