"""By how much one clock runs behind another: the lag under which two records of one motion agree best, and its error.

Estimators fill a matrix of misfits, one row for each time step of the second record and one column for each lag tried;
what is done with it is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# lags (L,) in s -> squared misfits (K, L); NaN where a record does not reach
Misfits = Callable[[Array], Array]

MAX_LAG_S = 0.5
COARSE_STEP_S = 0.01
FINE_STEP_S = 0.002
FINE_REACH_S = 0.016
MIN_STEPS = 10  # time steps of the record; fewer say nothing about their own scatter
MIN_COVERED = 0.5  # share of steps that a lag must leave inside of both records
# of the jackknife: neighbouring steps lie in one group, as they err together
NUM_GROUPS = 10
MIN_GAIN = 6.0  # summed log misfit by which the best lag must beat the average lag: a rig at rest fits any


@dataclass(frozen=True)
class Lag:
    """The lag in s (positive: the second clock is late), its standard error, and the steps it rests on."""

    lag_s: float
    sigma_s: float
    num_steps: int
    # median squared misfit of a step at the lag, in the unit of the misfits
    misfit: float


def estimate_lag(misfits: Misfits, floor: float) -> Lag:
    """The lag within +-0.5 s at which the sum of log(1 + misfit / scale) is least, by a coarse and a fine search.

    The logarithm keeps a few bad steps from deciding; the scale is the median misfit, at least `floor`. The standard
    error is that of a jackknife over ten blocks of neighbouring steps. Raises ValueError, with the reason, when the
    records do not say: too short, no minimum inside of the range, or none that stays where it is.
    """
    num_coarse = round(MAX_LAG_S / COARSE_STEP_S)
    coarse: Array = (
        np.arange(-num_coarse, num_coarse + 1, dtype=np.float64) * COARSE_STEP_S
    )
    table = misfits(coarse)
    table = table[np.isfinite(table).any(axis=1)]
    covered = np.isfinite(table).sum(axis=0)
    _require_steps(covered.max())
    is_open = covered >= max(MIN_STEPS, MIN_COVERED * covered.max())
    costs = np.nanmean(_tame(table[:, is_open], floor), axis=0)
    best = int(np.argmin(costs))
    center = coarse[is_open][best]
    if float(costs.mean() - costs[best]) * len(table) < MIN_GAIN:
        raise ValueError("the motion is too even to tell one lag from another")
    if best in (0, is_open.sum() - 1):
        raise ValueError(
            f"the records agree best at {1e3 * center:.0f} ms, the end of the range that can be searched"
        )
    num_fine = round(FINE_REACH_S / FINE_STEP_S)
    fine = center + np.arange(-num_fine, num_fine + 1) * FINE_STEP_S
    table = misfits(fine)
    table = table[np.isfinite(table).all(axis=1)]
    _require_steps(len(table))
    return _refine(fine, table, floor)


def _require_steps(num_steps: int) -> None:
    if num_steps < MIN_STEPS:
        raise ValueError(
            f"{num_steps} usable steps in both records: {MIN_STEPS} or more are needed"
        )


def _refine(lags_s: Array, table: Array, floor: float) -> Lag:
    costs = _tame(table, floor)
    groups = np.array_split(np.arange(len(table)), NUM_GROUPS)
    total = costs.sum(axis=0)
    lag_s = _find_minimum(lags_s, total)
    without = np.array(
        [_find_minimum(lags_s, total - costs[g].sum(axis=0)) for g in groups]
    )
    sigma_s = float(
        np.sqrt((NUM_GROUPS - 1) * np.mean((without - without.mean()) ** 2))
    )
    misfit = float(np.median(table[:, int(np.argmin(np.abs(lags_s - lag_s)))]))
    return Lag(lag_s, max(sigma_s, FINE_STEP_S / 10), len(table), misfit)


def _tame(table: Array, floor: float) -> Array:
    """Log misfits. Every row has a finite entry."""
    scale = max(floor, float(np.median(np.nanmin(table, axis=1))))
    return np.asarray(np.log1p(table / scale))


def _find_minimum(lags_s: Array, cost: Array) -> float:
    """Where the parabola through the least value and its neighbours has its vertex; the end itself at an end."""
    i = int(np.argmin(cost))
    if i in (0, len(cost) - 1):
        return float(lags_s[i])
    left, middle, right = cost[i - 1 : i + 2]
    bend = left - 2 * middle + right
    return float(
        lags_s[i]
        + (0.5 * (left - right) / bend if bend > 0 else 0.0) * (lags_s[1] - lags_s[0])
    )
