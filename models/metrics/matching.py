"""Match what was found to the objects of one image, for scores, confusion matrices, operating points and mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import BoxSet, Detections

MIN_IOU = 0.5
IOU_LEVELS = tuple(0.5 + 0.05 * n for n in range(10))  # COCO's


@dataclass(frozen=True)
class JudgedImage:
    """The objects of one image, what was found there, and how well each answer fits each object."""

    truth: BoxSet
    found: Detections
    # (T, D) in [0, 1]: IoU of boxes or of masks, similarity of points
    overlaps: NDArray[np.float64]

    def __post_init__(self) -> None:
        expected = len(self.truth.class_ids), len(self.found.class_ids)
        assert self.overlaps.shape == expected, (self.overlaps.shape, expected)


@dataclass(frozen=True)
class Matches:
    """Indices into one image's true boxes and detections. Pair k joins truth_ids[k] and detection_ids[k]."""

    truth_ids: NDArray[np.int64]  # (P,)
    detection_ids: NDArray[np.int64]  # (P,)
    missed_truth_ids: NDArray[np.int64]
    false_detection_ids: NDArray[np.int64]


# where nothing tells one: no object, or no answer
DEFAULT_OPERATING_SCORE = 0.5


@dataclass(frozen=True)
class OperatingPoint:
    """The least score to accept a box with, and what one gets: over all classes, at IoU 0.5.

    `precision` is None where no box is accepted, `recall` where there is no object, `f1` where neither is.
    """

    min_score: float
    precision: float | None
    recall: float | None
    f1: float | None


def judge_boxes(truth: BoxSet, found: Detections) -> JudgedImage:
    """One image by the overlap of boxes."""
    return JudgedImage(truth, found, measure_ious(truth.boxes_xyxy, found.boxes_xyxy))


def match_detections(
    truth: BoxSet,
    detections: Detections,
    min_iou: float = MIN_IOU,
    min_score: float = 0.0,
    same_class_only: bool = False,
) -> Matches:
    """`match_objects` by the overlap of boxes."""
    image = judge_boxes(truth, detections)
    return match_objects(image, min_iou, min_score, same_class_only)


def match_objects(
    image: JudgedImage,
    min_overlap: float = MIN_IOU,
    min_score: float = 0.0,
    same_class_only: bool = False,
) -> Matches:
    """Greedy: from the highest score down, each answer takes the free object that it overlaps most.

    First among objects of its own class, as average precision does; then what is left over is matched whatever its
    class: these pairs are confusions (none with `same_class_only`). An overlap of exactly `min_overlap` matches.
    """
    truth, found, overlaps = image.truth, image.found, image.overlaps
    kept = np.flatnonzero(found.scores >= min_score)
    order = kept[np.argsort(-found.scores[kept], kind="stable")]
    pairs = _match_greedily(_of_same_class(image), order, min_overlap)
    if not same_class_only:
        free = overlaps.copy()
        free[[t for t, _ in pairs], :] = -1.0
        taken = {d for _, d in pairs}
        pairs += _match_greedily(
            free, np.array([d for d in order if d not in taken], np.int64), min_overlap
        )
    truth_ids, detection_ids = (
        np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1)
    )
    return Matches(
        truth_ids,
        detection_ids,
        np.setdiff1d(np.arange(len(truth.class_ids)), truth_ids),
        np.setdiff1d(order, detection_ids),
    )


def count_confusions(
    truths: Sequence[BoxSet],
    detections: Sequence[Detections],
    num_classes: int,
    min_score: float,
) -> NDArray[np.int64]:
    """(C + 1, C + 1): rows are true classes, columns predicted ones, the last of each is background.

    Last column: objects nobody found. Last row: boxes around nothing. Raises ValueError for no images.
    """
    if not truths:
        raise ValueError(
            "there are no images to match: an empty split has no confusion matrix"
        )
    confusion = np.zeros((num_classes + 1, num_classes + 1), np.int64)
    for truth, found in zip(truths, detections, strict=True):
        matches = match_detections(truth, found, min_score=min_score)
        np.add.at(
            confusion,
            (
                truth.class_ids[matches.truth_ids],
                found.class_ids[matches.detection_ids],
            ),
            1,
        )
        confusion[:, num_classes] += np.bincount(
            truth.class_ids[matches.missed_truth_ids], minlength=num_classes + 1
        )
        confusion[num_classes] += np.bincount(
            found.class_ids[matches.false_detection_ids], minlength=num_classes + 1
        )
    return confusion


def choose_operating_point(
    scores: NDArray[Any], is_hit: NDArray[np.bool_], num_objects: int
) -> OperatingPoint | None:
    """The score with the best F1 over all classes, the highest of equals; None without objects or without answers.

    Of D answers: their scores, and whether each hit one of `num_objects` objects. Where it was chosen its F1
    is an upper bound: choose on one split, measure on another.
    """
    if not num_objects or not len(scores):
        return None
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    hits = np.cumsum(is_hit[order])
    # a threshold takes all equal scores or none
    is_last_of_equals = np.append(scores[1:] != scores[:-1], True)
    num_kept = np.arange(1, len(scores) + 1)
    f1 = np.where(is_last_of_equals, 2 * hits / (num_kept + num_objects), -1.0)
    best = int(f1.argmax())
    return OperatingPoint(
        float(scores[best]),
        float(hits[best] / num_kept[best]),
        float(hits[best] / num_objects),
        float(f1[best]),
    )


def measure_operating_point(
    scores: NDArray[Any], is_hit: NDArray[np.bool_], num_objects: int, min_score: float
) -> OperatingPoint:
    """What accepting from `min_score` on gives, of D answers' scores and whether each hit an object."""
    is_kept = scores >= min_score
    num_kept, num_hits = int(is_kept.sum()), int(is_hit[is_kept].sum())
    return OperatingPoint(
        min_score,
        num_hits / num_kept if num_kept else None,
        num_hits / num_objects if num_objects else None,
        2 * num_hits / (num_kept + num_objects) if num_kept + num_objects else None,
    )


def judge_detections(
    truths: Sequence[BoxSet], detections: Sequence[Detections]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Score of every detection of every image, and whether it found an object of its class at IoU 0.5."""
    scores = [np.zeros(0, np.float32)]
    is_hit = [np.zeros(0, bool)]
    for truth, found in zip(truths, detections, strict=True):
        matches = match_detections(truth, found, same_class_only=True)
        scores.append(found.scores)
        is_hit.append(np.isin(np.arange(len(found.scores)), matches.detection_ids))
    return np.concatenate(scores), np.concatenate(is_hit)


def list_hits(image: JudgedImage) -> NDArray[np.int64]:
    """(D,) bit n of an answer: it found an object of its class at IOU_LEVELS[n], as COCO matches them."""
    scores = image.found.scores
    order = np.argsort(-scores, kind="stable")
    overlaps = _of_same_class(image)
    best = overlaps.max(0, initial=-1.0)
    hits = np.zeros(len(scores), np.int64)
    for level, min_overlap in enumerate(IOU_LEVELS):
        near = order[best[order] >= min_overlap]
        for _, detection_id in _match_greedily(overlaps, near, min_overlap):
            hits[detection_id] |= 1 << level
    return hits


def measure_ious(
    boxes_xyxy: NDArray[Any], others_xyxy: NDArray[Any]
) -> NDArray[np.float64]:
    """(N, M) intersection over union; 0 where the union has no area."""
    left = boxes_xyxy.astype(np.float64)[:, None, :]
    right = others_xyxy.astype(np.float64)[None, :, :]
    overlap = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(
        left[..., :2], right[..., :2]
    )
    intersection = np.clip(overlap, 0, None).prod(-1)
    union = (
        (left[..., 2:] - left[..., :2]).prod(-1)
        + (right[..., 2:] - right[..., :2]).prod(-1)
        - intersection
    )
    return np.divide(
        intersection, union, out=np.zeros_like(intersection), where=union > 0
    )


def _of_same_class(image: JudgedImage) -> NDArray[np.float64]:
    """The overlaps (T, D), -1 between an object and an answer of another class."""
    is_same = image.truth.class_ids[:, None] == image.found.class_ids[None, :]
    return np.where(is_same, image.overlaps, -1.0)


def _match_greedily(
    ious: NDArray[np.float64], order: NDArray[np.int64], min_iou: float
) -> list[tuple[int, int]]:
    free = ious.copy()
    pairs = []
    for detection_id in order:
        if not len(free):
            break
        truth_id = int(free[:, detection_id].argmax())
        if free[truth_id, detection_id] >= min_iou:
            pairs.append((truth_id, int(detection_id)))
            free[truth_id, :] = -1.0
    return pairs
