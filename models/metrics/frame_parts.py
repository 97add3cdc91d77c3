"""What each of N frames adds to the figures of a model, and the figures that follow from it.

Here are whole numbers and probabilities a frame, few enough to be stored: any choice of frames has its figures from
them without an answer being judged again, and a bootstrap counts each frame as often as it is drawn. What joins answers
and truth is in `matching` and `segmentation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.metrics.calibration import (
    CalibrationResult,
    score_calibration,
    score_regions,
)
from models.metrics.classification import score_classification
from models.metrics.detection import MAX_DETECTIONS
from models.metrics.matching import (
    DEFAULT_OPERATING_SCORE,
    IOU_LEVELS,
    JudgedImage,
    OperatingPoint,
    choose_operating_point,
    judge_boxes,
    list_hits,
    measure_operating_point,
)
from models.metrics.resampling import (
    Weights,
    average_precision,
    weigh_average_precision,
    weigh_class_ious,
    weigh_share,
)
from models.metrics.segmentation import PixelCounts
from models.types import BoxSet, Detections

Ints = NDArray[np.int64]


class FrameParts(Protocol):
    """N frames of one task."""

    @property
    def num_classes(self) -> int:
        """Those that the release knows."""

    def __len__(self) -> int:
        """N."""

    def take(self, places: Sequence[int]) -> FrameParts:
        """The frames at these places."""

    def figures(self) -> dict[str, float | None]:
        """The figures over all of them, by name; None where nothing of it shows. Raises ValueError for no frame."""

    def list_shown(self) -> list[frozenset[int]]:
        """The ids of the classes that each frame shows."""

    def weigh(self, weights: Weights) -> NDArray[np.float64]:
        """(R,) the task's leading metric where frame n counts weights[r, n] times; NaN where nothing of it shows."""


@dataclass(frozen=True)
class ClassParts:
    """Recognition: what a frame shows, what it was called and how surely, and the surprise at the truth."""

    num_classes: int
    true_ids: Ints  # (N,)
    found_ids: Ints  # (N,)
    confidences: NDArray[np.float64]  # (N,) in [0, 1], of the found class
    log_losses: NDArray[np.float64]  # (N,) nat

    def __len__(self) -> int:
        return len(self.true_ids)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(N,)"""
        return self.true_ids == self.found_ids

    def take(self, places: Sequence[int]) -> ClassParts:
        chosen = list(places)
        return ClassParts(
            self.num_classes,
            self.true_ids[chosen],
            self.found_ids[chosen],
            self.confidences[chosen],
            self.log_losses[chosen],
        )

    def figures(self) -> dict[str, float | None]:
        """accuracy, macro_f1, ece and log_loss."""
        result = score_classification(self.true_ids, self.found_ids, self.num_classes)
        return {
            "accuracy": result.accuracy,
            "macro_f1": result.macro_f1,
            "ece": score_calibration(self.confidences, self.is_right).ece,
            "log_loss": float(self.log_losses.mean()),
        }

    def list_shown(self) -> list[frozenset[int]]:
        return [frozenset([one]) for one in self.true_ids.tolist()]

    def weigh(self, weights: Weights) -> NDArray[np.float64]:
        return weigh_share(weights, self.is_right)


@dataclass(frozen=True)
class BoxParts:
    """Objects: of what class each is, and each answer with its score and the overlaps at which it hits one.

    Objects and answers of all frames lie one after the other, in the order of the frames; an answer's frame, and an
    object's, is its place among the N.
    """

    num_classes: int
    num_frames: int
    object_frames: Ints  # (T,)
    object_class_ids: Ints  # (T,)
    found_frames: Ints  # (D,)
    found_class_ids: Ints  # (D,)
    found_scores: NDArray[np.float64]  # (D,) in [0, 1], highest first in each frame
    # (D,) bit n: hits an object of its class at IOU_LEVELS[n]
    found_hits: Ints
    # from which on answers count; None: chosen on these frames
    operating_score: float | None = None
    # of the names of average precisions: "oks_" where points are what is compared
    prefix: str = ""

    def __len__(self) -> int:
        return self.num_frames

    def take(self, places: Sequence[int]) -> BoxParts:
        objects = _regroup(self.object_frames, self.num_frames, places)
        found = _regroup(self.found_frames, self.num_frames, places)
        return BoxParts(
            self.num_classes,
            len(places),
            objects.frames,
            self.object_class_ids[objects.rows],
            found.frames,
            self.found_class_ids[found.rows],
            self.found_scores[found.rows],
            self.found_hits[found.rows],
            self.operating_score,
            self.prefix,
        )

    def take_classes(self, class_ids: Sequence[int]) -> BoxParts:
        """All frames, with the objects and answers of some classes, which keep their ids."""
        objects = np.isin(self.object_class_ids, class_ids)
        found = np.isin(self.found_class_ids, class_ids)
        return replace(
            self,
            object_frames=self.object_frames[objects],
            object_class_ids=self.object_class_ids[objects],
            found_frames=self.found_frames[found],
            found_class_ids=self.found_class_ids[found],
            found_scores=self.found_scores[found],
            found_hits=self.found_hits[found],
        )

    @property
    def min_score(self) -> float:
        """The operating score; where none was given, that of the best F1 on these frames."""
        if self.operating_score is not None:
            return self.operating_score
        best = choose_operating_point(*self._judge())
        return best.min_score if best else DEFAULT_OPERATING_SCORE

    @property
    def operating_point(self) -> OperatingPoint:
        """What one gets at the operating score."""
        return measure_operating_point(*self._judge(), self.min_score)

    def _judge(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
        """Scores of answers, whether each hits, and how many objects there are."""
        return self.found_scores, self._is_hit(0), len(self.object_class_ids)

    def figures(self) -> dict[str, float | None]:
        """map, map50, map75 as COCO has them; ece, and the operating point at IoU 0.5."""
        if not self.num_frames:
            raise ValueError(
                "there are no images to score: an empty split has no average precision"
            )
        by_level = [self._average(level) for level in range(len(IOU_LEVELS))]
        known = [value for value in by_level if value is not None]
        is_hit = self._is_hit(0)
        point = self.operating_point
        return {
            f"{self.prefix}map": float(np.mean(known)) if known else None,
            f"{self.prefix}map50": by_level[0],
            f"{self.prefix}map75": by_level[5],
            "ece": score_calibration(self.found_scores, is_hit).ece
            if len(is_hit)
            else None,
            "operating_score": point.min_score,
            "precision50": point.precision,
            "recall50": point.recall,
            "f1_50": point.f1,
        }

    def figures_by_class(self) -> dict[int, float | None]:
        """ap50 by class id; None for a class that no frame shows."""
        return {
            class_id: self._average_class(class_id, 0)
            for class_id in range(self.num_classes)
        }

    def count_objects(self) -> list[int]:
        """Of each class."""
        counts: list[int] = self._count_objects().sum(0).tolist()
        return counts

    def list_shown(self) -> list[frozenset[int]]:
        return _list_positive(self._count_objects())

    def weigh(self, weights: Weights) -> NDArray[np.float64]:
        is_meant = self._is_meant()
        return weigh_average_precision(
            weights,
            self._count_objects(),
            self.found_frames[is_meant],
            self.found_class_ids[is_meant],
            self.found_scores[is_meant],
            self._is_hit(0)[is_meant],
        )

    def _is_hit(self, level: int) -> NDArray[np.bool_]:
        return (self.found_hits >> level) & 1 == 1

    def _count_objects(self) -> Ints:
        """(N, C) objects of each class in each frame."""
        counts = np.zeros((self.num_frames, self.num_classes), np.int64)
        np.add.at(counts, (self.object_frames, self.object_class_ids), 1)
        return counts

    def _is_meant(self) -> NDArray[np.bool_]:
        """(D,) the first MAX_DETECTIONS of a frame and a class, which are all that COCO looks at."""
        groups = self.found_frames * self.num_classes + self.found_class_ids
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        starts = np.searchsorted(ordered, ordered, side="left")
        ranks = np.empty(len(groups), np.int64)
        ranks[order] = np.arange(len(groups)) - starts
        return ranks < MAX_DETECTIONS

    def _average(self, level: int) -> float | None:
        values = [self._average_class(c, level) for c in range(self.num_classes)]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    def _average_class(self, class_id: int, level: int) -> float | None:
        num_objects = int((self.object_class_ids == class_id).sum())
        if not num_objects:
            return None
        mine = np.flatnonzero((self.found_class_ids == class_id) & self._is_meant())
        order = mine[np.argsort(-self.found_scores[mine], kind="stable")]
        hits = np.cumsum(self._is_hit(level)[order], dtype=np.int64)
        return average_precision(hits, np.arange(1, len(order) + 1), num_objects)


@dataclass(frozen=True)
class MapParts:
    """Segmentation: pixels of each class in truth and answer, in both, and the same of boundaries; (N, C) each."""

    num_classes: int
    hits_px: Ints
    truth_px: Ints
    found_px: Ints  # that somebody labelled
    boundary_hits_px: Ints
    boundary_union_px: Ints
    # (N, C) mean over the pixels that an answer gives a class; 0 where there is none
    confidences: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.hits_px)

    def take(self, places: Sequence[int]) -> MapParts:
        chosen = list(places)
        return MapParts(
            self.num_classes,
            self.hits_px[chosen],
            self.truth_px[chosen],
            self.found_px[chosen],
            self.boundary_hits_px[chosen],
            self.boundary_union_px[chosen],
            self.confidences[chosen],
        )

    def take_classes(self, class_ids: Sequence[int]) -> MapParts:
        """All frames, with the pixels of some classes, which are numbered anew in the order given."""
        only = list(class_ids)
        return MapParts(
            len(only),
            self.hits_px[:, only],
            self.truth_px[:, only],
            self.found_px[:, only],
            self.boundary_hits_px[:, only],
            self.boundary_union_px[:, only],
            self.confidences[:, only],
        )

    @property
    def ious(self) -> NDArray[np.float64]:
        """(N, C) of each frame; NaN for classes that it does not show."""
        return _divide_ious(self.hits_px, self.truth_px, self.found_px)

    @property
    def calibration(self) -> CalibrationResult | None:
        """How sure and how right, by regions of one class in one frame; None without a labelled answer."""
        return score_regions(
            self.confidences.ravel(), self.hits_px.ravel(), self.found_px.ravel()
        )

    def figures(self) -> dict[str, float | None]:
        """miou, image_miou, boundary_miou, pixel_accuracy, and ece by regions of one class in one frame."""
        if not len(self):
            raise ValueError(
                "there are no images to score: an empty split has no mean IoU"
            )
        hits, truth, found = (
            part.sum(0) for part in (self.hits_px, self.truth_px, self.found_px)
        )
        whole = _divide_ious(hits, truth, found)
        boundary = np.where(
            (truth > 0) & (self.boundary_union_px.sum(0) > 0),
            self.boundary_hits_px.sum(0) / np.maximum(self.boundary_union_px.sum(0), 1),
            np.nan,
        )
        calibration = self.calibration
        return {
            "miou": _mean(whole),
            "image_miou": _mean(mean_rows(self.ious)),
            "boundary_miou": _mean(boundary),
            "pixel_accuracy": float(hits.sum() / truth.sum()) if truth.sum() else None,
            "ece": None if calibration is None else calibration.ece,
        }

    def figures_by_class(self) -> dict[int, float | None]:
        """iou by class id; None for a class that no frame shows."""
        whole = _divide_ious(
            self.hits_px.sum(0), self.truth_px.sum(0), self.found_px.sum(0)
        )
        return {c: None if np.isnan(v) else float(v) for c, v in enumerate(whole)}

    def list_shown(self) -> list[frozenset[int]]:
        return _list_positive(self.truth_px)

    def weigh(self, weights: Weights) -> NDArray[np.float64]:
        return weigh_class_ious(weights, self.hits_px, self.truth_px, self.found_px)


def describe_detections(
    truths: Sequence[BoxSet],
    detections: Sequence[Detections],
    num_classes: int,
    operating_score: float | None = None,
) -> BoxParts:
    """`describe_objects` by the overlap of boxes; element i of both sequences belongs to image i."""
    pairs = zip(truths, detections, strict=True)
    images = (judge_boxes(truth, found) for truth, found in pairs)
    return describe_objects(images, num_classes, operating_score)


def describe_objects(
    images: Iterable[JudgedImage],
    num_classes: int,
    operating_score: float | None = None,
) -> BoxParts:
    """The parts of N images, of which one at a time is looked at."""
    object_ids: list[Ints] = []
    found_ids: list[Ints] = []
    scores: list[NDArray[Any]] = []
    hits: list[Ints] = []
    for image in images:
        object_ids.append(image.truth.class_ids)
        found_ids.append(image.found.class_ids)
        scores.append(image.found.scores)
        hits.append(list_hits(image))
    places = np.arange(len(object_ids))
    return BoxParts(
        num_classes,
        len(object_ids),
        np.repeat(places, [len(ids) for ids in object_ids]),
        _join(object_ids, np.int64),
        np.repeat(places, [len(ids) for ids in found_ids]),
        _join(found_ids, np.int64),
        _join(scores, np.float64),
        _join(hits, np.int64),
        operating_score,
    )


def stack_parts(
    counts: Sequence[PixelCounts], confidences: NDArray[np.float64]
) -> MapParts:
    """The parts of N images; of each and each class (N, C) the mean confidence. Raises ValueError for none."""
    if not counts:
        raise ValueError("there are no images to score: an empty split has no mean IoU")
    confusions = np.stack([c.confusion for c in counts])
    return MapParts(
        confusions.shape[1],
        np.diagonal(confusions, axis1=1, axis2=2).copy(),
        confusions.sum(2),
        confusions.sum(1),
        np.stack([c.boundary_hits for c in counts]),
        np.stack([c.boundary_union for c in counts]),
        confidences,
    )


def mean_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) mean over what is known of each row of (N, C); NaN where nothing is."""
    is_known = np.isfinite(values)
    count = is_known.sum(1)
    total = np.where(is_known, values, 0.0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class _Regrouped:
    rows: Ints  # places of the rows of the chosen frames, frame by frame
    frames: Ints  # the frame of each, among the chosen


def _regroup(frames: Ints, num_frames: int, places: Sequence[int]) -> _Regrouped:
    counts = np.bincount(frames, minlength=num_frames)
    starts = np.cumsum(counts) - counts
    chosen = np.asarray(places, np.int64)
    rows = [np.arange(starts[p], starts[p] + counts[p]) for p in chosen]
    return _Regrouped(
        _join(rows, np.int64), np.repeat(np.arange(len(chosen)), counts[chosen])
    )


def _list_positive(counts: Ints) -> list[frozenset[int]]:
    """The places of each row (N, C) that are above 0."""
    return [frozenset(np.flatnonzero(row).tolist()) for row in counts]


def _divide_ious(hits: Ints, truth: Ints, found: Ints) -> NDArray[np.float64]:
    union = truth + found - hits
    return np.where(truth > 0, hits / np.maximum(union, 1), np.nan)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _join(parts: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
