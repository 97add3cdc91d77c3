"""How a recipe reads stored images, the same in every epoch: shrunken, or as finely as its crops can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from assets.images import EncodedImage, find_divisor
from models.augment.crop_plan import CropPlan
from models.types import Image

_JPEG = "jpeg"  # the one encoding that is read smaller than it is


class Form(Protocol):
    """One way to read; equal ones give equal pixels."""

    def read(self, stored: EncodedImage) -> tuple[Image, int]:
        """(h, w, 3) uint8 RGB, and by what the sides of the stored one are divided: 1 where they are shrunken."""

    def find_shape(self, size_hw: tuple[int, int], encoding: str) -> tuple[int, int]:
        """Height and width of what `read` gives of an image of this size."""


@dataclass(frozen=True)
class Shrunken:
    """Brought to a long side of at most so many px."""

    long_side_px: int

    def read(self, stored: EncodedImage) -> tuple[Image, int]:
        scale = self.long_side_px / max(stored.size_hw)
        return shrink(stored.read(scale)[0], self.long_side_px), 1

    def find_shape(self, size_hw: tuple[int, int], encoding: str) -> tuple[int, int]:
        scale = self.long_side_px / max(size_hw)
        return _shrink_size(_divide(size_hw, scale, encoding), self.long_side_px)


@dataclass(frozen=True)
class ForCrops:
    """At the scale that the smallest crop needs, so that one picture serves all crops of all epochs.

    Where it then has more pixels than their square, colours that a JPEG keeps at half size are repeated: most crops
    average them, and in those that grow nobody can tell.
    """

    plan: CropPlan

    def suffices(self, size_hw: tuple[int, int], scale: float) -> bool:
        """Whether who looks for that scale of an image of this size finds enough in what `read` gives."""
        divisor = find_divisor(self.plan.find_scale(size_hw))
        return divisor == 1 or divisor * scale <= 1

    def read(self, stored: EncodedImage) -> tuple[Image, int]:
        divisor = find_divisor(self.plan.find_scale(stored.size_hw))
        is_rough = divisor * self.plan.side_px < min(stored.size_hw)
        return stored.read_at(divisor, is_rough)

    def find_shape(self, size_hw: tuple[int, int], encoding: str) -> tuple[int, int]:
        return _divide(size_hw, self.plan.find_scale(size_hw), encoding)


def _divide(size_hw: tuple[int, int], scale: float, encoding: str) -> tuple[int, int]:
    divisor = find_divisor(scale) if encoding == _JPEG else 1
    return -(-size_hw[0] // divisor), -(-size_hw[1] // divisor)


def shrink(image_rgb: Image, long_side_px: int) -> Image:
    """The image with its long side at `long_side_px` where it was longer, by area averaging."""
    height, width = _shrink_size((image_rgb.shape[0], image_rgb.shape[1]), long_side_px)
    if (height, width) == image_rgb.shape[:2]:
        return image_rgb
    return np.asarray(
        cv2.resize(image_rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8
    )


def _shrink_size(size_hw: tuple[int, int], long_side_px: int) -> tuple[int, int]:
    scale = min(1.0, long_side_px / max(size_hw))
    return max(round(size_hw[0] * scale), 1), max(round(size_hw[1] * scale), 1)
