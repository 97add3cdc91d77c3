"""Decode PNGs whose pixels are labels: ids of classes or of objects, or a mask."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from assets.formats.images.image_headers import read_header

MAX_LABEL_PIXELS = 64 << 20  # of one label image


def read_numbers(payload: bytes) -> NDArray[np.uint8]:
    """(H, W) values of a PNG of one channel of 8 bits or one; indices where it has a palette. Raises ValueError."""
    return _decode(payload, {"P": None, "L": 8, "1": 1})


def read_colours(payload: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) values of an RGB PNG of 8 bits. Raises ValueError."""
    return _decode(payload, {"RGB": 8})


def _decode(payload: bytes, modes: dict[str, int | None]) -> NDArray[np.uint8]:
    """`modes`: what Pillow calls the kinds that are taken, and the bits that they must have."""
    from PIL import Image as Pillow

    header = read_header(payload)
    if header is None or header.encoding != "png":
        raise ValueError(
            f"a label image that is no PNG but begins with {payload[:8]!r}"
        )
    if header.width_px * header.height_px > MAX_LABEL_PIXELS:
        raise ValueError(
            f"a label image of {header.width_px}x{header.height_px} px, more than {MAX_LABEL_PIXELS}"
        )
    try:
        with Pillow.open(io.BytesIO(payload), formats=["PNG"]) as picture:
            if (
                picture.mode not in modes
                or (modes[picture.mode] or header.bits) != header.bits
            ):
                raise ValueError(
                    f"a label image of {header.channels} channels of {header.bits} bits"
                )
            return np.array(picture, np.uint8)
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"a label image that cannot be decoded: {error}") from error
