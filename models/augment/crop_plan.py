"""Which crops a recipe draws, and how fine an image must be for all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

ASPECT = 4 / 3  # the widest; the tallest is one over it


@dataclass(frozen=True)
class CropPlan:
    """The crops that a recipe draws: squares of `side_px`, each from a share of an image's area."""

    side_px: int
    area: tuple[float, float]

    def find_scale(self, size_hw: tuple[int, int]) -> float:
        """The scale of the image at which no crop of it has fewer pixels than the square, where the image has them."""
        height, width = size_hw
        smallest = math.sqrt(height * width * self.area[0] / ASPECT)
        return self.side_px / max(1, math.floor(min(smallest, height, width)))
