"""Stretch an image to the square that a net of whole images takes."""

from __future__ import annotations

import cv2
import numpy as np

from models.types import Image


def fit_square(image_rgb: Image, side_px: int) -> Image:
    """Stretch to a square: averaged when it shrinks, cubic when it grows."""
    if image_rgb.shape[:2] == (side_px, side_px):
        return image_rgb
    grows = max(image_rgb.shape[:2]) < side_px
    method = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return np.asarray(
        cv2.resize(image_rgb, (side_px, side_px), interpolation=method), np.uint8
    )
