"""Pictures of frames as a browser shows them: JPEG, upright, of pixels alone, whatever is stored.

Small ones are made of many frames at once, which are read together and decoded no larger than needed, and are kept
while there is room.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.browsing.frame_index import FrameIndex, FrameMissing
from assets.browsing.upright import Upright
from assets.images import EncodedImage, Payload, decode_rgb
from assets.tables.catalog import Catalog
from assets.video_frames import unpack

THUMB_PX = 160  # the longer side
MOST_KEPT_BYTES = 32 << 20
_THUMB_QUALITY = 80
_WHOLE_QUALITY = 92
_AT_ONCE = 64  # frames of which the stored bytes are in memory together
_THREADS = 2
_COLUMNS = ("payload",)


class Thumbnails:
    """JPEGs of `THUMB_PX` on the longer side, by `tag_picture`; those that were asked for last are kept."""

    def __init__(self, catalog: Catalog, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._catalog = catalog
        self._most_bytes = most_bytes
        self._num_bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(_THREADS, "thumbnails")

    def find(self, index: FrameIndex, frame_id: str) -> bytes | None:
        """One that is kept. Raises FrameMissing for a frame that there is not, or not any more."""
        tag = tag_picture(index, frame_id)
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
            return self._kept.get(tag)

    def make(
        self, index: FrameIndex, frame_ids: Sequence[str]
    ) -> dict[str, bytes | ValueError]:
        """One of each frame that the index has; an error for a frame whose bytes do not decode."""
        made: dict[str, bytes | ValueError] = {}
        wanted = []
        unique = list(dict.fromkeys(frame_ids))
        is_there = (index.find(unique) >= 0).tolist()
        for frame_id in itertools.compress(unique, is_there):
            kept = self.find(index, frame_id)
            if kept is None:
                wanted.append(frame_id)
            else:
                made[frame_id] = kept
        for start in range(0, len(wanted), _AT_ONCE):
            made |= self._make_some(index, wanted[start : start + _AT_ONCE])
        return made

    def _make_some(
        self, index: FrameIndex, frame_ids: Sequence[str]
    ) -> dict[str, bytes | ValueError]:
        positions = index.find(frame_ids)
        payloads = index.take(positions, _COLUMNS)["payload"].to_pylist()
        images = _unpack(self._catalog, payloads)
        turns = [find_upright(index, place) for place in positions.tolist()]
        jpegs = list(self._threads.map(_make_thumb, images, turns))
        made = dict(zip(frame_ids, jpegs, strict=True))
        for frame_id, jpeg in made.items():
            if isinstance(jpeg, bytes):
                self._keep(tag_picture(index, frame_id), jpeg)
        return made

    def _keep(self, tag: str, jpeg: bytes) -> None:
        with self._lock:
            self._num_bytes += len(jpeg) - len(self._kept.get(tag, b""))
            self._kept[tag] = jpeg
            while self._num_bytes > self._most_bytes:
                self._num_bytes -= len(self._kept.popitem(last=False)[1])


def tag_picture(index: FrameIndex, frame_id: str) -> str:
    """Another text where the picture of a frame may be another one. Raises FrameMissing for one that there is not."""
    position = _locate(index, frame_id)
    return f"{frame_id}-{index.versions['frames']}-{index.orientations[position]}"


def draw_whole(catalog: Catalog, index: FrameIndex, frame_id: str) -> bytes:
    """JPEG of a whole frame. Raises FrameMissing for one that there is not, ValueError for one that does not decode."""
    position = _locate(index, frame_id)
    payloads = index.take(np.array([position]), _COLUMNS)["payload"].to_pylist()
    (image,) = unpack(catalog, payloads)
    pixels = find_upright(index, position).show_pixels(decode_rgb(image))
    return _encode(pixels, _WHOLE_QUALITY)


def _locate(index: FrameIndex, frame_id: str) -> int:
    (position,) = index.find([frame_id]).tolist()
    if position < 0:
        raise FrameMissing(frame_id)
    return int(position)


def find_upright(index: FrameIndex, position: int) -> Upright:
    """How the pixels of a frame are turned."""
    width, height = (index.rows[n][position].as_py() for n in ("width_px", "height_px"))
    return Upright((width, height), int(index.orientations[position]))


def _unpack(
    catalog: Catalog, payloads: Sequence[bytes]
) -> Sequence[Payload | ValueError]:
    """Each frame's image; where not all can be had, an error in the place of those that cannot."""
    try:
        return unpack(catalog, payloads)
    except (ValueError, FileNotFoundError):
        return [_unpack_one(catalog, payload) for payload in payloads]


def _unpack_one(catalog: Catalog, payload: bytes) -> Payload | ValueError:
    try:
        (image,) = unpack(catalog, [payload])
    except (ValueError, FileNotFoundError) as error:
        return ValueError(str(error))
    return image


def _make_thumb(image: Payload | ValueError, turn: Upright) -> bytes | ValueError:
    if isinstance(image, ValueError):
        return image
    scale = THUMB_PX / max(1, *turn.stored_px)
    try:
        pixels, _ = EncodedImage(image).read(min(1.0, scale))
    except ValueError as error:
        return error
    height, width = pixels.shape[:2]
    factor = min(1.0, THUMB_PX / max(height, width))
    if factor < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    return _encode(turn.show_pixels(pixels), _THUMB_QUALITY)


def _encode(pixels_rgb: NDArray[np.uint8], quality: int) -> bytes:
    import simplejpeg

    made: Any = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels_rgb), quality, "RGB", "420"
    )
    return bytes(made)
