"""Has the world moved? Tests of one new recording against a few reference recordings, with a known false-alarm rate.

Frames of a video resemble their neighbours and recordings differ by scene, so frames are not independent draws: a
two-sample test over frames alarms on every new recording. The unit here is the recording (or a block of consecutive
pictures): each is one mean, and the new mean is judged by how far recordings lie apart. Permutations of n + 1 units
cannot reach a p-value below 1 / (n + 1), so small samples use prediction intervals of the normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_UNITS = 4  # with three (two degrees of freedom) a shift must exceed about thirty deviations to be seen
MAX_DEGREES = 8  # of freedom: more references do not make recordings normal, so the tails stay heavy (bench/drift.py)
# Worst excess over alpha = 0.01 of the harmonic mean among equicorrelated tests: bench/drift.py
DEPENDENCE_MARGIN = 1.7
_EULER_GAMMA = 0.57721566490153286
_SMALLEST_P = 1e-300

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How far a new mean lies from the reference, in standard deviations of its prediction, and how likely by chance.

    `distance` is signed for a single figure and non-negative for a vector. `p_value` is in [0, 1].
    """

    distance: float
    p_value: float


def compare_mean(
    reference: ArrayLike, new: float, tolerance: float = 0.0, length_ratio: float = 1.0
) -> Shift:
    """Test one figure: is `new` a further draw from the population of the `reference` (n,) unit means? Two-sided.

    The prediction interval of one normal observation: t = (new - mean) / (s sqrt(1 + 1/n)) with n - 1 degrees of
    freedom, at most MAX_DEGREES (Hahn and Meeker 1991, section 4.7). `tolerance`, in the figure's unit, joins s as a
    floor: changes of its size are not looked for. `length_ratio` >= 1 is frames per reference unit over frames behind
    `new`: a shorter recording has a noisier mean, at most by that ratio in variance.
    Raises ValueError for fewer than MIN_UNITS references or a value that is not finite.
    """
    from scipy import stats  # seconds to load

    values = _require_units(reference).reshape(-1)
    _require_finite(np.asarray(new), "the new mean")
    n = len(values)
    variance = (values.var(ddof=1) + tolerance**2) * max(
        length_ratio, 1.0
    ) + values.var(ddof=1) / n
    difference = float(new - values.mean())
    if variance == 0.0:
        return (
            Shift(0.0, 1.0)
            if difference == 0.0
            else Shift(np.inf * np.sign(difference), _SMALLEST_P)
        )
    distance = difference / float(np.sqrt(variance))
    return Shift(distance, _clip(2.0 * stats.t.sf(abs(distance), _degrees(n))))


def compare_vector(
    reference: ArrayLike,
    new: ArrayLike,
    tolerance: float = 0.0,
    length_ratio: float = 1.0,
) -> Shift:
    """Test a vector: is `new` (D,) a further draw from the population of the `reference` (n, D) unit means?

    Squared distance to the centroid over the mean squared spread of the references. Both are sums over the directions
    in which recordings differ, so the ratio is about F(v, v (n - 1)) where v counts those directions (Box 1954). v is
    taken from the references as participation ratio, which n - 1 bounds: too small rather than too large, so the
    p-value errs upwards. One-sided; `tolerance` and `length_ratio` as in `compare_mean`.
    """
    from scipy import stats  # seconds to load

    vectors = _require_units(reference)
    point = np.asarray(new, np.float64)
    _require_finite(point, "the new mean vector")
    n = len(vectors)
    centred = vectors - vectors.mean(axis=0)  # (n, D)
    gram = centred @ centred.T  # (n, n) shares its eigenvalues with the scatter matrix
    spread = float(np.trace(gram)) / (n - 1)
    variance = (spread + tolerance**2) * max(length_ratio, 1.0) + spread / n
    squared = float(np.square(point - vectors.mean(axis=0)).sum())
    if variance == 0.0:
        return Shift(0.0, 1.0) if squared == 0.0 else Shift(np.inf, _SMALLEST_P)
    directions = (
        float(np.trace(gram)) ** 2 / float(np.square(gram).sum())
        if spread > 0.0
        else 1.0
    )
    ratio = squared / variance
    return Shift(
        float(np.sqrt(ratio)),
        _clip(stats.f.sf(ratio, directions, directions * _degrees(n))),
    )


def combine_p_values(p_values: ArrayLike) -> float:
    """One p-value for "none of these (k,) has moved", valid when the tests depend on each other.

    Harmonic mean with its Landau tail (Wilson 2019, PNAS 116), times DEPENDENCE_MARGIN when there is more than one.
    Unlike Bonferroni it gains from several figures that move together, as they do when the light goes.
    """
    from scipy import stats  # seconds to load

    p = np.maximum(np.asarray(p_values, np.float64).reshape(-1), _SMALLEST_P)
    _require_finite(p, "a p-value")
    if not len(p) or p.max() > 1.0:
        raise ValueError(f"p-values must be in [0, 1] and at least one: {p.tolist()}")
    if len(p) == 1:
        return float(p[0])
    location = np.log(len(p)) + 1.0 - _EULER_GAMMA - np.log(2.0 / np.pi)
    tail = stats.landau.sf(float(np.mean(1.0 / p)), loc=location, scale=np.pi / 2.0)
    return _clip(DEPENDENCE_MARGIN * tail)


def adjust_p_values(p_values: ArrayLike) -> Floats:
    """p-values (k,) that keep the family's false-alarm rate: each may be compared with alpha itself.

    Closed testing over `combine_p_values`: a figure counts as moved only if every set of figures that holds it does.
    The worst set of each size holds the figure and the largest other p-values, so k sets a figure are enough.
    """
    p = np.asarray(p_values, np.float64).reshape(-1)
    order = np.argsort(-p)
    adjusted = np.empty_like(p)
    for i in range(len(p)):
        others = p[order[order != i]]
        adjusted[i] = max(
            combine_p_values(np.append(others[:size], p[i])) for size in range(len(p))
        )
    return adjusted


def average_units(
    values: ArrayLike, units: ArrayLike
) -> tuple[Floats, NDArray[np.int64]]:
    """Means of the rows of `values` (N, D) over each unit id in `units` (N,): (U, D), and rows per unit (U,)."""
    rows = np.asarray(values, np.float64)
    names, index, counts = np.unique(
        np.asarray(units), return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, index, rows)
    return sums / counts[:, None], counts.astype(np.int64)


def split_consecutive(num_frames: int, num_blocks: int) -> NDArray[np.int64]:
    """Block id (num_frames,) of each picture in order: blocks of near-equal length keep neighbours together."""
    return (np.arange(num_frames, dtype=np.int64) * num_blocks) // num_frames


def _degrees(num_units: int) -> int:
    return min(num_units - 1, MAX_DEGREES)


def _require_units(reference: ArrayLike) -> Floats:
    values = np.asarray(reference, np.float64)
    if len(values) < MIN_UNITS:
        raise ValueError(
            f"{len(values)} reference recordings: the stated false-alarm rate needs at least {MIN_UNITS}"
        )
    _require_finite(values, "a reference mean")
    return values


def _require_finite(values: NDArray[np.float64], what: str) -> None:
    if not np.isfinite(values).all():
        raise ValueError(f"{what} is not finite: recompute the figures it comes from")


def _clip(p_value: float) -> float:
    return float(min(max(p_value, _SMALLEST_P), 1.0))
