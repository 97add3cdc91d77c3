"""How found boxes look: a vector of the pixels in each, by the encoder that embeds frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.inference.embed import Embedder
from assets.tables.rows import FrameRow
from models.types import Image

if TYPE_CHECKING:
    from assets.inference.predict import StoredImages

_FEWEST_PX = 2  # a side of what is looked at
_AT_ONCE = 16  # images in memory


def embed_boxes(
    images: StoredImages,
    embedder: Embedder,
    frames: Sequence[FrameRow],
    boxes_xyxy: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(N, D) of unit length: one box (N, 4) in each of these frames, a frame as often as it has boxes, in order.

    Raises what reading the images raises.
    """
    vectors = [np.zeros((0, 1))]
    for start, stop in _split(frames):
        some = {frame["frame_id"]: frame for frame in frames[start:stop]}
        read = images.read(list(some.values()))
        crops = [
            _crop(read[frame["frame_id"]], box)
            for frame, box in zip(
                frames[start:stop], boxes_xyxy[start:stop], strict=True
            )
        ]
        vectors.append(embedder.embed(crops).astype(np.float64))
    return np.concatenate(vectors[1:]) if len(vectors) > 1 else vectors[0]


def _split(frames: Sequence[FrameRow]) -> list[tuple[int, int]]:
    """Runs of boxes that lie in a few frames each."""
    runs: list[tuple[int, int]] = []
    start = 0
    seen: set[str] = set()
    for place, frame in enumerate(frames):
        if frame["frame_id"] not in seen and len(seen) == _AT_ONCE:
            runs.append((start, place))
            start, seen = place, set()
        seen.add(frame["frame_id"])
    return [*runs, (start, len(frames))] if len(frames) else []


def _crop(image_rgb: Image, box_xyxy: NDArray[np.float64]) -> Image:
    """What of the box lies in the image; a box at the border keeps some pixels."""
    height, width = image_rgb.shape[:2]
    x_min, y_min, x_max, y_max = np.rint(box_xyxy).astype(int).tolist()
    left = min(max(x_min, 0), max(width - _FEWEST_PX, 0))
    top = min(max(y_min, 0), max(height - _FEWEST_PX, 0))
    right = max(min(x_max, width), left + _FEWEST_PX)
    bottom = max(min(y_max, height), top + _FEWEST_PX)
    return image_rgb[top:bottom, left:right]
