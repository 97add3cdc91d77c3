"""Keep the best of overlapping boxes: greedy non-maximum suppression per class."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Detections

MIN_SCORE = 0.02
MAX_IOU = 0.55  # of two kept boxes of one class
MAX_CANDIDATES = 600
MAX_BOXES = 200


def keep_best(
    boxes_xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    min_score: float = MIN_SCORE,
    max_iou: float = MAX_IOU,
) -> Detections:
    """(P, 4) boxes and (P, C) scores -> detections of one image, highest score first, at most MAX_BOXES."""
    points, class_ids = choose_best(boxes_xyxy, scores, min_score, max_iou)
    return Detections(
        boxes_xyxy[points].astype(np.float32),
        scores[points, class_ids].astype(np.float32),
        class_ids.astype(np.int64),
    )


def choose_best(
    boxes_xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    min_score: float = MIN_SCORE,
    max_iou: float = MAX_IOU,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of (P, 4) boxes and (P, C) scores the places and class ids (N,) that stay.

    The highest score comes first; there are at most MAX_BOXES.
    """
    points, class_ids = np.nonzero(scores > min_score)
    order = np.argsort(-scores[points, class_ids], kind="stable")[:MAX_CANDIDATES]
    points = points[order]
    class_ids = class_ids[order]
    kept = suppress(boxes_xyxy[points], class_ids, max_iou)[:MAX_BOXES]
    return points[kept], class_ids[kept]


def suppress(
    boxes_xyxy: NDArray[np.float32], class_ids: NDArray[np.int64], max_iou: float
) -> NDArray[np.int64]:
    """Indices kept of boxes sorted by falling score: a box goes when a kept one of its class overlaps it more."""
    if not len(boxes_xyxy):
        return np.zeros(0, np.int64)
    # OpenCV keeps classes apart by moving their boxes, which takes boxes without a negative coordinate
    boxes = boxes_xyxy.astype(np.float64) - boxes_xyxy.min()
    boxes_xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    ranks = np.arange(len(boxes), 0, -1, dtype=np.float32)
    kept = cv2.dnn.NMSBoxesBatched(
        boxes_xywh.tolist(), ranks.tolist(), class_ids.tolist(), 0.0, max_iou
    )
    return np.asarray(kept, np.int64)
