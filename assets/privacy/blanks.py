"""What stands in the place of a frame under a privacy policy until its picture is covered: one colour, of its size."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from models.faces.covering import FILL_RGB

ENCODING = "jpeg"


@lru_cache(maxsize=32)
def draw_blank(width_px: int, height_px: int) -> bytes:
    """A JPEG of that size in the colour that covers faces."""
    pixels = np.full((height_px, width_px, 3), FILL_RGB, np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()
