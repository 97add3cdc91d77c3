"""How good are answers without labels? The mean of confidences, brought in line with how often answers are right.

What confidences are worth is learnt on answers whose truth is known, and holds for images like those. How far such an
estimate is off is measured, not assumed: each recording with known truth is estimated from all others. Where that
error, or what is new in the confidences, is too large, there is no estimate. The idea is confidence-based performance
estimation (Guillory and others, Predicting with Confidence on Unseen Distributions, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.metrics.drift import MIN_UNITS

MAX_ERROR = 0.03  # mean absolute error beyond which nothing is said
_MIN_ANSWERS = 50  # with known truth: below it a recording's error is mostly chance
_CHANCE = 0.001  # that truth seems to deny an estimate which is right
# share of new answers that may be less sure than all but a hundredth of the known ones
_MOST_UNSEEN = 0.1
_UNSEEN_BELOW = 0.01
_MAX_LOGIT = 12.0  # float32 has no more
# of slope and offset, around those of a predictor that is as sure as it is right
_PRIOR_SD = np.array([0.5, 1.0])

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KnownAnswers:
    """N answers whose truth is known: confidence and how right each was (N,), in [0, 1], and its recording (N,)."""

    confidence: Floats
    rightness: Floats
    recordings: NDArray[np.int64]

    def __post_init__(self) -> None:
        assert len(self.confidence) == len(self.rightness) == len(self.recordings)

    @property
    def num_recordings(self) -> int:
        """Different recordings."""
        return len(np.unique(self.recordings))


@dataclass(frozen=True)
class Reliability:
    """What confidences are worth, as known answers teach it; where these are too few, or disagree, why it is not known.

    `fitted` (2,) are slope and offset of logits, `error` the mean absolute error of the estimate for a recording of
    `num_usual` answers, None where it cannot be measured. `least` is what all but a hundredth are surer than.
    """

    fitted: Floats
    error: float | None
    num_usual: float
    least: float
    why_not: str = ""


@dataclass(frozen=True)
class Estimate:
    """The expected share of right answers, and the mean absolute error of such an estimate; why there is no value."""

    value: float | None
    error: float | None
    why_not: str = ""


def learn_reliability(known: KnownAnswers) -> Reliability:
    """Fit what confidences are worth, and measure how far estimates are off on recordings that were held out."""
    count = known.num_recordings
    if count < MIN_UNITS or len(known.confidence) < _MIN_ANSWERS:
        few = f"{len(known.confidence)} answers on {count} recordings with known truth"
        needed = f"{_MIN_ANSWERS} on {MIN_UNITS} are needed"
        return Reliability(np.array([1.0, 0.0]), None, 0.0, 0.0, f"{few}, {needed}")
    fitted = fit_reliability(known.confidence, known.rightness)
    least = float(np.quantile(known.confidence, _UNSEEN_BELOW))
    usual = len(known.confidence) / count
    return Reliability(fitted, measure_error(known), usual, least)


def estimate_rightness(reliability: Reliability, confidence: Floats) -> Estimate:
    """The share of M new answers that is expected to be right, from their confidence (M,) alone.

    A session with fewer answers than a recording has is off by more, by the square root of that ratio.
    """
    if not len(confidence):
        return Estimate(None, None, "it has no answer")
    if reliability.error is None:
        return Estimate(None, None, reliability.why_not)
    ratio = max(1.0, reliability.num_usual / len(confidence))
    error = reliability.error * float(np.sqrt(ratio))
    if error > MAX_ERROR:
        told = f"such estimates are off by {error:.3f} on recordings with known truth"
        return Estimate(None, error, f"{told}, more than {MAX_ERROR}")
    unseen = float(np.mean(confidence < reliability.least))
    if unseen > _MOST_UNSEEN:
        told = f"{unseen:.0%} of the answers are less sure than all but 1% of those with known truth"
        return Estimate(None, error, f"{told}, {_MOST_UNSEEN:.0%} may be")
    expected = apply_reliability(reliability.fitted, confidence)
    return Estimate(float(expected.mean()), error)


def is_denied(expected: float, truth: float, num_answers: int) -> bool:
    """Whether the truth of so many answers (the share that is right) denies what was expected, by more than MAX_ERROR.

    A binomial test of either side. It takes answers to be independent; those of one recording are less so, and deny
    somewhat more often than stated.
    """
    from scipy import stats

    num_right = round(truth * num_answers)
    least, most = max(0.0, expected - MAX_ERROR), min(1.0, expected + MAX_ERROR)
    too_few = stats.binom.cdf(num_right, num_answers, least)
    too_many = stats.binom.sf(num_right - 1, num_answers, most)
    return bool(min(too_few, too_many) < _CHANCE / 2)


def measure_error(known: KnownAnswers) -> float:
    """Mean absolute error of estimates of a recording, each by what all other recordings teach."""
    off = []
    for one in np.unique(known.recordings):
        is_held_out = known.recordings == one
        fitted = fit_reliability(
            known.confidence[~is_held_out], known.rightness[~is_held_out]
        )
        expected = apply_reliability(fitted, known.confidence[is_held_out]).mean()
        off.append(abs(expected - known.rightness[is_held_out].mean()))
    return float(np.mean(off))


def fit_reliability(confidence: Floats, rightness: Floats) -> Floats:
    """Slope and offset (2,) that bring the logits of confidences in line with how often answers are right.

    Logistic regression (Platt 1999) with a normal prior around (1, 0), so that few answers change little.
    """
    from scipy.optimize import minimize

    logits = _to_logits(confidence)
    columns = np.stack([logits, np.ones_like(logits)])  # (2, N)
    centre = np.array([1.0, 0.0])

    def cost(fitted: Floats) -> tuple[float, Floats]:
        scaled = fitted @ columns
        likelihood = (np.logaddexp(0.0, scaled) - rightness * scaled).sum()
        off = (fitted - centre) / _PRIOR_SD
        slope = columns @ (1.0 / (1.0 + np.exp(-scaled)) - rightness) + off / _PRIOR_SD
        return float(likelihood + 0.5 * off @ off), slope

    return np.asarray(minimize(cost, centre, jac=True, method="BFGS").x)


def apply_reliability(fitted: Floats, confidence: Floats) -> Floats:
    """How often answers of these confidences (M,) are right."""
    scaled = fitted[0] * _to_logits(confidence) + fitted[1]
    return np.asarray(1.0 / (1.0 + np.exp(-scaled)))


def _to_logits(confidence: Floats) -> Floats:
    least = np.exp(-_MAX_LOGIT)
    inside = np.clip(np.asarray(confidence, np.float64), least, 1.0 - least)
    return np.asarray(np.log(inside) - np.log1p(-inside))
