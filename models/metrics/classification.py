"""Accuracy, precision, recall and F1 of predicted class ids, from the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class; None where the denominator is zero (a class nobody showed has no recall)."""

    class_id: int
    precision: float | None
    recall: float | None
    f1: float | None
    num_truth: int
    num_predicted: int


@dataclass(frozen=True)
class ClassificationResult:
    """`confusion[t, p]` counts samples of class t that were called p."""

    accuracy: float
    macro_f1: float
    per_class: tuple[ClassFigures, ...]
    confusion: NDArray[np.int64]  # (C, C)
    num_samples: int


def score_classification(
    class_ids: Sequence[int] | NDArray[np.int64],
    predicted_ids: Sequence[int] | NDArray[np.int64],
    num_classes: int,
) -> ClassificationResult:
    """Figures over N samples; both sequences hold N class ids in [0, num_classes).

    Macro F1 is the mean over the classes that occur in the truth or among the predictions, as in scikit-learn: a class
    that is predicted but never true counts 0, one that is neither does not count. Raises ValueError for no samples,
    unequal lengths and ids out of range.
    """
    truth = np.asarray(class_ids, np.int64)
    predicted = np.asarray(predicted_ids, np.int64)
    _require_valid(truth, predicted, num_classes)
    confusion = np.bincount(
        truth * num_classes + predicted, minlength=num_classes**2
    ).reshape(num_classes, num_classes)
    per_class = tuple(
        _score_class(confusion, class_id) for class_id in range(num_classes)
    )
    return ClassificationResult(
        accuracy=float(np.trace(confusion) / len(truth)),
        macro_f1=float(np.mean([c.f1 for c in per_class if c.f1 is not None])),
        per_class=per_class,
        confusion=confusion.astype(np.int64),
        num_samples=len(truth),
    )


def _score_class(confusion: NDArray[np.int64], class_id: int) -> ClassFigures:
    hits = int(confusion[class_id, class_id])
    num_truth = int(confusion[class_id].sum())
    num_predicted = int(confusion[:, class_id].sum())
    return ClassFigures(
        class_id=class_id,
        precision=_divide(hits, num_predicted),
        recall=_divide(hits, num_truth),
        f1=_divide(2 * hits, num_truth + num_predicted),
        num_truth=num_truth,
        num_predicted=num_predicted,
    )


def _divide(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _require_valid(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> None:
    if len(truth) != len(predicted):
        raise ValueError(
            f"{len(truth)} true and {len(predicted)} predicted classes: give one prediction a sample"
        )
    if len(truth) == 0:
        raise ValueError(
            "there are no samples to score: an empty split has no accuracy"
        )
    for name, ids in (("true", truth), ("predicted", predicted)):
        if ids.min() < 0 or ids.max() >= num_classes:
            span = f"{ids.min()}..{ids.max()}"
            raise ValueError(
                f"{name} class ids span {span}: with {num_classes} classes give 0..{num_classes - 1}"
            )
