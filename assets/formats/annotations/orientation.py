"""Turn what was drawn on an upright picture into the pixels that the file stores (orientation tag of Exif 3.0).

Points are in pixels from the outer corner of the top-left pixel, so a picture of width w mirrors x to w - x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # px
Box = tuple[float, float, float, float]  # xyxy px
Size = tuple[int, int]  # width and height, px

_QUARTER_TURNS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class Placement:
    """How labels lie on a stored picture: as drawn, or on the picture turned upright by `orientation` (1: as drawn)."""

    size_px: Size  # of the picture as stored
    orientation: int = 1

    @property
    def drawn_px(self) -> Size:
        """The size of the picture that the labels were drawn on."""
        return upright_size(self.size_px, self.orientation)

    def place_point(self, point: Point) -> Point:
        """A point of the drawn picture, on the stored one."""
        x, y = point
        width, height = self.size_px
        match self.orientation:
            case 2:
                return width - x, y
            case 3:
                return width - x, height - y
            case 4:
                return x, height - y
            case 5:
                return y, x
            case 6:
                return y, height - x
            case 7:
                return width - y, height - x
            case 8:
                return width - y, x
        return x, y

    def place_points(self, points: Sequence[Point]) -> list[Point]:
        """Points (x, y), px, of the annotation in stored pixels."""
        return [self.place_point(point) for point in points]

    def place_box(self, box: Box) -> Box:
        """The box around the corners."""
        if self.orientation == 1:
            return box
        return order_corners((*self.place_point(box[:2]), *self.place_point(box[2:])))

    def place_mask(self, mask: NDArray[np.generic]) -> NDArray[np.generic]:
        """(h, w) or (h, w, C) values of the drawn picture, as the (H, W) or (H, W, C) of the stored one."""
        match self.orientation:
            case 2:
                return np.fliplr(mask)
            case 3:
                return np.rot90(mask, 2)
            case 4:
                return np.flipud(mask)
            case 5:
                return np.swapaxes(mask, 0, 1)
            case 6:
                return np.rot90(mask, 1)
            case 7:
                return np.swapaxes(np.rot90(mask, 2), 0, 1)
            case 8:
                return np.rot90(mask, -1)
        return mask


def order_corners(box: Box) -> Box:
    """The same box with its first corner at the top left."""
    x0, y0, x1, y1 = box
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def upright_size(size_px: Size, orientation: int) -> Size:
    """The size of a stored picture when it is shown upright."""
    return size_px[::-1] if orientation in _QUARTER_TURNS else size_px
