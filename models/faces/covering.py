"""Cover areas of a picture with one colour, the same for all: nothing of what was there is left to be recognised.

`bench.privacy` attacks this, pixelation, blur and a fill with the mean colour; what is left of a face in those, a
recogniser that has learnt from covered faces still finds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.faces.found import Floats

FILL_RGB = (127, 127, 127)
FILL_DEPTH = 0  # of depth images: not known
MARGIN = 0.35  # of a found face's sides, at each of them: chin, hair and ears


def widen(boxes_xyxy: Floats, margin: float = MARGIN) -> Floats:
    """(N, 4) boxes, larger by `margin` of their sides at each side."""
    sides = np.tile(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 2)
    return boxes_xyxy + sides * margin * np.array([-1.0, -1.0, 1.0, 1.0])


def find_cover(width_px: int, height_px: int, boxes_xyxy: Floats) -> NDArray[np.bool_]:
    """(H, W) where a picture is covered: every pixel that a box touches."""
    is_covered = np.zeros((height_px, width_px), np.bool_)
    low = np.maximum(np.floor(boxes_xyxy[:, :2]), 0).astype(int)
    high = np.maximum(np.ceil(boxes_xyxy[:, 2:]), 0).astype(int)
    for (x_min, y_min), (x_max, y_max) in zip(low.tolist(), high.tolist(), strict=True):
        is_covered[y_min:y_max, x_min:x_max] = True
    return is_covered


def cover(image_rgb: NDArray[np.uint8], boxes_xyxy: Floats) -> NDArray[np.uint8]:
    """A copy of the picture (H, W, 3) with FILL_RGB in all boxes (N, 4) px."""
    height, width = image_rgb.shape[:2]
    covered = image_rgb.copy()
    covered[find_cover(width, height, boxes_xyxy)] = FILL_RGB
    return covered


def cover_depth(depth: NDArray[np.uint16], boxes_xyxy: Floats) -> NDArray[np.uint16]:
    """A copy of the depth image (H, W) with FILL_DEPTH in all boxes (N, 4) px."""
    height, width = depth.shape
    covered = depth.copy()
    covered[find_cover(width, height, boxes_xyxy)] = FILL_DEPTH
    return covered
