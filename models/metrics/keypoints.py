"""COCO average precision of predicted keypoints by their object-keypoint similarity (OKS), through faster-coco-eval.

OKS is the mean over the labelled points of an object of exp(-d^2 / (2 (2 sigma)^2 s^2)): d px between truth and
prediction, s^2 the object's area, sigma how far people differ on the point. It takes the place of the IoU of boxes
(cocodataset.org, "Keypoint Evaluation"). The area is that of the box: labels of keypoints need no mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.metrics.detection import (
    IOU_50,
    Row,
    describe_boxes,
    mean_known,
    require_valid_image,
    run_coco,
)
from models.metrics.matching import JudgedImage, match_objects
from models.types import BoxSet, Detections, PoseDetections, PoseSet

MAX_POSES = 20  # per image and class, highest score first: COCO's limit for keypoints
_PERSON_SIGMAS = (
    0.026,
    0.025,
    0.025,
    0.035,
    0.035,
    0.079,
    0.079,
    0.072,
    0.072,
    0.062,
    0.062,
    0.107,
    0.107,
    0.087,
    0.087,
    0.089,
    0.089,
)
_OTHER_SIGMA = 0.07


@dataclass(frozen=True)
class PoseResult:
    """`oks_map` is the mean over classes and OKS 0.50, 0.55 .. 0.95, `box_map50` is of boxes by IoU. None: no object
    was there to find; for OKS, none with a labelled point."""

    oks_map: float | None
    oks_map50: float | None
    box_map50: float | None


def find_sigmas(num_points: int) -> NDArray[np.float64]:
    """(K,) how far people differ on each point, as a share of the object's size: COCO's for the 17 points of a person,
    about their mean for others, of which nobody has measured it."""
    return (
        np.array(_PERSON_SIGMAS)
        if num_points == len(_PERSON_SIGMAS)
        else np.full(num_points, _OTHER_SIGMA)
    )


def score_poses(
    truths: Sequence[PoseSet], found: Sequence[PoseDetections]
) -> PoseResult:
    """COCO figures over N images; element i of both sequences belongs to image i, in its pixels.

    Objects without a labelled point are neither wanted nor wrong (COCO's rule), and classes without an object do not
    enter a mean. Truths may have fewer points than predictions: those that they lack are not labelled. Raises
    ValueError for no images, unequal lengths, fewer points predicted than labelled, and what is not finite.
    """
    if len(truths) != len(found) or not truths:
        raise ValueError(
            f"{len(truths)} images have truth, {len(found)} have predictions: give both for each image"
        )
    num_points = found[0].points_xy.shape[1]
    truth_rows: list[Row] = []
    found_rows: list[Row] = []
    for index, (truth, answer) in enumerate(zip(truths, found, strict=True)):
        require_valid_image(index, truth, answer)
        _require_points(index, truth, answer, num_points)
        truth_rows += _add_points(
            describe_boxes(index, truth), _pad(truth.points, num_points)
        )
        seen = np.full((*answer.points_xy.shape[:2], 1), 2.0)
        found_rows += _add_points(
            describe_boxes(index, answer), np.concatenate([answer.points_xy, seen], 2)
        )
    images = [{"id": index + 1} for index in range(len(truths))]
    num_classes = max(
        (row["category_id"] for row in (*truth_rows, *found_rows)), default=1
    )
    of_boxes = run_coco(images, truth_rows, found_rows, num_classes)[0][..., 0]
    of_points = _score_points(images, truth_rows, found_rows, num_classes, num_points)
    return PoseResult(
        mean_known(of_points),
        mean_known(of_points[IOU_50]),
        mean_known(of_boxes[IOU_50]),
    )


def judge_points(truth: PoseSet, found: PoseDetections) -> JudgedImage:
    """One image by the similarity of points, for what COCO looks at: the first MAX_POSES of a class.

    Objects without a labelled point are left out, with the answers that lie at such an object and not at another: so
    `oks_map50` is COCO's. At higher similarities COCO asks anew which answers lie there.
    """
    first = _keep_first(found)
    whole = JudgedImage(
        BoxSet(truth.boxes_xyxy, truth.class_ids),
        Detections(
            found.boxes_xyxy[first], found.scores[first], found.class_ids[first]
        ),
        measure_similarities(truth, found.points_xy[first]),
    )
    is_wanted = np.asarray((truth.points[:, :, 2] > 0).any(1))
    wanted = _choose(whole, is_wanted, np.ones(len(first), bool))
    hits = match_objects(wanted, same_class_only=True).detection_ids
    is_free = ~np.isin(np.arange(len(first)), hits)
    # an answer takes the last of those that it fits equally well, which it does wherever it lies within them
    unlabelled = np.flatnonzero(~is_wanted)[::-1]
    others = _choose(whole, unlabelled, is_free)
    at_unlabelled = match_objects(others, same_class_only=True).detection_ids
    is_told = np.ones(len(first), bool)
    is_told[np.flatnonzero(is_free)[at_unlabelled]] = False
    return _choose(whole, is_wanted, is_told)


def measure_similarities(
    truth: PoseSet, found_xy: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(T, D) COCO's OKS of T objects and D answers (D, K, 2) px.

    Of an object without a labelled point it is that of how far points lie outside of three times its box.
    """
    num_points = found_xy.shape[1]
    points = _pad(truth.points, num_points).astype(np.float64)
    off_xy = np.abs(found_xy[None] - points[:, None, :, :2])  # (T, D, K, 2)
    is_labelled = points[:, :, 2] > 0  # (T, K)
    boxes = truth.boxes_xyxy.astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    low, high = boxes[:, :2] - sides, boxes[:, :2] + 2 * sides
    outside_xy = np.maximum(low[:, None, None] - found_xy, 0.0) + np.maximum(
        found_xy - high[:, None, None], 0.0
    )
    has_points = np.asarray(is_labelled.any(1))
    off_xy = np.where(has_points[:, None, None, None], off_xy, outside_xy)
    counts = is_labelled | ~has_points[:, None]
    tolerances_px2 = (2 * find_sigmas(num_points)) ** 2 * (
        sides.prod(1)[:, None] + np.spacing(1)
    )  # (T, K)
    nearness = np.exp(-(off_xy**2).sum(3) / tolerances_px2[:, None] / 2)
    total = (nearness * counts[:, None]).sum(2)
    return np.asarray(total / np.maximum(counts.sum(1), 1)[:, None], np.float64)


def _keep_first(found: PoseDetections) -> NDArray[np.int64]:
    """Places of the first MAX_POSES of each class, in order."""
    order = np.argsort(-found.scores, kind="stable")
    of_classes = [
        order[found.class_ids[order] == c][:MAX_POSES]
        for c in np.unique(found.class_ids)
    ]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *of_classes]))


def _choose(
    image: JudgedImage, objects: NDArray[Any], answers: NDArray[Any]
) -> JudgedImage:
    """Some objects and answers, by mask or by place."""
    truth, found = image.truth, image.found
    return JudgedImage(
        BoxSet(truth.boxes_xyxy[objects], truth.class_ids[objects]),
        Detections(
            found.boxes_xyxy[answers], found.scores[answers], found.class_ids[answers]
        ),
        image.overlaps[objects][:, answers],
    )


def _score_points(
    images: Sequence[Row],
    truth_rows: Sequence[Row],
    found_rows: Sequence[Row],
    num_classes: int,
    num_points: int,
) -> NDArray[np.float64]:
    """Precision (10 OKS, 101 recall, C), -1 where a class has no object with a labelled point."""
    if not any(row["num_keypoints"] for row in truth_rows):
        return np.full((10, 101, num_classes), -1.0)
    sigmas = find_sigmas(num_points).tolist()
    return run_coco(
        images, truth_rows, found_rows, num_classes, "keypoints", MAX_POSES, sigmas
    )[0][..., 0]


def _require_points(
    index: int, truth: PoseSet, found: PoseDetections, num_points: int
) -> None:
    if not np.isfinite(found.points_xy).all() or not np.isfinite(truth.points).all():
        raise ValueError(
            f"image {index} has a point that is not finite: look for a training that diverged"
        )
    if found.points_xy.shape[1] != num_points or truth.points.shape[1] > num_points:
        raise ValueError(
            f"image {index} has {found.points_xy.shape[1]} points an object, labelled are {truth.points.shape[1]}, and "
            f"the first image has {num_points}: predict all points that an object can have"
        )


def _pad(points: NDArray[np.float32], num_points: int) -> NDArray[np.float32]:
    return np.pad(points, ((0, 0), (0, num_points - points.shape[1]), (0, 0)))


def _add_points(rows: list[Row], points: NDArray[np.floating]) -> list[Row]:
    return [
        {
            **row,
            "keypoints": of_one.astype(np.float64).ravel().tolist(),
            "num_keypoints": int((of_one[:, 2] > 0).sum()),
        }
        for row, of_one in zip(rows, points, strict=True)
    ]
