"""Choose places that lie evenly among many: what one looks at where all are too many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spread_evenly(count: int, limit: int) -> NDArray[np.int64]:
    """At most `limit` of `count` places, in order and evenly spaced, the first among them."""
    if count <= limit:
        return np.arange(count)
    return np.arange(limit) * count // limit
