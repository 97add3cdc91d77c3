"""When is it enough? Evidence of a change over sessions, with a bound on false alarms however long one watches.

A test at a rate of 0.01 a session is wrong twice in 200 sessions. Here each figure has a running sum of evidence, an
e-detector (Shin, Ramdas and Rinaldo, E-detectors, 2022): r <- (r + 1) e, where e is the evidence of one session, at
most 1 on average where nothing has changed. The expected number of times that the mean of such sums reaches a threshold
c in n sessions, when all begin anew then, is at most n / c, and figures may depend on each other.

Two sessions that are compared with one small reference do not err independently: where it is off, both are. So a figure
is compared with the reference and with all sessions learnt since (a self-starting chart; Hawkins 1987), which makes
successive comparisons independent where recordings scatter normally. A session is learnt some sessions later, when the
figure is calm, with all that waited before it: so a change does not teach its own normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.metrics.drift import MAX_DEGREES, MIN_UNITS

SESSIONS = 200
MAX_FALSE_ALARMS = 1.0  # to be expected in SESSIONS sessions without a change
# few or skewed reference recordings alarm up to twice as often as the bound: bench/alarms.py
_MARGIN = 2.0
THRESHOLD = _MARGIN * SESSIONS / MAX_FALSE_ALARMS
# evidence below which sessions are learnt. Less would drop all that is extreme, and take the rest for the whole
_CALM = 30.0
# a smaller baseline is joined by all sessions: one that is off by chance would be so for ever
_ENOUGH = 8
_LAG = 5  # sessions that a change has to become evident before it could be learnt
_SMALLEST_P = 1e-300

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """What T sessions say of S figures, one after the other: evidence (T, S), its mean (T,), and where that alarms.

    Evidence stands as it was before an alarm set it back.
    """

    evidence: Floats
    total: Floats
    is_alarm: NDArray[np.bool_]


def to_evidence(p_values: ArrayLike) -> Floats:
    """Evidence against "nothing has changed": at most 1 on average where p-values are valid, and large for small ones.

    The mean of k p^(k - 1) over all k in (0, 1): (1 - p + p ln p) / (p ln(p)^2) (Vovk and Wang, E-values, 2021).
    """
    p = np.clip(np.asarray(p_values, np.float64), _SMALLEST_P, 1.0 - 1e-9)
    log = np.log(p)
    # near 1 the quotient is 0 / 0, and its limit 1/2
    exact = (1.0 - p + p * log) / (p * log**2)
    return np.asarray(np.where(p > 0.999, 0.5, exact))


def chart(
    distances: ArrayLike,
    num_reference: ArrayLike,
    is_one_sided: ArrayLike,
    threshold: float = THRESHOLD,
    learns_alarms: bool = False,
) -> Chart:
    """Follow S figures over T sessions in the order in which they were judged.

    `distances` (T, S): how far each session is from the reference, in standard deviations of the prediction; NaN where
    it has no such figure. `num_reference` (S,): recordings that these are measured by. `is_one_sided` (S,): only
    greater distances count. `learns_alarms`: what an alarm was about is learnt with it, so that a difference that
    stays is told once; else it is told each time that its evidence suffices again. Raises ValueError for distances that
    are infinite, and fewer than MIN_UNITS recordings.
    """
    z = np.asarray(distances, np.float64)
    _require_valid(z, np.asarray(num_reference))
    baseline = _Baseline(z, np.asarray(num_reference, np.float64))
    one_sided = np.asarray(is_one_sided, bool)
    evidence = np.zeros(z.shape)
    total = np.zeros(len(z))
    is_alarm = np.zeros(len(z), bool)
    running = np.zeros(z.shape[1])
    is_known = np.zeros(z.shape[1], bool)
    for k, row in enumerate(z):
        is_seen = ~np.isnan(row)
        is_known |= is_seen
        gained = to_evidence(baseline.test(row, one_sided))
        running = np.where(is_seen, (running + 1.0) * gained, running)
        evidence[k] = running
        total[k] = running.sum() / max(int(is_known.sum()), 1)
        is_alarm[k] = total[k] >= threshold
        baseline.learn(k + 1, baseline.is_small)
        baseline.learn(k + 1 - _LAG, running <= _CALM)
        if is_alarm[k]:
            running = np.zeros_like(running)
            if learns_alarms:
                baseline.learn(k + 1, np.ones_like(is_known))
            else:
                baseline.skip(k + 1)
    return Chart(evidence, total, is_alarm)


class _Baseline:
    """What each figure is compared with: the reference, as so many values of mean 0, and the sessions learnt since."""

    def __init__(self, distances: Floats, num_reference: Floats) -> None:
        is_seen = ~np.isnan(distances)
        seen = np.where(is_seen, distances, 0.0)
        sums = np.stack([is_seen.astype(np.float64), seen, seen**2], axis=1)
        # (T + 1, 3, S): count, sum and sum of squares of the first k sessions
        self._first = np.concatenate(
            [np.zeros((1, *sums.shape[1:])), np.cumsum(sums, axis=0)]
        )
        # of a recording in units of the deviation of a prediction, which is wider by the error of the mean
        self._least = num_reference / (num_reference + 1.0)
        squares = (num_reference - 1.0) * self._least
        self._known = np.stack([num_reference, 0.0 * num_reference, squares])  # (3, S)
        self._learnt = np.zeros(len(num_reference), np.int64)  # sessions, per figure

    @property
    def is_small(self) -> NDArray[np.bool_]:
        """Figures (S,) that are compared with fewer than _ENOUGH recordings."""
        return np.asarray(self._known[0] < _ENOUGH)

    def test(self, row: Floats, is_one_sided: NDArray[np.bool_]) -> Floats:
        """p-value (S,) of each figure of one session; NaN stays NaN."""
        from scipy import special

        count, total, squares = self._known
        mean = total / count
        # a reference that scatters less than its tolerance is not taken for one that scatters not at all
        variance = np.maximum((squares - total * mean) / (count - 1.0), self._least)
        distance = (row - mean) / np.sqrt(variance * (1.0 + 1.0 / count))
        degrees = np.minimum(count - 1.0, MAX_DEGREES)
        sides = np.where(is_one_sided, distance, np.abs(distance))
        # Student's distribution, of which `scipy.stats` takes thirty times as long for a few values
        tail = special.stdtr(degrees, -sides)
        return np.asarray(tail * np.where(is_one_sided, 1.0, 2.0))

    def learn(self, num_sessions: int, is_calm: NDArray[np.bool_]) -> None:
        """Take in what calm figures had in the first `num_sessions`, and had not learnt."""
        until = np.where(is_calm, np.maximum(num_sessions, self._learnt), self._learnt)
        figures = np.arange(len(until))
        self._known += (
            self._first[until, :, figures] - self._first[self._learnt, :, figures]
        ).T
        self._learnt = until

    def skip(self, num_sessions: int) -> None:
        """Learn nothing of what had not been learnt of the first `num_sessions`."""
        self._learnt[:] = num_sessions


def _require_valid(distances: Floats, num_reference: NDArray[np.int64]) -> None:
    if distances.ndim != 2 or distances.shape[1] != len(num_reference):
        raise ValueError(
            f"distances {distances.shape} of {len(num_reference)} figures: give one row a session, one column a figure"
        )
    if np.isinf(distances).any():
        raise ValueError(
            f"{int(np.isinf(distances).sum())} distances are infinite: give their normal scores"
        )
    if len(num_reference) and num_reference.min() < MIN_UNITS:
        raise ValueError(
            f"{num_reference.min()} reference recordings: {MIN_UNITS} are needed"
        )
