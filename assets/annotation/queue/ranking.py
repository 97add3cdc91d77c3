"""What a strategy says of frames: their order, the number behind each place, and in words why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNCERTAINTY = "uncertainty"
DISAGREEMENT = "disagreement"
COVERAGE = "coverage"
DRIFT = "drift"
LABEL_ERRORS = "label_errors"
RANDOM = "random"
MIXTURE = "mixture"
# of the budget: what a model is unsure of, frames that answers contradict, what is unlike all that is labelled, what
# has drifted, labels that look wrong. A strategy without frames leaves its share to the others
SHARES = {
    UNCERTAINTY: 0.3,
    COVERAGE: 0.25,
    DISAGREEMENT: 0.2,
    DRIFT: 0.15,
    LABEL_ERRORS: 0.1,
}
STRATEGIES = (MIXTURE, *SHARES, RANDOM)
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """Frames as one strategy would ask them: `places` (K,) best first, `values` (K,) the number behind each.

    `tell` gives the reason of entry k in words, `list_labels` the ids of the labels that it is about.
    """

    strategy: str
    places: Places
    values: NDArray[np.float64]
    tell: Callable[[int], str]
    list_labels: Callable[[int], list[str]] = lambda _: []

    def __len__(self) -> int:
        return len(self.places)


def rank_by(
    strategy: str,
    values: NDArray[np.float64],
    tell: Callable[[float], str],
    is_open: NDArray[np.bool_],
) -> Ranking:
    """The open frames (N,) that have a value above 0, the greatest first; of equals the first."""
    known = np.flatnonzero(is_open & (np.nan_to_num(values) > 0))
    order = known[np.argsort(-values[known], kind="stable")]
    ordered = values[order]
    return Ranking(strategy, order, ordered, lambda k: tell(float(ordered[k])))


def rank_randomly(is_open: NDArray[np.bool_], seed: int) -> Ranking:
    """The open frames (N,) in an order that the seed decides: what every other strategy has to beat."""
    order = np.random.default_rng(seed).permutation(np.flatnonzero(is_open))
    return Ranking(
        RANDOM, order, np.zeros(len(order)), lambda _: f"by chance, seed {seed}"
    )
