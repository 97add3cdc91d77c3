"""COCO average precision of predicted instance masks, and of the boxes around them, through faster-coco-eval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models.masks import decode_counts, encode_mask
from models.metrics.detection import (
    IOU_50,
    Row,
    describe_boxes,
    mean_known,
    require_valid_image,
    run_coco,
)
from models.metrics.matching import JudgedImage
from models.types import BoxSet, Detections, InstanceDetections, InstanceSet


@dataclass(frozen=True)
class InstanceResult:
    """`map` is the mean over classes and IoU 0.50, 0.55 .. 0.95 of masks, `box_map50` is of boxes. None: no object was
    there to find."""

    map: float | None
    map50: float | None
    box_map50: float | None


def score_instances(
    pairs: Iterable[tuple[InstanceSet, InstanceDetections]],
) -> InstanceResult:
    """COCO figures over images, given as truth and prediction of one at a time: only run lengths are kept.

    Classes without an object do not enter a mean (COCO's rule). Raises ValueError for no images, masks of another size
    than the truth's, and boxes or scores that are not finite.
    """
    images: list[Row] = []
    truth_rows: list[Row] = []
    found_rows: list[Row] = []
    for index, (truth, found) in enumerate(pairs):
        require_valid_image(index, truth, found)
        if truth.masks.shape[1:] != found.size_hw:
            raise ValueError(
                f"image {index} has masks of {truth.masks.shape[1:]} px, predicted are "
                f"{found.size_hw}: give both in pixels of the image"
            )
        images.append(
            {"id": index + 1, "height": found.size_hw[0], "width": found.size_hw[1]}
        )
        truth_rows += _add_masks(
            describe_boxes(index, truth), map(encode_mask, truth.masks), found.size_hw
        )
        found_rows += _add_masks(
            describe_boxes(index, found), found.mask_rles, found.size_hw
        )
    if not images:
        raise ValueError(
            "there are no images to score: an empty split has no average precision"
        )
    num_classes = max(
        (row["category_id"] for row in (*truth_rows, *found_rows)), default=1
    )
    of_masks, of_boxes = (
        run_coco(images, truth_rows, found_rows, num_classes, kind)[0][..., 0]
        for kind in ("segm", "bbox")
    )
    return InstanceResult(
        mean_known(of_masks), mean_known(of_masks[IOU_50]), mean_known(of_boxes[IOU_50])
    )


def judge_masks(truth: InstanceSet, found: InstanceDetections) -> JudgedImage:
    """One image by the overlap of masks, as COCO measures it; masks are not kept."""
    from faster_coco_eval import mask as coco_masks

    num_objects, num_found = len(truth.class_ids), len(found.class_ids)
    overlaps = np.zeros((num_objects, num_found))
    if num_objects and num_found:
        size = list(found.size_hw)
        objects, answers = (
            [{"size": size, "counts": text} for text in texts]
            for texts in (map(encode_mask, truth.masks), found.mask_rles)
        )
        overlaps = np.asarray(
            coco_masks.iou(objects, answers, [False] * num_found), np.float64
        )
    return JudgedImage(
        BoxSet(truth.boxes_xyxy, truth.class_ids),
        Detections(found.boxes_xyxy, found.scores, found.class_ids),
        overlaps,
    )


def _add_masks(
    rows: list[Row], mask_rles: Iterable[str], size_hw: tuple[int, int]
) -> list[Row]:
    return [
        {
            **row,
            "area": sum(decode_counts(text)[1::2]),
            "segmentation": {"size": list(size_hw), "counts": text},
        }
        for row, text in zip(rows, mask_rles, strict=True)
    ]
