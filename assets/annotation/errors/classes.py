"""Which classes of images look wrong, by probabilities that did not learn from them.

After confident learning (Northcutt, Jiang and Chuang, 2021): what a model is usually sure of a class is what it is
measured by, so a class that it confuses often does not become suspicious as a whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.annotation.errors.suspects import (
    FAULTS,
    WRONG_CLASS,
    Suspects,
    average_by_class,
    nowhere,
)


def suspect_classes(
    frame: NDArray[np.int64],
    given: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> Suspects:
    """One suspect a label: `frame` and `given`, the class of its label, (N,); `probabilities` (N, C), out of sample.

    Raises ValueError for probabilities of other labels, and a class that has none.
    """
    if probabilities.shape[:1] != given.shape:
        raise ValueError(
            f"{len(probabilities)} answers for {len(given)} labels: one each is needed"
        )
    num_classes = probabilities.shape[1]
    if len(given) and not 0 <= given.min() <= given.max() < num_classes:
        raise ValueError(
            f"a label is of class {given.max()}, and answers tell {num_classes} classes: leave it out"
        )
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    typical = average_by_class(given, own, num_classes)
    lead = probabilities - typical
    mine = lead[rows, given]
    rivals = lead.copy()
    rivals[rows, given] = -np.inf
    rival = (
        rivals.argmax(1)
        if num_classes > 1 and len(given)
        else np.zeros(len(given), np.int64)
    )
    best = rivals[rows, rival] if num_classes > 1 else mine
    return Suspects(
        frame,
        rows,
        np.full(len(given), FAULTS.index(WRONG_CLASS)),
        rival.astype(np.int64),
        nowhere(len(given)),
        np.clip((best - mine + 1.0) / 2.0, 0.0, 1.0),
    )
