"""Look at the frames of one camera in order, and look again only where motion does not explain what is seen.

Most of a frame was in the one before: in the same place where the camera stands still, in another where it moves.
Flow tells from where; what was looked at goes along, and so does what was found in it. The mean colour of each cell is
held against the one that it had when it was looked at: noise goes, what is new stays. Every so many frames all of a
frame is looked at, and always where half of it is new.

What is found late was there before, back to where something was new in its place; and what was found and is missed
later is believed until all is looked at once more. So each face has several looks to be found by, though one a frame is
seldom taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.covering import widen
from models.faces.found import Faces, join
from models.faces.motion import (
    CELL_PX,
    Known,
    Motion,
    View,
    carry,
    carry_cells,
    find_cells,
    find_motion,
    find_new,
    halve,
    know_nothing,
    learn,
    move,
    move_back,
)
from models.faces.tiles import Detector, Tile
from models.tracking.overlaps import find_overlaps

CONTEXT_PX = 48  # around what is new, for the detector to see it in
MAX_NEW = 0.5  # of a frame's area: above it all is looked at
EVERY = 8  # frames: all of each such is looked at
WAIT = 2  # frames: of each such, what is new is looked at
_SAME_IOU = 0.5

Image = NDArray[np.uint8]
Places = NDArray[np.bool_]


def watch(images: Iterable[Image], look: Detector) -> Iterator[Faces]:
    """What is found in each of the frames (H, W, 3) of one camera, in order; up to EVERY frames behind."""
    watcher = _Watcher(look)
    pending: list[_Seen] = []
    for image_rgb in images:
        seen = watcher.see(image_rgb)
        _tell_back(pending, seen)
        if seen.is_whole:
            yield from (one.found for one in pending)
            pending = []
        pending.append(seen)
    yield from (one.found for one in pending)


@dataclass
class _Seen:
    """A frame: what is in it, what of that nothing before told of, and how it follows from the frame before."""

    found: Faces
    fresh: Faces
    is_whole: bool  # all of it was looked at
    came: Places  # (rows, columns) of cells that are new since the frame before
    motion: Motion | None


def _tell_back(before: Sequence[_Seen], seen: _Seen) -> None:
    """What is fresh was in the frames before too, back to where something came in its place."""
    faces, after = seen.fresh, seen
    for past in reversed(before):
        faces = faces.choose(~_touch(after.came, faces))
        if after.motion is None or not len(faces):
            return
        faces = move_back(faces, after.motion)
        faces = faces.choose(~_is_among(faces, past.found))
        past.found = join([past.found, faces])
        after = past


@dataclass
class _Watcher:
    look: Detector
    before: View | None = None
    known: Known = field(default_factory=lambda: know_nothing(0, 0))
    is_new: Places = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    found: Faces = field(default_factory=lambda: join([]))
    is_doubtful: Places = field(default_factory=lambda: np.zeros(0, np.bool_))
    since: int = 0  # frames since all of one was looked at

    def see(self, image_rgb: Image) -> _Seen:
        """Look at the next frame, at what is new in it, or not at all."""
        self.since += 1
        view = halve(image_rgb)
        motion = self._follow(view)
        was_new = self.is_new
        self.is_new = find_new(view, self.known)
        came = self.is_new & ~was_new
        parts = self._choose_parts()
        is_whole = len(parts) == 1 and parts[0] == _cover(self.is_new)
        seen = join([self._look_at(image_rgb, view, part) for part in parts])
        fresh = seen.choose(~_is_among(seen, self.found))
        if is_whole:
            self.since = 0
            self._believe(seen)
        elif parts:
            self._replace(seen)
        return _Seen(self.found, fresh, is_whole, came, motion)

    def _follow(self, view: View) -> Motion | None:
        """Take what is known and found to where it is now; None where nothing is before."""
        before, self.before = self.before, view
        if before is None or before.grey.shape != view.grey.shape:
            self.known = know_nothing(*view.grey.shape)
            self.is_new = find_new(view, self.known)
            self.found, self.is_doubtful = join([]), np.zeros(0, np.bool_)
            return None
        motion = find_motion(view, before)
        self.known = carry(self.known, motion)
        self.is_new = carry_cells(self.is_new, motion)
        self.found = move(self.found, motion)
        return motion

    def _choose_parts(self) -> list[Tile]:
        """What of the frame to look at: all of it, what is new, or nothing."""
        touched = self.found.choose(_touch(self.is_new, self.found))
        parts = find_parts(self.is_new, touched.boxes_xyxy)
        num_cells = sum(part.width * part.height for part in parts) / CELL_PX**2
        if self.since >= EVERY or num_cells > MAX_NEW * self.is_new.size:
            return [_cover(self.is_new)]
        return parts if self.since % WAIT == 0 else []

    def _look_at(self, image_rgb: Image, view: View, part: Tile) -> Faces:
        """What is in a part of the frame, which is known from now on."""
        learn(self.known, view, part)
        found = self.look(np.ascontiguousarray(image_rgb[part.cut()]))
        return found.move(part.x, part.y)

    def _believe(self, seen: Faces) -> None:
        """All was looked at. What has not changed and is missed is believed until all is looked at again."""
        is_kept = ~_touch(self.is_new, self.found) & ~self.is_doubtful
        missed = self.found.choose(is_kept & ~_is_among(self.found, seen))
        self.found = join([seen, missed])
        self.is_doubtful = np.arange(len(self.found)) >= len(seen)
        self.is_new = np.zeros_like(self.is_new)

    def _replace(self, seen: Faces) -> None:
        """What is new was looked at. A face that a part cuts is seen in part, and stays as it was."""
        is_kept = ~_touch(self.is_new, self.found)
        kept = self.found.choose(is_kept)
        seen = seen.choose(~_is_among(seen, kept))
        self.found = join([kept, seen])
        doubts = self.is_doubtful[is_kept]
        self.is_doubtful = np.concatenate([doubts, np.zeros(len(seen), np.bool_)])
        self.is_new = np.zeros_like(self.is_new)


def _cover(cells: Places) -> Tile:
    """All of a frame."""
    rows, columns = cells.shape
    return Tile(0, 0, columns * CELL_PX, rows * CELL_PX)


def find_parts(is_new: Places, boxes_xyxy: NDArray[np.float64]) -> list[Tile]:
    """The parts of a frame to look at: what is new and these boxes with a margin, with CONTEXT_PX around."""
    mask = is_new.astype(np.uint8)
    for box in widen(boxes_xyxy):
        x_min, y_min, x_max, y_max = find_cells(box)
        mask[y_min:y_max, x_min:x_max] = 1
    reach = 2 * (CONTEXT_PX // CELL_PX) + 1
    grown = cv2.dilate(mask, np.ones((reach, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    # the first is what is not new
    return [Tile(*(int(v) * CELL_PX for v in one[:4])) for one in stats[1:]]


def _is_among(faces: Faces, others: Faces) -> Places:
    """(N,) whether each is one of the others."""
    pairs = find_overlaps(faces.boxes_xyxy, others.boxes_xyxy)
    is_among = np.zeros(len(faces), np.bool_)
    is_among[pairs.left[pairs.gains >= _SAME_IOU]] = True
    return is_among


def _touch(is_new: Places, faces: Faces) -> Places:
    """(N,) whether something is new in each."""
    cells = [find_cells(box) for box in faces.boxes_xyxy]
    touches = [is_new[y0:y1, x0:x1].any() for x0, y0, x1, y1 in cells]
    return np.array(touches, np.bool_)
