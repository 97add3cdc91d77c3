"""Parts of a large image, in which small faces are as large as a detector needs them, and the image as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

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

    def cut(self, scale: int = 1) -> tuple[slice, slice]:
        """Its rows and columns in the image, or in one that is `scale` times smaller."""
        below, beside = self.y + self.height, self.x + self.width
        return (
            slice(self.y // scale, below // scale),
            slice(self.x // scale, beside // scale),
        )


def find_everywhere(
    image_rgb: NDArray[np.uint8],
    detectors: tuple[Detector, ...],
    max_side_px: int = MAX_SIDE_PX,
) -> Faces:
    """What any of the detectors finds in an image (H, W, 3): in all of it, made smaller where it is large, and in its
    tiles then. Several look at once: a detector is to bear that."""
    height, width = image_rgb.shape[:2]
    scale = min(1.0, max_side_px / max(height, width))
    whole = _shrink(image_rgb, scale)

    def look(detect: Detector, tile: Tile | None) -> Faces:
        if tile is None:
            return detect(whole).move(0, 0, scale)
        return detect(np.ascontiguousarray(image_rgb[tile.cut()])).move(tile.x, tile.y)

    tiles = [None, *(cut(width, height, max_side_px) if scale < 1 else ())]
    looks = [(detect, tile) for tile in tiles for detect in detectors]
    found = _open_threads().map(look, *zip(*looks, strict=True)) if looks else ()
    return join(list(found)).clip(width, height)


def in_tiles(
    detectors: tuple[Detector, ...], max_side_px: int = MAX_SIDE_PX
) -> Detector:
    """What finds in images of any size what any of the detectors finds in those up to a side."""

    def look(image_rgb: NDArray[np.uint8]) -> Faces:
        return find_everywhere(image_rgb, detectors, max_side_px)

    return look


def cut(width_px: int, height_px: int, max_side_px: int = MAX_SIDE_PX) -> list[Tile]:
    """Tiles of at most that side that cover an image, as few and as small as can be, OVERLAP_PX over each other."""
    return [
        Tile(x, y, width, height)
        for y, height in _cut_side(height_px, max_side_px)
        for x, width in _cut_side(width_px, max_side_px)
    ]


@cache
def _open_threads() -> ThreadPoolExecutor:
    """What looks side by side; each detector computes on one thread."""
    return ThreadPoolExecutor(min(4, os.cpu_count() or 1), "look")


def _cut_side(length: int, max_side_px: int) -> list[tuple[int, int]]:
    """(start, length) of the parts of a side."""
    if length <= max_side_px:
        return [(0, length)]
    overlap = min(OVERLAP_PX, max_side_px // 4)
    count = -(-(length - overlap) // (max_side_px - overlap))
    part = -(-(length + (count - 1) * overlap) // count)
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
