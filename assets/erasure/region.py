"""A picture with a part of it filled: what a person shows in it is gone, and the rest is there to be taken in anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

Region = tuple[
    int, int, int, int
]  # x, y, width, height in px, from the upper left corner
_SUFFIXES: Mapping[str, tuple[str, list[int]]] = {
    ".png": (".png", []),
    ".bmp": (".bmp", []),
    ".jpg": (".jpg", [1, 95]),  # cv2.IMWRITE_JPEG_QUALITY
    ".jpeg": (".jpg", [1, 95]),
}


def read_region(text: str) -> Region:
    """Of "x,y,w,h". Raises ValueError for anything else."""
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdigit() for part in parts):
        raise ValueError(
            f"--region {text!r} is no x,y,w,h in pixels, such as 10,20,64,48"
        )
    x, y, width, height = map(int, parts)
    if not width or not height:
        raise ValueError(f"--region {text!r} has no pixels: give a width and a height")
    return x, y, width, height


def fill(path: Path, region: Region) -> bytes:
    """The picture in its own format, with the region in the mean colour of the picture around it, and without EXIF.

    Raises ValueError for a format that is not written here, and where the region reaches over the edge.
    """
    import cv2

    suffix, how = _SUFFIXES.get(path.suffix.lower(), ("", []))
    if not suffix:
        raise ValueError(
            f"{path} is no {', '.join(_SUFFIXES)}: fill it at its source, ingest that, and erase this file"
        )
    stored = np.frombuffer(path.read_bytes(), np.uint8)
    # of 8 and 16 bits, with alpha, neither turned nor stretched
    pixels = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError(f"{path} cannot be decoded: erase the file")
    x, y, width, height = region
    if x + width > pixels.shape[1] or y + height > pixels.shape[0]:
        raise ValueError(
            f"--region {x},{y},{width},{height} reaches over the edge of {path.name}, "
            f"which is {pixels.shape[1]} x {pixels.shape[0]} px"
        )
    outside = np.ones(pixels.shape[:2], bool)
    outside[y : y + height, x : x + width] = False
    around = pixels[outside] if outside.any() else np.zeros((1, *pixels.shape[2:]))
    pixels[~outside] = around.mean(axis=0).astype(pixels.dtype)
    is_done, encoded = cv2.imencode(suffix, pixels, how)
    assert is_done, suffix
    return bytes(encoded)
