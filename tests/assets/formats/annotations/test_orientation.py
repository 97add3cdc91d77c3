"""Labels of upright pictures on stored pixels, against Pillow, for all eight orientations."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from assets.formats.annotations.orientation import Placement, order_corners

WIDTH = 5
HEIGHT = 3


@pytest.fixture(params=range(1, 9))
def turned(request) -> tuple[Placement, np.ndarray, np.ndarray]:
    """(placement, stored pixels, what Pillow shows of them)."""
    stored = np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    target = io.BytesIO()
    picture = Image.fromarray(stored)
    exif = picture.getexif()
    exif[0x112] = request.param
    picture.save(target, "PNG", exif=exif)
    return (
        Placement((WIDTH, HEIGHT), request.param),
        stored,
        np.array(ImageOps.exif_transpose(Image.open(target))),
    )


def test_sizes_masks_points_and_boxes_agree_with_pillow(turned):
    placement, stored, shown = turned
    assert placement.drawn_px == (shown.shape[1], shown.shape[0])
    assert np.array_equal(placement.place_mask(shown), stored)
    for y, x in np.ndindex(shown.shape):
        x_stored, y_stored = placement.place_point((x + 0.5, y + 0.5))
        assert stored[int(y_stored), int(x_stored)] == shown[y, x]
        x0, y0, x1, y1 = placement.place_box((x, y, x + 1, y + 1))
        assert (x1 - x0, y1 - y0) == (1, 1) and stored[int(y0), int(x0)] == shown[y, x]


def test_corners_in_the_other_order():
    assert (
        order_corners((140, 60, 40, 180))
        == order_corners((40, 180, 140, 60))
        == (40, 60, 140, 180)
    )
