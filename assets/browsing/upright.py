"""Turn what lies in stored pixels into those of the picture as it is shown, upright, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.formats.annotations.orientation import (
    Box,
    Placement,
    Point,
    Size,
    upright_size,
)

_BACK = {6: 8, 8: 6}  # the others undo themselves


@dataclass(frozen=True)
class Upright:
    """`stored_px` are width and height as stored; `orientation` as Exif has it, 1 where nothing is turned."""

    stored_px: Size
    orientation: int = 1

    @property
    def shown_px(self) -> Size:
        """Width and height as shown."""
        return upright_size(self.stored_px, self.orientation)

    @property
    def _to_shown(self) -> Placement:
        return Placement(self.shown_px, _BACK.get(self.orientation, self.orientation))

    def show_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W) or (H, W, 3) as stored, upright."""
        placed = self._to_shown.place_mask(pixels)
        return np.asarray(placed, np.uint8)

    def show_values(self, values: NDArray[Any]) -> NDArray[Any]:
        """(H, W) values of stored pixels, upright."""
        return np.asarray(self._to_shown.place_mask(values))

    def show_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(H, W) of stored pixels, upright."""
        return np.asarray(self._to_shown.place_mask(mask), bool)

    def show_box(self, box: Box) -> Box:
        """A box of stored pixels, upright."""
        return self._to_shown.place_box(box)

    def show_points(self, points: list[Point]) -> list[Point]:
        """Points of stored pixels, upright."""
        return self._to_shown.place_points(points)

    def store_box(self, box: Box) -> Box:
        """A box that was drawn upright, in stored pixels."""
        return Placement(self.stored_px, self.orientation).place_box(box)

    def store_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(h, w) that was drawn upright, as the (H, W) of stored pixels."""
        placed = Placement(self.stored_px, self.orientation).place_mask(mask)
        return np.asarray(placed, bool)
