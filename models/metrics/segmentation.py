"""Overlap of predicted and true regions: class IoU and its mean, the IoU of single images, the IoU of boundaries.

Pixels that are IGNORE in the truth count nowhere. Everything is made of whole numbers counted image by image, so
figures of a slice are those of its images alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import IGNORE, SemanticMap

BOUNDARY_SHARE = 0.02  # of the image's diagonal: how far inside a region its boundary reaches (Cheng et al. 2021)
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class PixelCounts:
    """One image. `confusion[t, p]` counts pixels of class t that were called p."""

    confusion: NDArray[np.int64]  # (C, C)
    # (C,) px in the true and in the predicted boundary of a class
    boundary_hits: NDArray[np.int64]
    boundary_union: NDArray[np.int64]  # (C,) px in one of them


@dataclass(frozen=True)
class ClassFigures:
    """One class over all images; None where no image shows it, even if it was predicted."""

    class_id: int
    iou: float | None
    boundary_iou: float | None
    num_truth_px: int
    num_predicted_px: int
    num_images: int  # whose truth shows it


@dataclass(frozen=True)
class SegmentationResult:
    """`miou` is the mean IoU over the classes that the truth shows, from pixels of all images together.

    `image_miou` is the mean over images of each image's own mean IoU, `boundary_miou` the mean over classes of their
    boundary IoU. None: no pixel is labelled.
    """

    miou: float | None
    pixel_accuracy: float | None
    image_miou: float | None
    boundary_miou: float | None
    per_class: tuple[ClassFigures, ...]
    confusion: NDArray[np.int64]  # (C, C) px
    num_images: int


def count_pixels(
    truth: SemanticMap, predicted: SemanticMap, num_classes: int
) -> PixelCounts:
    """What one image adds to the figures. Raises ValueError for maps of two sizes and ids out of range.

    Boundary IoU is after Cheng et al., Boundary IoU: Improving Object-Centric Image Segmentation Evaluation (CVPR
    2021): of each region the pixels within 2 % of the image's diagonal of its outline, the image's edge being outline
    too. What is ignored makes no outline and is not counted.
    """
    confusion = count_confusion(truth, predicted, num_classes)
    is_ignored = truth.class_ids == IGNORE
    distance_px = max(
        1, round(BOUNDARY_SHARE * float(np.hypot(*truth.class_ids.shape)))
    )
    hits = np.zeros(num_classes, np.int64)
    union = np.zeros(num_classes, np.int64)
    for class_id in np.flatnonzero(confusion.sum(0) + confusion.sum(1)):
        true, found = (
            _find_boundary(m.class_ids == class_id, is_ignored, distance_px)
            for m in (truth, predicted)
        )
        hits[class_id] = np.count_nonzero(true & found)
        union[class_id] = np.count_nonzero(true | found)
    return PixelCounts(confusion, hits, union)


def count_confusion(
    truth: SemanticMap, predicted: SemanticMap, num_classes: int
) -> NDArray[np.int64]:
    """(C, C) pixels of class t that were called p, without those ignored. Raises ValueError as `count_pixels` does."""
    if truth.class_ids.shape != predicted.class_ids.shape:
        raise ValueError(
            f"the truth has {truth.class_ids.shape} pixels, the prediction {predicted.class_ids.shape}: "
            "predict the image that was labelled"
        )
    is_known = truth.class_ids != IGNORE
    true_ids = truth.class_ids[is_known].astype(np.int64)
    found_ids = predicted.class_ids[is_known]
    for name, ids in (("true", true_ids), ("predicted", found_ids)):
        if len(ids) and ids.max() >= num_classes:
            raise ValueError(
                f"{name} class id {ids.max()}: with {num_classes} classes give 0..{num_classes - 1}"
            )
    counts = np.bincount(true_ids * num_classes + found_ids, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def score_segmentation(counts: Sequence[PixelCounts]) -> SegmentationResult:
    """Figures over images. Raises ValueError for none."""
    if not counts:
        raise ValueError("there are no images to score: an empty split has no mean IoU")
    confusion = np.sum([c.confusion for c in counts], axis=0)
    shown = np.sum([c.confusion.sum(1) > 0 for c in counts], axis=0)
    ious = class_ious(confusion)
    boundary = _divide(
        np.sum([c.boundary_hits for c in counts], axis=0),
        np.sum([c.boundary_union for c in counts], axis=0),
    )
    is_shown = confusion.sum(1) > 0
    boundary = np.where(is_shown, boundary, np.nan)
    of_images = [value for c in counts if (value := mean_iou(c.confusion)) is not None]
    return SegmentationResult(
        miou=mean_iou(confusion),
        pixel_accuracy=_known(_divide(np.trace(confusion), confusion.sum())),
        image_miou=float(np.mean(of_images)) if of_images else None,
        boundary_miou=float(np.nanmean(boundary)) if is_shown.any() else None,
        per_class=tuple(
            ClassFigures(
                c,
                _known(ious[c]),
                _known(boundary[c]),
                int(confusion[c].sum()),
                int(confusion[:, c].sum()),
                int(shown[c]),
            )
            for c in range(len(confusion))
        ),
        confusion=confusion,
        num_images=len(counts),
    )


def mean_iou(confusion: Any) -> float | None:
    """Mean over the classes that the truth shows of (C, C) pixel counts; None where no pixel is labelled."""
    ious = (
        class_ious(np.asarray(confusion)) if np.ndim(confusion) else np.full(1, np.nan)
    )
    return None if np.isnan(ious).all() else float(np.nanmean(ious))


def class_ious(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """(C,) intersection over union; NaN for classes that the truth does not show.

    Pixels given to such a class still cost the class that they are of.
    """
    hits = np.diag(confusion)
    ious = _divide(hits, confusion.sum(0) + confusion.sum(1) - hits)
    return np.where(confusion.sum(1) > 0, ious, np.nan)


def _find_boundary(
    region: NDArray[np.bool_], is_ignored: NDArray[np.bool_], distance_px: int
) -> NDArray[np.bool_]:
    """Pixels of a region (H, W) that are less than `distance_px` king's moves away from what is not of it."""
    filled = (region | is_ignored).astype(np.uint8)
    framed = cv2.copyMakeBorder(filled, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inner = cv2.erode(framed, _SQUARE, iterations=distance_px)[1:-1, 1:-1]
    return region & ~is_ignored & (inner == 0)


def _divide(part: Any, whole: Any) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.where(
            np.asarray(whole) > 0,
            np.asarray(part, np.float64) / np.maximum(whole, 1),
            np.nan,
        )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
