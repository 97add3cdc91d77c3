"""Look at the frames of one camera in order, and look again only where something has changed since the last look.

A camera that stands still shows the same background for minutes. The mean colour of each cell of a frame is held
against the one that it had when it was looked at: noise goes, what moves stays. What was found where nothing changed is
found still. Every so many frames all of a frame is looked at, and always where half of it has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.covering import widen
from models.faces.found import Faces, join
from models.faces.tiles import Detector, Tile
from models.tracking.overlaps import find_overlaps

CELL_PX = 8
MIN_CHANGE = 4.0  # of a cell's mean, of 255, in one of its colours
CONTEXT_PX = 64  # around what has changed, for the detector to see it in
MAX_CHANGED = 0.5  # of a frame's area: above it all is looked at
EVERY = 8  # frames: all of each such is looked at
_SAME_IOU = 0.5

Means = NDArray[np.float32]  # (h, w, 3) of cells


@dataclass
class Watcher:
    """What `look` finds in the frames of one camera, given one after the other."""

    look: Detector
    _known: Means = field(default_factory=lambda: np.zeros((0, 0, 3), np.float32))
    _found: Faces = field(default_factory=lambda: join([]))
    _since: int = 0  # frames since all of one was looked at

    def find(self, image_rgb: NDArray[np.uint8]) -> Faces:
        """What is found in the next frame (H, W, 3)."""
        means = average(image_rgb)
        self._since += 1
        if means.shape != self._known.shape or self._since >= EVERY:
            return self._look_at_all(image_rgb, means)
        is_changed = (np.abs(means - self._known) > MIN_CHANGE).any(2)
        if not is_changed.any():
            return self._found
        touches = [_touches(is_changed, box) for box in self._found.boxes_xyxy]
        is_touched = np.array(touches, np.bool_)
        parts = find_parts(is_changed, self._found.boxes_xyxy[is_touched])
        size = image_rgb.shape[0] * image_rgb.shape[1]
        if sum(part.width * part.height for part in parts) > MAX_CHANGED * size:
            return self._look_at_all(image_rgb, means)
        seen = join([self._look_at(image_rgb, means, part) for part in parts])
        self._found = join([_leave_out(self._found, is_touched, seen), seen])
        return self._found

    def _look_at_all(self, image_rgb: NDArray[np.uint8], means: Means) -> Faces:
        self._known, self._since = means, 0
        self._found = self.look(image_rgb)
        return self._found

    def _look_at(self, image_rgb: NDArray[np.uint8], means: Means, part: Tile) -> Faces:
        """What is in a part of the frame, whose cells are known from now on."""
        rows = slice(part.y // CELL_PX, -(-(part.y + part.height) // CELL_PX))
        columns = slice(part.x // CELL_PX, -(-(part.x + part.width) // CELL_PX))
        self._known[rows, columns] = means[rows, columns]
        seen = image_rgb[part.y : part.y + part.height, part.x : part.x + part.width]
        return self.look(np.ascontiguousarray(seen)).move(part.x, part.y)


def average(image_rgb: NDArray[np.uint8]) -> Means:
    """Mean colour of each cell; those at the right and lower edge are filled up with what the edge shows."""
    height, width = image_rgb.shape[:2]
    below, beside = -height % CELL_PX, -width % CELL_PX
    if below or beside:
        edge = cv2.BORDER_REPLICATE
        filled = cv2.copyMakeBorder(image_rgb, 0, below, 0, beside, edge)
        image_rgb = np.asarray(filled, np.uint8)
    size = (width + beside) // CELL_PX, (height + below) // CELL_PX
    cells = cv2.resize(image_rgb.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32)


def find_parts(
    is_changed: NDArray[np.bool_], boxes_xyxy: NDArray[np.float64]
) -> list[Tile]:
    """The parts of a frame to look at: what has changed and these boxes with a margin, with CONTEXT_PX around."""
    mask = is_changed.astype(np.uint8)
    for box in widen(boxes_xyxy):
        x_min, y_min, x_max, y_max = _cells(box)
        mask[y_min:y_max, x_min:x_max] = 1
    reach = 2 * (CONTEXT_PX // CELL_PX) + 1
    grown = cv2.dilate(mask, np.ones((reach, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    # the first is what has not changed
    return [Tile(*(int(v) * CELL_PX for v in one[:4])) for one in stats[1:]]


def _leave_out(found: Faces, is_touched: NDArray[np.bool_], seen: Faces) -> Faces:
    """What was found before where nothing has changed, but for what is seen again."""
    is_kept = ~is_touched
    pairs = find_overlaps(found.boxes_xyxy, seen.boxes_xyxy)
    is_kept[pairs.left[pairs.gains >= _SAME_IOU]] = False
    return Faces(found.boxes_xyxy[is_kept], found.scores[is_kept])


def _touches(is_changed: NDArray[np.bool_], box_xyxy: NDArray[np.float64]) -> bool:
    x_min, y_min, x_max, y_max = _cells(box_xyxy)
    return bool(is_changed[y_min:y_max, x_min:x_max].any())


def _cells(box_xyxy: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """The cells that a box reaches into, as a half-open range."""
    low = np.maximum(np.floor(box_xyxy[:2] / CELL_PX), 0).astype(int)
    high = np.maximum(np.ceil(box_xyxy[2:] / CELL_PX), 0).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
