"""Quality figures of one image: exposure, contrast, sharpness, crispness, noise, and a perceptual hash.

All are taken from luma at working size: the image scaled down by 2, 4 or 8 as far as its short side keeps MIN_SIDE_PX.
That is a size at which JPEG decodes without its finest coefficients, so that a figure costs less than the decoding.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

MIN_SIDE_PX = 120
# luma at which a pixel counts as clipped
_DARK = 5
_BRIGHT = 250
_LEVELS = np.arange(256, dtype=np.float64)
_MAX_RESPONSE = 8 * 255  # of the noise mask to 8-bit luma
_NOISE_MASK = np.array([1, -2, 1], np.float32)  # along rows and columns
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down and right
# a grey level of white noise under all luma, as squared difference of two pixels: a flat image has no detail to judge
_FLOOR = 2.0


def find_reduction(height_px: int, width_px: int) -> int:
    """By how much an image is scaled down to its working size: 1, 2, 4 or 8."""
    return next(
        (k for k in (8, 4, 2) if min(height_px, width_px) >= k * MIN_SIDE_PX), 1
    )


def measure_quality(luma: Luma) -> dict[str, float | str]:
    """The columns of `frame_quality` for one (H, W) uint8 luma at working size; the schema states units and ranges."""
    counts = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    mean = float(counts @ _LEVELS) / luma.size
    variance = float(counts @ (_LEVELS - mean) ** 2) / luma.size
    laplacian = cv2.Laplacian(luma, cv2.CV_16S)
    steepness = cv2.sumElems(laplacian)[0] / luma.size
    return {
        "brightness": mean / 255.0,
        "contrast": variance**0.5 / 255.0,
        "sharpness": max(
            0.0, cv2.norm(laplacian, cv2.NORM_L2SQR) / luma.size - steepness**2
        )
        / 255.0**2,
        "crispness": measure_crispness(luma),
        "clipped_dark": float(counts[: _DARK + 1].sum()) / luma.size,
        "clipped_bright": float(counts[_BRIGHT:].sum()) / luma.size,
        "noise": estimate_noise(luma),
        "perceptual_hash": hash_perceptually(luma),
    }


def measure_crispness(luma: Luma) -> float:
    """How fine the detail of `luma` (H, W) is along the direction in which it is coarsest, in [0, 4].

    Of rows, columns and both diagonals the least ratio of squared second to squared first differences of neighbours: 3
    for white noise, 2 for sharp edges far apart, towards 0 for what is smeared, if only along one direction, as by
    motion. Contrast cancels, and most of what a scene shows. With D(k) the mean squared difference at k px, the second
    differences are 4 D(1) - D(2).
    """
    growth = max(
        (_square_differences(luma, dy * 2, dx * 2) + _FLOOR)
        / (_square_differences(luma, dy, dx) + _FLOOR)
        for dy, dx in _DIRECTIONS
    )
    return min(max(4.0 - growth, 0.0), 4.0)


def _square_differences(luma: Luma, dy: int, dx: int) -> float:
    """Mean squared difference of pixels `dy` rows and `dx` columns apart, in grey levels; 0 where none are."""
    height, width = luma.shape
    if height <= dy or width <= abs(dx):
        return 0.0
    left, right = max(-dx, 0), max(dx, 0)
    above = luma[: height - dy, left : width - right]
    below = luma[dy:, right : width - left]
    return cv2.norm(above, below, cv2.NORM_L2SQR) / above.size


def estimate_noise(luma: Luma) -> float:
    """Standard deviation of white noise in `luma` (H, W), in [0, 1], by Immerkaer's mask with the median for the mean.

    The mask (Immerkaer 1996) is blind to constant, linear and most edge structure; the median to what is left.
    """
    # the border is mirrored
    response = cv2.sepFilter2D(luma, cv2.CV_16S, _NOISE_MASK, _NOISE_MASK)
    inner = response[1:-1, 1:-1] if min(luma.shape) > 2 else response
    ranks = (inner.size - 1) // 2, inner.size // 2
    # 255 stands for more, which is rare
    low, high = _find_ranked(
        np.asarray(cv2.convertScaleAbs(inner), np.uint8), ranks, 256
    )
    if high == 255:
        low, high = _find_ranked(
            np.abs(inner).astype(np.uint16), ranks, _MAX_RESPONSE + 1
        )
    # 0.6745: MAD of a unit normal; 6: norm of the mask
    return (low + high) / 2 / 255.0 / 0.6745 / 6.0


def _find_ranked(
    values: NDArray[np.uint8 | np.uint16], ranks: tuple[int, int], num_values: int
) -> tuple[int, int]:
    """The values of two ranks (0 is the smallest), of integers below `num_values`."""
    counts = (
        cv2.calcHist([values], [0], None, [num_values], [0, num_values])
        .ravel()
        .astype(np.int64)
    )
    low, high = np.searchsorted(np.cumsum(counts), ranks, side="right")
    return int(low), int(high)


def hash_perceptually(luma: Luma) -> str:
    """64-bit DCT hash as 16 hex digits: the signs of the 8x8 lowest frequencies against their median (Zauner 2010)."""
    small = cv2.resize(luma, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    bits = low > np.partition(low[1:], 31)[31]
    return np.packbits(bits).tobytes().hex()
