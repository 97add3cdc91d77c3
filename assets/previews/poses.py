"""Draw the points of objects, and the lines between them where it is known which belong together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from assets.previews.drawing import Color
from models.types import Image

# between the 17 points of a person, in COCO's order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
_PERSON_LINKS = (
    *((0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    *((5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)
_PERSON_POINTS = 17
_HALO = (0, 0, 0, 140)  # keeps points visible on ground of their own colour
_SEEN = 2


def draw_poses(
    image_rgb: Image, points: NDArray[np.float32], colors: Sequence[Color]
) -> Image:
    """The image with the points of N objects over it, each object in its colour.

    `points` (N, K, 3) are x, y in px of the image and visibility: 2 seen, a full disc; 1 hidden, a ring; 0 unlabelled,
    nothing. 17 points are those of COCO's person and have its skeleton.
    """
    canvas = Pillow.fromarray(np.ascontiguousarray(image_rgb))
    draw = ImageDraw.Draw(canvas, "RGBA")
    radius_px = max(2, round(image_rgb.shape[1] / 130))
    links = _PERSON_LINKS if points.shape[1] == _PERSON_POINTS else ()
    for of_object, color in zip(points, colors, strict=True):
        ends = [
            (tuple(of_object[a, :2].tolist()), tuple(of_object[b, :2].tolist()))
            for a, b in links
            if of_object[a, 2] > 0 and of_object[b, 2] > 0
        ]
        for end in ends:
            draw.line(end, fill=_HALO, width=radius_px + 2)
        for end in ends:
            draw.line(end, fill=color, width=max(1, radius_px - 1))
        for x, y, visibility in of_object.tolist():
            if visibility > 0:
                _draw_point(draw, x, y, radius_px, color, visibility >= _SEEN)
    return np.asarray(canvas)


def _draw_point(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    radius_px: int,
    color: Color,
    is_seen: bool,
) -> None:
    def around(radius: float) -> tuple[float, float, float, float]:
        return x - radius, y - radius, x + radius, y + radius

    draw.ellipse(around(radius_px + 1), fill=_HALO)
    draw.ellipse(
        around(radius_px), fill=color if is_seen else None, outline=color, width=2
    )
