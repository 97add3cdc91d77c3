"""How near the nearest part of an object is, from a depth image and its box: told from what lies behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Depth = NDArray[np.floating]
LEAST_KNOWN = 0.2  # of the pixels of the middle that must have a depth
_LEAST_SHARE = (
    0.2  # of those, for what is nearest to be the object and no speck before it
)
_GAP = 0.02  # of the depth, between an object and what lies behind
# 4 % lie sqrt(4) - 1 times as far behind 1 % as these behind a corner, 4 - 1 times behind an edge
_NEAR_PERCENT = (1.0, 4.0)
_BEYOND, _DOUBT = 0.67, 0.4
_GAP_SIGMAS = 6.0


@dataclass(frozen=True)
class Near:
    """Depth of the nearest part, its standard error, and depth of the furthest that is seen, m; by how many pixels."""

    near_m: float
    sigma_m: float
    far_m: float
    num_px: int


def measure_near(
    depth_m: Depth,
    box_xyxy: Sequence[float],
    sigma_m: float,
    others_xyxy: Sequence[Sequence[float]] = (),
) -> Near | str:
    """The nearest depth of the object that a box (px of the depth image) is around; or why it cannot be told.

    `depth_m` (H, W), 0 or not finite where nothing is known; `sigma_m` the standard error of a pixel. Pixels within
    `others_xyxy`, the boxes of other objects, are not looked at: they may show these. The object is what is nearest in
    the middle half of the box and hangs together; the mean of the box would be between it and what lies behind.
    """
    height, width = depth_m.shape
    left, top = (max(0, int(np.floor(v))) for v in box_xyxy[:2])
    right, bottom = (
        min(width, int(np.ceil(box_xyxy[2]))),
        min(height, int(np.ceil(box_xyxy[3]))),
    )
    if right - left < 3 or bottom - top < 3:
        return "its box has fewer than 3 px on a side in the depth image"
    part: NDArray[Any] = np.nan_to_num(
        np.asarray(depth_m[top:bottom, left:right], np.float32), nan=0.0, posinf=0.0
    )
    is_free = np.ones(part.shape, bool)
    for other in others_xyxy:
        x_min, y_min, x_max, y_max = (round(v) for v in other)
        is_free[
            max(0, y_min - top) : max(0, y_max - top),
            max(0, x_min - left) : max(0, x_max - left),
        ] = False
    # a median of nine: single pixels at edges lie between object and background
    part = cv2.medianBlur(part, 3)
    is_known = (part > 0) & is_free
    rows, columns = (slice(n // 4, max(n // 4 + 1, n - n // 4)) for n in part.shape)
    middle = np.zeros(part.shape, bool)
    middle[rows, columns] = True
    inner: NDArray[Any] = np.sort(part[is_known & middle])
    if len(inner) < max(5, LEAST_KNOWN * middle.sum()):
        is_hidden = (is_free & middle).sum() < 0.5 * middle.sum()
        why = "other boxes cover its middle" if is_hidden else "its middle has no depth"
        return f"{why}: {len(inner)} of {middle.sum()} px"
    low, high = _find_nearest(inner, sigma_m)
    margin = max(_GAP * high, _GAP_SIGMAS * sigma_m)
    is_near = is_known & (part >= low - margin) & (part <= high + margin)
    mine = part[_hang_together(is_near, middle & (part >= low) & (part <= high))]
    near, later = np.percentile(mine, _NEAR_PERCENT)
    # seen pixels by depth grow with it from an edge or a ball on, with its square from a corner on
    reach = float(later - near)
    first = float(near) - _BEYOND * reach
    sigma = float(np.hypot(sigma_m, _DOUBT * reach))
    return Near(first, sigma, float(np.percentile(mine, 98)), len(mine))


def _find_nearest(inner: NDArray[Any], sigma_m: float) -> tuple[float, float]:
    """From where to where the nearest depths reach that are a fair part of the middle (sorted)."""
    jumps = np.diff(inner)
    bound = np.maximum(_GAP * inner[:-1], _GAP_SIGMAS * sigma_m)
    cuts = [0, *(np.flatnonzero(jumps > bound) + 1).tolist(), len(inner)]
    for start, stop in pairwise(cuts):
        if stop - start >= _LEAST_SHARE * len(inner):
            return float(inner[start]), float(inner[stop - 1])
    return float(inner[0]), float(inner[-1])


def _hang_together(
    is_near: NDArray[np.bool_], seeds: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The part of the pixels that hangs together with most of the seeds."""
    _, parts = cv2.connectedComponents(is_near.astype(np.uint8), connectivity=4)
    counts = np.bincount(parts[seeds & is_near])
    counts[:1] = 0
    return np.asarray(parts == counts.argmax())
