"""How far a figure on a test part may lie from that on all such data: the bootstrap over what was drawn independently.

Frames of one recording resemble each other, so units are drawn, not frames: a unit's frames count as often as it is
drawn. Percentiles of the figure over many draws bound it (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_UNITS = 8  # fewer draw too few different test parts to say anything
SHARE = 0.95  # of the draws lie between the bounds
_NUM_DRAWS = 500
_RECALL_LEVELS = np.linspace(0, 1, 101)  # COCO's

Weights = NDArray[np.int64]
# (R, N) how often each of N frames counts in each of R draws -> (R,) the figure; NaN where a draw shows nothing of it
Figure = Callable[[Weights], NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """Where the figure lies in SHARE of the draws, and how many units they were drawn from."""

    low: float
    high: float
    num_units: int


def find_interval(
    figure: Figure, units: Sequence[Hashable], seed: int = 0
) -> Interval | None:
    """The interval of a figure over N frames; `units` names what each frame belongs to. The same seed, the same bounds.

    None for fewer than MIN_UNITS units, and where more than 1 - SHARE of the draws show nothing of the figure.
    """
    names = {unit: place for place, unit in enumerate(dict.fromkeys(units))}
    count = len(names)
    if count < MIN_UNITS:
        return None
    places = np.array([names[unit] for unit in units])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), _NUM_DRAWS)
    values = figure(drawn[:, places])
    known = values[np.isfinite(values)]
    if len(known) < SHARE * _NUM_DRAWS:
        return None
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high), count)


def weigh_share(weights: Weights, is_right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(R,) share of frames that are right; `is_right` (N,)."""
    return np.asarray((weights @ is_right) / weights.sum(1), np.float64)


def weigh_class_ious(
    weights: Weights,
    hits_px: NDArray[np.int64],
    truth_px: NDArray[np.int64],
    found_px: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(R,) mean IoU over the classes that a draw shows, of all pixels together.

    (N, C) pixels of each class in both truth and answer, in the truth, and in the answer.
    """
    hits, truth, found = (weights @ part for part in (hits_px, truth_px, found_px))
    is_shown = truth > 0
    ious = np.where(is_shown, hits / np.maximum(truth + found - hits, 1), 0.0)
    num_shown = is_shown.sum(1)
    return np.where(num_shown > 0, ious.sum(1) / np.maximum(num_shown, 1), np.nan)


def weigh_average_precision(
    weights: Weights,
    num_objects: NDArray[np.int64],
    frames: NDArray[np.int64],
    class_ids: NDArray[np.int64],
    scores: NDArray[np.float64],
    is_hit: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(R,) mean average precision over the classes that a draw shows, as COCO interpolates it.

    (N, C) objects of each class in each frame; of D answers, each (D,), the frame, the class, the score and whether it
    hit.
    """
    total = np.zeros(len(weights))
    num_shown = np.zeros(len(weights))
    for class_id in np.flatnonzero(num_objects.sum(0)):
        mine = np.flatnonzero(class_ids == class_id)
        order = mine[np.argsort(-scores[mine], kind="stable")]
        objects = weights @ num_objects[:, class_id]
        for draw in np.flatnonzero(objects):
            counts = weights[draw, frames[order]]
            hits = np.cumsum(counts * is_hit[order])
            total[draw] += average_precision(
                hits, np.cumsum(counts), int(objects[draw])
            )
        num_shown += objects > 0
    return np.divide(
        total, num_shown, out=np.full(len(weights), np.nan), where=num_shown > 0
    )


def average_precision(
    hits: NDArray[np.int64], found: NDArray[np.int64], num_objects: int
) -> float:
    """COCO's of one class: hits among boxes found so far, from the highest score down."""
    precision = hits / np.maximum(found, 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(hits / num_objects, _RECALL_LEVELS, side="left")
    return float(np.append(envelope, 0.0)[places].mean())
