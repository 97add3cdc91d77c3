"""Quality figures of one image: exposure, contrast, sharpness, noise, and a perceptual hash."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image

CODE_VERSION = "1"
_DARK, _BRIGHT = 5, 250  # luma at which a pixel counts as clipped


def measure_quality(image_rgb: Image) -> dict[str, object]:
    """The columns of `frame_quality` for one (H, W, 3) uint8 image; the schema states units and ranges."""
    luma = np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    scaled = luma.astype(np.float32) / 255.0
    return {
        "brightness": float(scaled.mean()),
        "contrast": float(scaled.std()),
        "sharpness": float(cv2.Laplacian(scaled, cv2.CV_32F).var()),
        "clipped_dark": float((luma <= _DARK).mean()),
        "clipped_bright": float((luma >= _BRIGHT).mean()),
        "noise": estimate_noise(scaled),
        "perceptual_hash": hash_perceptually(luma),
    }


def estimate_noise(luma: NDArray[np.float32]) -> float:
    """Standard deviation of white noise in `luma` (H, W), by Immerkaer's mask with the median in place of the mean.

    The mask (Immerkaer 1996) is blind to constant, linear and most edge structure; the median to what is left.
    """
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = cv2.filter2D(luma, cv2.CV_32F, mask)  # the border is mirrored, and used only where nothing else is there
    inner = response[1:-1, 1:-1] if min(luma.shape) > 2 else response
    return float(np.median(np.abs(inner)) / 0.6745 / 6.0)  # 0.6745: MAD of a unit normal; 6: norm of the mask


def hash_perceptually(luma: NDArray[np.uint8]) -> str:
    """64-bit DCT hash as 16 hex digits: the signs of the 8x8 lowest frequencies against their median (Zauner 2010)."""
    small = cv2.resize(luma, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return f"{int(''.join('1' if b else '0' for b in bits), 2):016x}"
