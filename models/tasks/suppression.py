"""Keep the best of overlapping boxes: greedy non-maximum suppression per class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.types import Detections

MIN_SCORE = 0.02
MAX_IOU = 0.55  # of two kept boxes of one class
MAX_CANDIDATES, MAX_BOXES = 600, 200


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
    points, class_ids = points[order], class_ids[order]
    kept = suppress(boxes_xyxy[points], class_ids, max_iou)[:MAX_BOXES]
    return points[kept], class_ids[kept]


def suppress(
    boxes_xyxy: NDArray[np.float32], class_ids: NDArray[np.int64], max_iou: float
) -> NDArray[np.int64]:
    """Indices kept of boxes sorted by falling score: a box goes when a kept one of its class overlaps it more."""
    x0, y0, x1, y1 = boxes_xyxy.astype(np.float64).T
    areas = np.clip(x1 - x0, 0, None) * np.clip(y1 - y0, 0, None)
    is_alive = np.ones(len(boxes_xyxy), bool)
    kept = []
    for i in range(len(boxes_xyxy)):
        if not is_alive[i]:
            continue
        kept.append(i)
        width = np.minimum(x1[i], x1[i:]) - np.maximum(x0[i], x0[i:])
        height = np.minimum(y1[i], y1[i:]) - np.maximum(y0[i], y0[i:])
        inner = np.clip(width, 0, None) * np.clip(height, 0, None)
        union = np.maximum(areas[i] + areas[i:] - inner, 1e-9)
        is_alive[i:] &= (inner / union <= max_iou) | (class_ids[i:] != class_ids[i])
    return np.array(kept, np.int64)
