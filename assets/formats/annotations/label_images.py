"""Read PNGs whose pixels are labels: ids of classes or of objects, or a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.formats.images.image_headers import read_header
from assets.sandbox.tiff_process import decode_labels

MAX_LABEL_PIXELS = 64 << 20  # of one label image


def read_numbers(payload: bytes) -> NDArray[np.uint8]:
    """(H, W) values of a PNG of one channel of 8 bits or one; indices where it has a palette. Raises ValueError."""
    return _decode("numbers", payload)


def read_colours(payload: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) values of an RGB PNG of 8 bits. Raises ValueError."""
    return _decode("colours", payload)


def _decode(what: str, payload: bytes) -> NDArray[np.uint8]:
    """By its header what is no label image, and by a child process the pixels."""
    header = read_header(payload)
    if header is None or header.encoding != "png":
        raise ValueError(
            f"a label image that is no PNG but begins with {payload[:8]!r}"
        )
    if header.width_px * header.height_px > MAX_LABEL_PIXELS:
        raise ValueError(
            f"a label image of {header.width_px}x{header.height_px} px, more than {MAX_LABEL_PIXELS}"
        )
    return np.asarray(decode_labels(what, payload), np.uint8)
