"""Parts of a large image, in which small faces are as large as a detector needs them, and the image as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.found import Faces, join

MAX_SIDE_PX = 960  # of what a detector is given
OVERLAP_PX = 128  # a face up to this size lies whole in one tile

Detector = Callable[[NDArray[np.uint8]], Faces]


@dataclass(frozen=True)
class Tile:
    """A part of an image, in px of it."""

    x: int
    y: int
    width: int
    height: int


def find_everywhere(
    image_rgb: NDArray[np.uint8], detectors: tuple[Detector, ...]
) -> Faces:
    """What any of the detectors finds in an image (H, W, 3): in all of it, made smaller where it is large, and in its
    tiles then."""
    height, width = image_rgb.shape[:2]
    scale = min(1.0, MAX_SIDE_PX / max(height, width))
    whole = _shrink(image_rgb, scale)
    found = [detect(whole).move(0, 0, scale) for detect in detectors]
    for tile in cut(width, height) if scale < 1 else ():
        part = image_rgb[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        found += [
            detect(np.ascontiguousarray(part)).move(tile.x, tile.y)
            for detect in detectors
        ]
    return join(found).clip(width, height)


def cut(width_px: int, height_px: int) -> list[Tile]:
    """Tiles of at most MAX_SIDE_PX that cover an image, as few and as small as can be, OVERLAP_PX over each other."""
    return [
        Tile(x, y, width, height)
        for y, height in _cut_side(height_px)
        for x, width in _cut_side(width_px)
    ]


def _cut_side(length: int) -> list[tuple[int, int]]:
    """(start, length) of the parts of a side."""
    if length <= MAX_SIDE_PX:
        return [(0, length)]
    count = -(-(length - OVERLAP_PX) // (MAX_SIDE_PX - OVERLAP_PX))
    part = -(-(length + (count - 1) * OVERLAP_PX) // count)
    starts = np.linspace(0, length - part, count).astype(int).tolist()
    return [(start, part) for start in starts]


def _shrink(image_rgb: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return image_rgb
    height, width = image_rgb.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(
        cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA), np.uint8
    )
