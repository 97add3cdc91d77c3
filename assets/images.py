"""Decode stored image bytes. Only for bytes that intake has accepted: foreign bytes go through `guard.py`."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def decode_rgb(payload: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an encoded colour or grey image, stored orientation (EXIF is not applied).

    Raises ValueError when the bytes cannot be decoded.
    """
    image_bgr = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image_bgr is None:
        raise ValueError(f"{len(payload)} bytes do not decode as an image: run `daguerre verify` to find what changed")
    return np.ascontiguousarray(image_bgr[..., ::-1])


def decode_depth_mm(payload: bytes) -> NDArray[np.uint16]:
    """(H, W) uint16 depth in millimetres, 0 where unknown, of a 16-bit PNG. Raises ValueError for other bytes."""
    depth = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED)
    if depth is None or depth.dtype != np.uint16 or depth.ndim != 2:
        raise ValueError("not a 16-bit single-channel depth image")
    return depth.astype(np.uint16, copy=False)
