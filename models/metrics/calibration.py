"""Calibration: how far a predictor's confidence is from how often it is right, and what brings it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15  # Guo et al. 2017
# of the temperature's logarithm: factors of 0.6 to 1.6 surprise nobody
_PRIOR_LOG_SD = 0.5


@dataclass(frozen=True)
class ConfidenceBin:
    """The samples whose confidence lies in (low, high]."""

    low: float
    high: float
    mean_confidence: float
    accuracy: float
    num_samples: int


@dataclass(frozen=True)
class CalibrationResult:
    """`ece` is the mean gap weighted by samples; only bins that hold samples are listed."""

    ece: float
    bins: tuple[ConfidenceBin, ...]
    num_samples: int


def score_calibration(
    confidences: Sequence[float] | NDArray[np.float32],
    is_correct: Sequence[bool] | NDArray[np.bool_],
    num_bins: int = NUM_BINS,
) -> CalibrationResult:
    """Expected calibration error over N predictions with confidence in [0, 1].

    Bins are equally wide, open below and closed above: ((m-1)/M, m/M]; confidence 0 goes to the first. Guo et al., On
    Calibration of Modern Neural Networks, ICML 2017, equation 3. Raises ValueError for no samples, unequal lengths and
    confidences outside [0, 1].
    """
    confidence = np.asarray(confidences, np.float64)
    correct = np.asarray(is_correct, bool)
    _require_valid(confidence, correct)
    edges = np.arange(num_bins + 1) / num_bins
    bin_ids = np.clip(
        np.searchsorted(edges, confidence, side="left") - 1, 0, num_bins - 1
    )
    bins = tuple(
        ConfidenceBin(
            low=float(edges[m]),
            high=float(edges[m + 1]),
            mean_confidence=float(confidence[bin_ids == m].mean()),
            accuracy=float(correct[bin_ids == m].mean()),
            num_samples=int((bin_ids == m).sum()),
        )
        for m in np.unique(bin_ids)
    )
    gaps = np.array([abs(b.accuracy - b.mean_confidence) for b in bins])
    weights = np.array([b.num_samples for b in bins]) / len(confidence)
    return CalibrationResult(float(gaps @ weights), bins, len(confidence))


def fit_temperature(
    probabilities: NDArray[np.float32], class_ids: NDArray[np.int64]
) -> float:
    """What logits are divided by to be as sure as they are right: of N predictions (N, C) whose classes are known.

    Temperature scaling (Guo et al., section 4.2): the T with the least negative log-likelihood, here with a normal
    prior of log T around 0, so that a few predictions that are all right do not make a net sure of everything.
    Logarithms of probabilities stand for logits, from which they differ by a constant of each prediction.
    Raises ValueError for no predictions and for class ids that the predictions do not know.
    """
    if (
        not len(probabilities)
        or class_ids.min() < 0
        or class_ids.max() >= probabilities.shape[1]
    ):
        raise ValueError(
            f"{probabilities.shape} predictions and the class ids {sorted(set(class_ids.tolist()))}: give "
            "one id below the number of classes a prediction, and at least one"
        )
    logits = np.log(
        np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)
    )
    own = logits[np.arange(len(logits)), class_ids]

    def cost(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        largest = scaled.max(1)
        log_sum = largest + np.log(np.exp(scaled - largest[:, None]).sum(1))
        likelihood = (own / np.exp(log_temperature) - log_sum).sum()
        return float(0.5 * (log_temperature / _PRIOR_LOG_SD) ** 2 - likelihood)

    from scipy.optimize import minimize_scalar

    return float(np.exp(minimize_scalar(cost, bounds=(-3.0, 3.0), method="bounded").x))


def _require_valid(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> None:
    if len(confidence) != len(correct):
        raise ValueError(
            f"{len(confidence)} confidences and {len(correct)} outcomes: give one outcome a confidence"
        )
    if len(confidence) == 0:
        raise ValueError(
            "there are no predictions to score: an empty split has no calibration error"
        )
    outside = confidence[~((confidence >= 0) & (confidence <= 1))]
    if len(outside):
        raise ValueError(
            f"{len(outside)} confidences lie outside [0, 1], first {outside[0]}: give probabilities"
        )
