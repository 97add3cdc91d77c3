"""Turn a decoded video frame into PNG bytes, with nothing lost but the rounding of YUV to BGR.

That rounding is swscale's exact and repeatable arithmetic; matrix and range are as the video states them (BT.601 where
it does not), chroma is interpolated in between. PyAV is imported where it is used: only in the child of a video.
"""

from __future__ import annotations

from typing import Any


def to_pixels(frame: Any) -> Any:
    """(H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA; 8 bits, or 16 where the video has more than 8."""
    from av.video.reformatter import Interpolation

    parts = frame.format.components
    has_alpha = any(part.is_alpha for part in parts)
    is_grey = len(parts) - has_alpha == 1 and not frame.format.has_palette
    is_deep = max(part.bits for part in parts) > 8
    if is_grey and not has_alpha:
        target = "gray16le" if is_deep else "gray"
    else:
        target = (
            ("bgra64le" if is_deep else "bgra")
            if has_alpha
            else ("bgr48le" if is_deep else "bgr24")
        )
    exact = (
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT
        | Interpolation.FULL_CHR_H_INT
    )
    return frame.reformat(format=target, interpolation=exact, threads=1).to_ndarray()


def encode_png(pixels: Any) -> bytes:
    """PNG with every choice stated, so that equal pixels give equal bytes."""
    import cv2

    choices = [
        cv2.IMWRITE_PNG_COMPRESSION,
        1,
        cv2.IMWRITE_PNG_FILTER,
        cv2.IMWRITE_PNG_FILTER_SUB,
        cv2.IMWRITE_PNG_STRATEGY,
        cv2.IMWRITE_PNG_STRATEGY_RLE,
    ]
    done, encoded = cv2.imencode(".png", pixels, choices)
    if not done:
        raise MemoryError("a frame that does not encode as PNG")
    return encoded.tobytes()
