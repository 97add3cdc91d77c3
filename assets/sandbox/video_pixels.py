"""Turn a decoded video frame into pixels, with nothing lost but the rounding of YUV to BGR; and those into PNG.

That rounding is swscale's exact and repeatable arithmetic; matrix and range are as the video states them (BT.601 where
it does not), chroma is interpolated in between. PyAV is imported where it is used: only in the child of a video.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def is_deep(frame: Any) -> bool:
    """Whether it has more than 8 bits a channel."""
    return max(part.bits for part in frame.format.components) > 8


def is_grey(frame: Any) -> bool:
    """Whether it has one channel, beside alpha."""
    num_channels = len(frame.format.components) - has_alpha(frame)
    return num_channels == 1 and not frame.format.has_palette


def has_alpha(frame: Any) -> bool:
    """Whether it says how much of each pixel shows."""
    return any(part.is_alpha for part in frame.format.components)


def to_pixels(frame: Any) -> Any:
    """(H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA; 8 bits, or 16 where the video has more than 8."""
    deep = is_deep(frame)
    if has_alpha(frame):
        return _convert(frame, "bgra64le" if deep else "bgra").to_ndarray()
    if is_grey(frame):
        return _convert(frame, "gray16le" if deep else "gray").to_ndarray()
    if frame.format.is_rgb or frame.format.has_palette:
        return _convert(frame, "bgr48le" if deep else "bgr24").to_ndarray()
    return _convert_by_planes(frame, deep)


def describe(frame: Any) -> dict[str, Any]:
    """What `to_pixels` will give: `shape`, and `sample_bytes` of 1 or 2."""
    channels = (4,) if has_alpha(frame) else () if is_grey(frame) else (3,)
    shape = (frame.height, frame.width, *channels)
    return {"shape": shape, "sample_bytes": 2 if is_deep(frame) else 1}


def to_grey(frame: Any) -> Any:
    """(H, W) uint8: its luma, cheaply; of a video in colours without one, that of its pixels."""
    first = frame.format.components[0]
    if frame.format.is_planar and not frame.format.is_rgb and first.bits == 8:
        rows = np.frombuffer(frame.planes[0], np.uint8)
        return rows.reshape(-1, frame.planes[0].line_size)[:, : frame.width]
    return _convert(frame, "gray").to_ndarray()


def checksum(frame: Any) -> int:
    """CRC-32 of what the decoder gave, before its colours are converted: other decoders give the same."""
    if frame.format.has_palette or not (frame.format.is_planar or is_grey(frame)):
        return zlib.crc32(to_pixels(frame).tobytes())
    sample_bytes = 2 if is_deep(frame) else 1
    value = 0
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        seen = rows[: plane.height, : plane.width * sample_bytes]
        value = zlib.crc32(np.ascontiguousarray(seen).data, value)
    return value


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


def _convert(frame: Any, target: str) -> Any:
    from av.video.reformatter import Interpolation

    exact = (
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT
        | Interpolation.FULL_CHR_H_INT
    )
    return frame.reformat(format=target, interpolation=exact, threads=1)


def _convert_by_planes(frame: Any, deep: bool) -> Any:
    """YUV to (H, W, 3) BGR: what swscale writes plane by plane it computes in half the time, to the same values."""
    import cv2

    kind = np.dtype("<u2" if deep else "u1")
    planar = _convert(frame, "gbrp16le" if deep else "gbrp")
    planes = [
        np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
        for plane in planar.planes
    ]
    green, blue, red = (p[: frame.height, : frame.width] for p in planes)
    return cv2.merge([blue, green, red])
