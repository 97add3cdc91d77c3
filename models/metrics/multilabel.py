"""How well are the classes found that an image shows, where it may show several?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_average_precision(
    scores: NDArray[np.float32], shown: NDArray[np.float32]
) -> float:
    """Mean over the classes that occur of the area under precision and recall, as scikit-learn's average precision.

    (N, C) scores in any unit, and 1 where the image shows the class. Raises ValueError when none does.
    """
    from sklearn.metrics import average_precision_score

    occurs = shown.any(0)
    if not occurs.any():
        raise ValueError(
            f"none of {len(shown)} images shows a class: move labelled frames to this split"
        )
    return float(
        np.mean(
            [
                average_precision_score(shown[:, c], scores[:, c])
                for c in np.flatnonzero(occurs)
            ]
        )
    )


def micro_f1(found: NDArray[np.bool_], shown: NDArray[np.float32]) -> float:
    """F1 over all decisions (N, C) together; 0 where nothing was found and nothing was there to find."""
    hits = float((found * shown).sum())
    total = float(found.sum() + shown.sum())
    return 2 * hits / total if total else 0.0
