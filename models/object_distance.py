"""How far an object is, by a depth image of the camera that sees it: the depth of the middle of its box.

Edges of a box show what lies behind, so the outer half is not looked at, and of the rest the median tells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_KNOWN = 0.2  # of the pixels of the middle that must have a depth


def measure_distance(
    depth_m: NDArray[np.floating], box_xyxy: NDArray[np.floating]
) -> float | None:
    """Metres along the axis of the camera; None where too few pixels of the middle have a depth.

    `depth_m` (H, W), 0 or not finite where nothing is known; `box_xyxy` (4,) in its pixels, which may reach out of it.
    """
    x_min, y_min, x_max, y_max = np.asarray(box_xyxy, np.float64)
    across, down = (
        _take_middle(low, high, size)
        for low, high, size in (
            (x_min, x_max, depth_m.shape[1]),
            (y_min, y_max, depth_m.shape[0]),
        )
    )
    middle = depth_m[down, across]
    known = middle[np.isfinite(middle) & (middle > 0)]
    if not middle.size or len(known) < MIN_KNOWN * middle.size:
        return None
    return float(np.median(known))


def _take_middle(low: float, high: float, size: int) -> slice:
    """Pixels of the middle half between two sides, one at least where it lies inside."""
    quarter = (high - low) / 4
    start = int(np.floor(low + quarter))
    stop = max(start + 1, int(np.ceil(high - quarter)))
    return slice(int(np.clip(start, 0, size)), int(np.clip(stop, 0, size)))
