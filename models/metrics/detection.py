"""COCO average precision of predicted boxes, through faster-coco-eval, and the precision-recall curves behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import BoxSet, Detections

MAX_DETECTIONS = 100  # per image and class, highest score first: COCO's limit
# box area up to 32 * 32 px, up to 96 * 96 px, above
OBJECT_SIZES = ("small", "medium", "large")
SIZE_LIMITS_PX2 = (32.0**2, 96.0**2)
IOU_50 = 0  # place in COCO's thresholds 0.50, 0.55 .. 0.95
# places in COCO's area ranges and in its thresholds 0.50, 0.55 .. 0.95
_ALL_AREAS = 0
_IOU_75 = 5

Row = dict[str, Any]


@dataclass(frozen=True)
class SizeFigures:
    """Average precision over objects of one size; None where no object has it."""

    size: str
    map: float | None
    map50: float | None
    num_objects: int


@dataclass(frozen=True)
class ClassFigures:
    """One class. Precision is interpolated at COCO's 101 recall levels, so its mean is ap50. None: class not shown."""

    class_id: int
    ap: float | None
    ap50: float | None
    num_objects: int
    recall: NDArray[np.float64]  # (101,) from 0 to 1
    precision50: NDArray[np.float64] | None  # (101,) at IoU 0.5


@dataclass(frozen=True)
class DetectionResult:
    """`map` is the mean over classes and IoU 0.50, 0.55 .. 0.95. None: no object was there to find."""

    map: float | None
    map50: float | None
    map75: float | None
    per_class: tuple[ClassFigures, ...]
    per_size: tuple[SizeFigures, ...]
    num_images: int
    num_objects: int


def score_detections(
    truths: Sequence[BoxSet], detections: Sequence[Detections], num_classes: int
) -> DetectionResult:
    """COCO figures over N images; element i of both sequences belongs to image i, boxes in its pixels.

    Classes without an object do not enter a mean (COCO's rule), so false boxes of such a class cost nothing here: they
    show in the confusion matrix. Raises ValueError for no images, unequal lengths, class ids out of range and boxes or
    scores that are not finite.
    """
    _require_valid(truths, detections, num_classes)
    truth_rows = [
        row for i, truth in enumerate(truths) for row in describe_boxes(i, truth)
    ]
    found_rows = [
        row for i, found in enumerate(detections) for row in describe_boxes(i, found)
    ]
    images = [{"id": i + 1} for i in range(len(truths))]
    precision, recall = run_coco(images, truth_rows, found_rows, num_classes)
    class_ids = np.concatenate([t.class_ids for t in truths])
    areas_px2 = np.concatenate([_measure_areas(t.boxes_xyxy) for t in truths])
    return DetectionResult(
        map=mean_known(precision[..., _ALL_AREAS]),
        map50=mean_known(precision[IOU_50, ..., _ALL_AREAS]),
        map75=mean_known(precision[_IOU_75, ..., _ALL_AREAS]),
        per_class=tuple(
            _score_class(precision, recall, c, int((class_ids == c).sum()))
            for c in range(num_classes)
        ),
        per_size=tuple(
            SizeFigures(
                size,
                mean_known(precision[..., i]),
                mean_known(precision[IOU_50, ..., i]),
                _count(areas_px2, size),
            )
            for i, size in enumerate(OBJECT_SIZES, start=1)
        ),
        num_images=len(truths),
        num_objects=len(class_ids),
    )


def name_object_size(area_px2: float) -> str:
    """ "small", "medium" or "large" by COCO's areas; an area on a limit counts as the smaller size here."""
    return OBJECT_SIZES[int(np.searchsorted(SIZE_LIMITS_PX2, area_px2, side="left"))]


def _score_class(
    precision: NDArray[np.float64],
    recall: NDArray[np.float64],
    class_id: int,
    num_objects: int,
) -> ClassFigures:
    of_class = precision[:, :, class_id, _ALL_AREAS]
    curve = of_class[IOU_50] if num_objects else None
    return ClassFigures(
        class_id,
        mean_known(of_class),
        mean_known(of_class[IOU_50]),
        num_objects,
        recall,
        curve,
    )


def mean_known(precision: NDArray[np.float64]) -> float | None:
    """Over all that is known; None where no class has an object."""
    known = precision[precision > -1]  # COCO writes -1 where a class has no object
    return float(known.mean()) if known.size else None


def _count(areas_px2: NDArray[np.float64], size: str) -> int:
    return sum(name_object_size(area) == size for area in areas_px2)


def _measure_areas(boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    boxes = boxes_xyxy.astype(np.float64)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def run_coco(
    images: Sequence[Row],
    truth_rows: Sequence[Row],
    found_rows: Sequence[Row],
    num_classes: int,
    iou_type: str = "bbox",
    max_detections: int = MAX_DETECTIONS,
    sigmas: Sequence[float] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision (10 IoU, 101 recall, C, 4 areas), -1 where a class has no object, and the recall levels (101,).

    COCO's rows: images with their `id` and annotations as of `describe_boxes`; with iou_type "segm" images have their
    `height` and `width` as well, and annotations their `segmentation`; with "keypoints" annotations have `keypoints`
    and `num_keypoints`, and `sigmas` are those of OKS: the area ranges are 3 then, without small objects.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    categories = [{"id": c + 1, "name": str(c)} for c in range(num_classes)]
    sides = []
    for rows in (truth_rows, found_rows):
        side = COCO()
        # from 1: COCO reads 0 as "not matched"
        numbered = [{**row, "id": n} for n, row in enumerate(rows, start=1)]
        side.dataset = {
            "images": list(images),
            "categories": categories,
            "annotations": numbered,
        }
        side.createIndex()
        sides.append(side)
    of_points = {} if sigmas is None else {"kpt_oks_sigmas": list(sigmas)}
    run = COCOeval_faster(
        *sides, iouType=iou_type, print_function=_stay_quiet, **of_points
    )
    run.params.maxDets = [max_detections]
    run.evaluate()
    run.accumulate()
    return np.asarray(run.eval["precision"])[..., 0], np.asarray(run.params.recThrs)


def _stay_quiet(*_: object) -> None:
    """faster-coco-eval prints through this."""


def describe_boxes(image_index: int, image: BoxSet | Detections) -> list[Row]:
    """COCO's annotations of one image, but for their ids: true ones, or detected ones with scores."""
    rows: list[Row] = []
    for class_id, (x0, y0, x1, y1) in zip(
        image.class_ids, image.boxes_xyxy.astype(np.float64).tolist(), strict=True
    ):
        rows.append(
            {
                "image_id": image_index + 1,
                "category_id": int(class_id) + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
            }
        )
    if isinstance(image, Detections):
        return [
            {**row, "score": float(score)}
            for row, score in zip(rows, image.scores, strict=True)
        ]
    return [{**row, "iscrowd": 0} for row in rows]


def _require_valid(
    truths: Sequence[BoxSet], detections: Sequence[Detections], num_classes: int
) -> None:
    if len(truths) != len(detections):
        raise ValueError(
            f"{len(truths)} images have truth, {len(detections)} have predictions: give both for each image"
        )
    if not truths:
        raise ValueError(
            "there are no images to score: an empty split has no average precision"
        )
    for index, (truth, found) in enumerate(zip(truths, detections, strict=True)):
        require_valid_image(index, truth, found)
        for ids in (truth.class_ids, found.class_ids):
            if len(ids) and (ids.min() < 0 or ids.max() >= num_classes):
                span = f"{ids.min()}..{ids.max()}"
                raise ValueError(
                    f"image {index} has class ids {span}: with {num_classes} classes give 0..{num_classes - 1}"
                )


def require_valid_image(index: int, truth: BoxSet, found: Detections) -> None:
    """Raises ValueError for boxes and scores that are not finite."""
    if not all(
        np.isfinite(a).all() for a in (truth.boxes_xyxy, found.boxes_xyxy, found.scores)
    ):
        raise ValueError(
            f"image {index} has a box or score that is not finite: look for a training that diverged"
        )
