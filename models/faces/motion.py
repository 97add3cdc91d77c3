"""From where what a camera sees has come since the frame before, and which cells of a frame that does not explain.

Motion is dense inverse search flow (Kroeger and others, 2016) between halves of two frames. Cells are held against each
other by their mean colours. Where something moves, flow is off by a part of a pixel, so beside a strong edge more may
differ: by what the edge, so much aside, changes of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.found import Faces
from models.faces.tiles import Tile

CELL_PX = 8
MIN_CHANGE = 4.0  # of a cell's mean, of 255, in one of its colours
HALF = 2
_CELL = CELL_PX // HALF  # px of a half
_STILL_PX = 0.2  # of a half: below it nothing has moved
_ERROR_PX = 1.0  # of a half: by how much flow may be off where something has
_MIN_SEEN = 180.0  # of 255, of a cell
_WINDOW_PX = 15, 15  # of a half, around a point
_GRID = (np.mgrid[1:4, 1:4].reshape(2, -1).T / 4)[None]  # shares of a box's sides

Floats = NDArray[np.float32]
Grey = NDArray[np.uint8]  # (h, w)


@dataclass(frozen=True)
class View:
    """A frame at half its size, in whole cells: colours (h, w, 3), and grey (h, w)."""

    colours: NDArray[np.uint8]
    grey: Grey


@dataclass(frozen=True)
class Known:
    """What was looked at, as it was then and where it is now: colours (h, w, 3) of the half, and 255 where a place was
    looked at, 0 where it was not, (h, w); and where flow has moved it since, (h, w)."""

    colours: NDArray[np.uint8]
    is_seen: Grey
    is_moved: Grey


@dataclass(frozen=True)
class Motion:
    """Between two views: `origin_px` (h, w, 2), the place in the view before of what is at each place now, in px of the
    half, and whether that is another place, (h, w)."""

    before: View
    now: View
    origin_px: Floats
    is_moved: NDArray[np.bool_]


def halve(image_rgb: NDArray[np.uint8]) -> View:
    """A frame (H, W, 3); where its sides are no whole cells, they are filled up with what the edge shows."""
    height, width = image_rgb.shape[:2]
    below, beside = -height % CELL_PX, -width % CELL_PX
    if below or beside:
        edge = cv2.BORDER_REPLICATE
        filled = cv2.copyMakeBorder(image_rgb, 0, below, 0, beside, edge)
        image_rgb = np.asarray(filled, np.uint8)
    size = (width + beside) // HALF, (height + below) // HALF
    colours = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    return View(np.asarray(colours, np.uint8), np.asarray(grey, np.uint8))


def find_motion(now: View, before: View) -> Motion:
    """Of two views of one size. In small ones nothing is said to have moved."""
    flow = _find_flow(now.grey, before.grey)
    is_moved = np.maximum(np.abs(flow[..., 0]), np.abs(flow[..., 1])) >= _STILL_PX
    flow[~is_moved] = 0
    return Motion(before, now, _places(*now.grey.shape) + flow, is_moved)


def _find_flow(now: Grey, before: Grey) -> Floats:
    """(h, w, 2) px. The search begins at most so coarse that the shorter side has two of its patches: beyond that it
    ends the process where one side is much longer than the other (OpenCV 5.0.0)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = np.zeros((*now.shape, 2), np.float32)
    coarsest = int(np.log2(max(1.0, min(now.shape) / (2 * search.getPatchSize()))))
    if coarsest < search.getFinestScale():
        return flow
    search.setCoarsestScale(coarsest)
    return np.asarray(search.calc(now, before, flow), np.float32)


def know_nothing(height: int, width: int) -> Known:
    """Of a view of that size."""
    nothing = np.zeros((height, width), np.uint8)
    return Known(np.zeros((height, width, 3), np.uint8), nothing, nothing.copy())


def learn(known: Known, view: View, part: Tile) -> None:
    """A part of the frame is known from now on as it is."""
    halves = part.cut(HALF)
    known.colours[halves] = view.colours[halves]
    known.is_seen[halves] = 255
    known.is_moved[halves] = 0


def carry(known: Known, motion: Motion) -> Known:
    """What is known, where it is now; what comes in from outside is not seen."""
    origin, edge = motion.origin_px, cv2.BORDER_REPLICATE
    is_moved = _take(known.is_moved, origin, cv2.INTER_LINEAR, edge)
    return Known(
        _take(known.colours, origin, cv2.INTER_LINEAR, edge),
        _take(known.is_seen, origin, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT),
        is_moved | motion.is_moved.astype(np.uint8),
    )


def carry_cells(cells: NDArray[np.bool_], motion: Motion) -> NDArray[np.bool_]:
    """Cells of the frame before, where they are now, with those around them."""
    middle = slice(_CELL // 2, None, _CELL)
    origin = ((motion.origin_px[middle, middle] + 0.5) / _CELL - 0.5).astype(np.float32)
    there = _take(
        cells.astype(np.uint8), origin, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT
    )
    return np.asarray(cv2.dilate(there, np.ones((3, 3), np.uint8)) > 0)


def _take(values: Grey, origin_px: Floats, method: int, border: int) -> Grey:
    """At each place the value that stands at its origin."""
    x, y = origin_px[..., 0], origin_px[..., 1]
    return np.asarray(cv2.remap(values, x, y, method, borderMode=border), np.uint8)


def move(found: Faces, motion: Motion) -> Faces:
    """Boxes of the frame before where what most of each shows is now."""
    return _follow(found, motion.before.grey, motion.now.grey)


def move_back(found: Faces, motion: Motion) -> Faces:
    """Boxes of a frame where what most of each shows was in the frame before."""
    return _follow(found, motion.now.grey, motion.before.grey)


def find_new(now: View, known: Known) -> NDArray[np.bool_]:
    """(rows, columns) of cells: what was looked at does not explain what is seen."""
    means, known_means = average(now.colours), average(known.colours)
    off = _ERROR_PX / _CELL * average(known.is_moved)[..., None]
    differs = np.abs(means - known_means) > MIN_CHANGE + off * _edges(known_means)
    return np.asarray(differs.any(2) | (average(known.is_seen) < _MIN_SEEN))


def average(values: NDArray[Any]) -> Floats:
    """Mean of each cell of a half, (h, w, ...)."""
    height, width = values.shape[:2]
    size = width // _CELL, height // _CELL
    cells = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32)


def _edges(means: Floats) -> Floats:
    """Of each cell and colour: by how much its neighbours differ from it, beside it and above and below."""
    down = np.abs(np.diff(means, axis=0, prepend=means[:1], append=means[-1:]))
    across = np.abs(np.diff(means, axis=1, prepend=means[:, :1], append=means[:, -1:]))
    return np.asarray(down[1:] + down[:-1] + across[:, 1:] + across[:, :-1])


def _follow(found: Faces, here: Grey, there: Grey) -> Faces:
    """Each box goes as the median of nine points in it does, which is closer than dense flow (Bouguet, 2000); points
    that are lost stay."""
    if not len(found):
        return found
    low, high = found.boxes_xyxy[:, None, :2], found.boxes_xyxy[:, None, 2:]
    points = ((low + _GRID * (high - low)) / HALF).astype(np.float32)
    asked = points.reshape(-1, 1, 2)
    moved, is_found, _ = cv2.calcOpticalFlowPyrLK(
        here, there, asked, asked.copy(), winSize=_WINDOW_PX
    )
    ways = (moved.reshape(points.shape) - points) * HALF
    ways[is_found.reshape(points.shape[:2]) == 0] = 0
    come = np.round(np.median(ways, axis=1), 1)  # less than a tenth of a px is noise
    return Faces(found.boxes_xyxy + np.tile(come, 2), found.scores)


def find_cells(box_xyxy: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """The cells that a box reaches into, as a half-open range."""
    low = np.maximum(np.floor(box_xyxy[:2] / CELL_PX), 0).astype(int)
    high = np.maximum(np.ceil(box_xyxy[2:] / CELL_PX), 0).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


@cache
def _places(height: int, width: int) -> Floats:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x, y], 2).astype(np.float32)
