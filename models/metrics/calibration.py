"""Calibration: how far a predictor's confidence is from how often it is right, and what brings it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15  # Guo et al. 2017
# of the temperature's logarithm: factors of 0.6 to 1.6 surprise nobody
_PRIOR_LOG_SD = 0.5
# of what is added to log odds: scores trained on the quality of a box may be off by a factor of 4 and more in odds
_PRIOR_SHIFT_SD = 1.5
_TINY = 1e-6  # from a score of 0 or 1, whose log odds are infinite


@dataclass(frozen=True)
class ConfidenceBin:
    """The samples whose confidence lies in (low, high]."""

    low: float
    high: float
    mean_confidence: float
    accuracy: float
    num_samples: int


@dataclass(frozen=True)
class Calibration:
    """What a net's log odds, or logits, are multiplied by, and what is added; the error on the same answers before it
    and after."""

    scale: float
    shift: float
    ece_before: float
    ece_after: float


@dataclass(frozen=True)
class CalibrationResult:
    """`ece` is the mean gap weighted by samples; only bins that hold samples are listed."""

    ece: float
    bins: tuple[ConfidenceBin, ...]
    num_samples: int


def score_calibration(
    confidences: Sequence[float] | NDArray[np.floating[Any]],
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


def score_regions(
    confidences: NDArray[np.float64],
    num_right: NDArray[np.int64],
    num_pixels: NDArray[np.int64],
    num_bins: int = NUM_BINS,
) -> CalibrationResult | None:
    """Calibration over pixels that are known region by region; None where there is no pixel. Its samples are pixels.

    Of each region (N,) the mean confidence of its pixels, how many of them are right, and how many there are. Bins are
    those of `score_calibration`, of regions by their mean.
    """
    total = int(num_pixels.sum())
    if not total:
        return None
    bin_ids = np.clip(np.ceil(confidences * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bin_ids, num_right - confidences * num_pixels, num_bins)
    pixels, right, sure = (
        np.bincount(bin_ids, of_region, num_bins)
        for of_region in (num_pixels, num_right, confidences * num_pixels)
    )
    bins = tuple(
        ConfidenceBin(
            low=m / num_bins,
            high=(m + 1) / num_bins,
            mean_confidence=float(sure[m] / pixels[m]),
            accuracy=float(right[m] / pixels[m]),
            num_samples=int(pixels[m]),
        )
        for m in np.flatnonzero(pixels).tolist()
    )
    return CalibrationResult(float(np.abs(gaps).sum() / total), bins, total)


def fit_odds(scores: NDArray[np.float32], is_hit: NDArray[np.bool_]) -> Calibration:
    """What brings N scores in (0, 1) to the share of answers of such a score that are right.

    Platt, Probabilistic Outputs for Support Vector Machines (1999): sigmoid(scale * log odds + shift), the likeliest
    under normal priors of log scale and of shift around no change. The scale is above 0: the order stays. Raises
    ValueError as `score_calibration` does.
    """
    before = score_calibration(scores, is_hit).ece
    odds = _find_odds(scores)
    signs = np.where(is_hit, 1.0, -1.0)

    def cost(values: NDArray[np.float64]) -> float:
        log_scale, shift = values
        surprise = np.logaddexp(0, -signs * (np.exp(log_scale) * odds + shift)).sum()
        prior = (log_scale / _PRIOR_LOG_SD) ** 2 + (shift / _PRIOR_SHIFT_SD) ** 2
        return float(surprise + 0.5 * prior)

    from scipy.optimize import minimize

    log_scale, shift = minimize(cost, np.zeros(2), bounds=[(-3, 3), (-8, 8)]).x
    scale = float(np.exp(log_scale))
    after = 1 / (1 + np.exp(-(scale * odds + shift)))
    return Calibration(
        scale, float(shift), before, score_calibration(after, is_hit).ece
    )


def fit_sureness(
    probabilities: NDArray[np.float32],
    class_ids: NDArray[np.int64],
    num_independent: int | None = None,
) -> Calibration:
    """`fit_temperature` of N predictions (N, C), with the error of the class that each gives before it and after."""
    temperature = fit_temperature(probabilities, class_ids, num_independent)
    is_right = probabilities.argmax(1) == class_ids
    logits = _find_logits(probabilities) / temperature
    shares = np.exp(logits - logits.max(1, keepdims=True))
    after = (shares / shares.sum(1, keepdims=True)).max(1)
    return Calibration(
        1 / temperature,
        0.0,
        score_calibration(probabilities.max(1).clip(0, 1), is_right).ece,
        score_calibration(after.clip(0, 1), is_right).ece,
    )


def fit_temperature(
    probabilities: NDArray[np.float32],
    class_ids: NDArray[np.int64],
    num_independent: int | None = None,
) -> float:
    """What logits are divided by to be as sure as they are right: of N predictions (N, C) whose classes are known.

    Temperature scaling (Guo et al., section 4.2): the T with the least negative log-likelihood, here with a normal
    prior of log T around 0, so that a few predictions that are all right do not make a net sure of everything.
    Logarithms of probabilities stand for logits, from which they differ by a constant of each prediction.
    `num_independent` is how many the predictions count as against the prior, where they resemble each other, such as
    pixels of an image; None: all of them.
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
    logits = _find_logits(probabilities)
    weight = 1.0 if num_independent is None else num_independent / len(probabilities)
    own = logits[np.arange(len(logits)), class_ids]

    def cost(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        largest = scaled.max(1)
        log_sum = largest + np.log(np.exp(scaled - largest[:, None]).sum(1))
        likelihood = (own / np.exp(log_temperature) - log_sum).sum()
        return float(0.5 * (log_temperature / _PRIOR_LOG_SD) ** 2 - weight * likelihood)

    from scipy.optimize import minimize_scalar

    return float(np.exp(minimize_scalar(cost, bounds=(-3.0, 3.0), method="bounded").x))


def _find_odds(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    share = scores.astype(np.float64).clip(_TINY, 1 - _TINY)
    return np.log(share) - np.log1p(-share)


def _find_logits(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.log(
        np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)
    )


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
