"""What stands in the place of a frame under a privacy policy until its picture is covered: one colour, of its size."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import cv2
import numpy as np

from models.faces.covering import FILL_DEPTH, FILL_RGB

ENCODING = "jpeg"  # of colour
DEPTH_ENCODING = "png"


@lru_cache(maxsize=32)
def draw_blank(kind: str, width_px: int, height_px: int) -> tuple[bytes, str]:
    """The picture of that size for a kind of frame, and its encoding: the colour that covers faces, or no depth."""
    if kind == "depth":
        nothing = np.full((height_px, width_px), FILL_DEPTH, np.uint16)
        return cv2.imencode(".png", nothing)[1].tobytes(), DEPTH_ENCODING
    pixels = np.full((height_px, width_px, 3), FILL_RGB, np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes(), ENCODING


@lru_cache(maxsize=256)
def hash_blank(kind: str, width_px: int, height_px: int) -> str:
    """sha256 of the picture: all frames of a kind and size have it while they are blank, and are no copies for that."""
    payload, _ = draw_blank(kind, width_px, height_px)
    return hashlib.sha256(payload).hexdigest()
