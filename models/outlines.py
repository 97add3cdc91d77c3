"""The outline of a mask along the edges of its pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# right, down, left, up: of each the step, and where the pixel on its right lies from the corner that it starts at
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
_INSIDE = ((0, 0), (-1, 0), (-1, -1), (0, -1))


def trace_outline(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Corners (N, 2) in px, x before y, of the outer border of the largest part of a mask (H, W), clockwise on the
    screen. A part is of pixels that share a side; holes stay unsaid. Raises ValueError for a mask without a pixel."""
    if not mask.any():
        raise ValueError("a mask without a pixel has no outline: leave it out")
    part = np.pad(_find_largest(mask), 1)
    y, x = divmod(int(part.ravel().argmax()), part.shape[1])
    start = x, y
    corners = [start]
    at, heading = start, 0
    while True:
        at = at[0] + _STEPS[heading][0], at[1] + _STEPS[heading][1]
        if at == start:
            break
        # to the right first: where two pixels touch at a corner alone, along the same one
        turned = next(t for t in (1, 0, 3) if _is_edge(part, at, (heading + t) % 4))
        if turned:
            corners.append(at)
        heading = (heading + turned) % 4
    return np.array(corners, np.int64) - 1


def _find_largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    _, part, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    found: NDArray[np.bool_] = part == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return found


def _is_edge(part: NDArray[np.bool_], corner: tuple[int, int], heading: int) -> bool:
    """Whether the step from a corner has the part on its right, and not on its left."""
    x, y = corner
    (right_x, right_y), (left_x, left_y) = _INSIDE[heading], _INSIDE[heading - 1]
    return bool(part[y + right_y, x + right_x] and not part[y + left_y, x + left_x])
