"""A quick average precision at IoU 0.5, to choose checkpoints while training.

Figures that are reported come from models/metrics.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.metrics.matching import measure_ious
from models.types import BoxSet, Detections

_MIN_IOU = 0.5


def mean_average_precision_50(
    predictions: Sequence[Detections], truths: Sequence[BoxSet]
) -> float:
    """Mean over the classes that occur in `truths` of the area under the precision envelope (Pascal VOC 2010).

    Raises ValueError when no image has a box.
    """
    classes = sorted({int(c) for t in truths for c in t.class_ids})
    if not classes:
        raise ValueError(
            f"none of {len(truths)} validation frames has a box: move labelled frames to the 'val' split"
        )
    return float(np.mean([_average_precision(predictions, truths, c) for c in classes]))


def _average_precision(
    predictions: Sequence[Detections], truths: Sequence[BoxSet], class_id: int
) -> float:
    scores = []
    hits = []
    num_truth = 0
    for prediction, truth in zip(predictions, truths, strict=True):
        wanted = truth.boxes_xyxy[truth.class_ids == class_id]
        mine = prediction.class_ids == class_id
        num_truth += len(wanted)
        scores.append(prediction.scores[mine])
        hits.append(_match(prediction.boxes_xyxy[mine], wanted))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    is_hit = np.concatenate(hits)[order]
    true_positives = np.cumsum(is_hit)
    precision = true_positives / np.arange(1, len(is_hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * is_hit).sum() / num_truth)


def _match(
    found_xyxy: NDArray[np.float32], wanted_xyxy: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Per found box, highest score first: whether it takes a box that is still free."""
    is_hit = np.zeros(len(found_xyxy), bool)
    is_free = np.ones(len(wanted_xyxy), bool)
    if not len(wanted_xyxy):
        return is_hit
    for index, ious in enumerate(measure_ious(found_xyxy, wanted_xyxy)):
        overlap = np.where(is_free, ious, 0.0)
        if overlap.max() >= _MIN_IOU:
            is_free[overlap.argmax()] = False
            is_hit[index] = True
    return is_hit
