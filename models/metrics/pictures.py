"""How near one picture is to another of the same pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.types import Image

# what rounding to whole numbers leaves: no pictures of 8 bits are told to be nearer
_ROUNDING = 1 / 12


def find_psnr_db(
    picture: Image, other: Image, is_known: NDArray[np.bool_] | None = None
) -> float:
    """Peak signal to noise of two pictures (H, W, 3) of 8 bits, over the pixels (H, W) that are known; in dB.

    At most 58.9 dB, the noise of 8 bits, which equal pictures have. Raises ValueError for pictures of different sizes,
    or where no pixel is known.
    """
    if picture.shape != other.shape:
        raise ValueError(
            f"pictures of {picture.shape} and {other.shape}: give two of one size"
        )
    off = picture.astype(np.float64) - other
    chosen = off if is_known is None else off[is_known]
    if not chosen.size:
        raise ValueError("no pixel is known of both pictures")
    return float(10 * np.log10(255**2 / max(float((chosen**2).mean()), _ROUNDING)))
