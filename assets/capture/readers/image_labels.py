"""The images of a data set whose labels stand in a document of their own, and what the document may say of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assets.capture.observations import FrameObservation, Problem
from assets.capture.readers.frame_files import FrameFiles
from assets.capture.readers.image_headers import read_header
from assets.capture.readers.layout import list_paths, sensor_of, stem_of
from assets.capture.readers.mask_runs import encode_polygons
from assets.capture.readers.pairing import ImageIndex
from assets.capture.readers.protocol import Opener
from assets.storage import SessionFile
from models.masks import encode_window

PIXELS_A_COLUMN = 40  # pixels of a window that cost as much as one column of a polygon, 0.6 us
_FREE_COLUMNS, _COLUMNS_A_BYTE = 5_000_000, 10

Box = tuple[float, float, float, float]  # xyxy px
Point = tuple[float, float]  # px


class ImageLabels:
    """Reads the images, then finds the one that a label speaks of and knows its size."""

    def __init__(self, reader: str, root: str, images: Sequence[SessionFile], opener: Opener) -> None:
        self._images, self._root = images, root
        self._frames = FrameFiles(reader, root, opener)
        self._index = ImageIndex(images)
        self._sizes_px: dict[str, tuple[int, int]] = {}
        self._named: set[str] = set()
        self._by_number: dict[int, list[SessionFile]] = {}
        for image in images:
            if digits := re.search(r"(\d{1,18})$", stem_of(image.path)):
                self._by_number.setdefault(int(digits[1]), []).append(image)

    def read_frames(self) -> Iterator[FrameObservation | Problem]:
        """All images; to be read before labels are placed in them."""
        for frame in self._frames.read(self._images):
            if isinstance(frame, FrameObservation) and (header := read_header(frame.payload)):
                self._sizes_px[frame.source.path] = (header.width_px, header.height_px)
            yield frame

    def find(self, reference: str, hints: Sequence[str] = ()) -> SessionFile:
        """The image of that name. Raises LookupError with a reason to show."""
        return self._take(self._index.find(reference, hints))

    def find_by_number(self, number: int) -> SessionFile:
        """The image whose name ends with that frame number. Raises LookupError."""
        found = self._by_number.get(number, [])
        if len(found) != 1:
            raise LookupError(f"frame {number} may be any of {list_paths(f.path for f in found)}" if found else
                              f"there is no image whose name ends with frame number {number}")  # fmt: skip
        return self._take(found[0])

    def numbers(self) -> list[int]:
        """The frame numbers that images have, ascending."""
        return sorted(self._by_number)

    def check_size(self, image: SessionFile, stated_px: tuple[int, int] | None) -> tuple[int, int]:
        """(width, height) of an image. Raises ValueError where it is unknown, or not what the labels were drawn on."""
        size_px = self._sizes_px.get(image.path)
        if size_px is None:
            raise ValueError(f"the size of {image.path} is unknown, so nothing can be placed in it")
        if stated_px is not None and stated_px != size_px:
            stated, real = (f"{width}x{height}" for width, height in (stated_px, size_px))
            raise ValueError(f"labels were drawn on {stated} px, {image.path} has {real}: they would lie elsewhere")
        return size_px

    def name_sensor(self, image: SessionFile) -> str:
        return sensor_of(image.path, self._root)

    def note_unnamed(self, notes: dict[str, str]) -> None:
        """Images that no document named go into the notes: they may be empty, or nobody has looked at them."""
        if bare := {i.path for i in self._images} - self._named:
            notes["images that no annotation names"] = list_paths(bare)

    def _take(self, image: SessionFile) -> SessionFile:
        self._named.add(image.path)
        return image


class MaskBudget:
    """What the masks of one label file may cost, in columns of pixels: a short text can ask for hours of drawing."""

    def __init__(self, file_bytes: int) -> None:
        self._columns: float = _FREE_COLUMNS + _COLUMNS_A_BYTE * file_bytes

    def spend(self, columns: float) -> None:
        """Raises ValueError when it is used up."""
        self._columns -= columns
        if self._columns < 0:
            raise ValueError("a mask with which the masks are more than a file of this size may hold")


def outline(points: Sequence[Point], size_px: tuple[int, int], budget: MaskBudget) -> tuple[Box, str]:
    """(box around, mask of) a polygon with corners in px. Raises ValueError for what is no polygon."""
    if len(points) < 3:
        raise ValueError(f"a polygon of {2 * len(points)} numbers")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    steps = zip(points, [*points[1:], points[0]], strict=True)
    budget.spend(sum(max(abs(bx - ax), abs(by - ay)) for (ax, ay), (bx, by) in steps) / 2)  # there and back
    mask = encode_polygons([[value for point in points for value in point]], size_px)
    return (min(xs), min(ys), max(xs), max(ys)), mask


def cover(mask: NDArray[np.bool_], left: int, top: int, size_px: tuple[int, int]) -> tuple[Box, str]:
    """(box around, run lengths of) a mask (h, w) at (left, top) of a frame. Raises ValueError when it is empty."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        raise ValueError("a mask without a pixel")
    x0, y0, x1, y1 = int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
    runs = encode_window(mask[y0:y1, x0:x1], left + x0, top + y0, size_px)
    return (float(left + x0), float(top + y0), float(left + x1), float(top + y1)), runs


def turn(points: Sequence[Point], about: Point, angle_deg: float) -> list[Point]:
    """Points turned clockwise as seen on the screen (y downwards)."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    x0, y0 = about
    return [(x0 + (x - x0) * cos - (y - y0) * sin, y0 + (x - x0) * sin + (y - y0) * cos) for x, y in points]
