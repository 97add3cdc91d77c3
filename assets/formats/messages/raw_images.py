"""Turn raw images in messages (rows of plain pixels) into PNG frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.formats.messages.topics import MILLIMETRE_M, Origin, Reading, is_depth
from assets.formats.observations import FrameObservation

MAX_RAW_PIXELS = 100_000_000


def read_pixels(
    origin: Origin,
    data: bytes,
    layout: str,
    size_px: tuple[int, int],
    step: int,
    is_big_endian: bool,
    t_ns: int | None,
) -> Iterator[Reading]:
    """An image stored as plain rows of `step` bytes, encoded as PNG.

    Nothing is lost, with two exceptions: 32FC1 depth in metres is rounded to millimetres (0 where it is not finite, not
    positive or beyond 65.535 m), and YUV 4:2:2 becomes BGR by ITU-R BT.601 in video range. 16UC1 is depth in
    millimetres (REP 118) unless the channel's metadata or the topic say otherwise; mono16 where the topic says so.
    """
    spec = _LAYOUTS.get(layout)
    if spec is None:
        why = (
            "one colour a pixel; the two others would be guessed"
            if layout.startswith("bayer_")
            else "not known"
        )
        remedy = "record it as rgb8, mono8, 16UC1 or JPEG (for Bayer: the topic of `image_proc`)"
        yield origin.refuse(
            f"raw image encoding {layout[:40]!r} is not read: {why}", remedy
        )
        return
    dtype, channels, conversion = spec
    width, height = size_px
    row_bytes = width * channels * np.dtype(dtype).itemsize
    if (
        width <= 0
        or height <= 0
        or width * height > MAX_RAW_PIXELS
        or step < row_bytes
        or step * height > len(data)
    ):
        yield origin.refuse(
            f"{width}x{height} {layout} with rows of {step} bytes does not fit its {len(data)} bytes"
        )
        return
    rows = np.frombuffer(data, np.uint8, step * height).reshape(height, step)[
        :, :row_bytes
    ]
    pixels = np.ascontiguousarray(rows).view(
        np.dtype(dtype).newbyteorder(">" if is_big_endian else "<")
    )
    pixels = pixels.reshape(
        (height, width, channels) if channels > 1 else (height, width)
    )
    has_depth = layout == "32FC1" or (
        layout in ("16UC1", "mono16") and is_depth(origin, layout)
    )
    unit = (origin.depth_m_per_unit if dtype == "u2" else None) or MILLIMETRE_M
    yield FrameObservation(
        origin.sensor,
        encode_png(pixels, conversion),
        "png",
        origin.source,
        "depth" if has_depth else "color",
        t_ns,
        depth_m_per_unit=unit if has_depth else None,
    )


def encode_png(pixels: NDArray[Any], conversion: int | None) -> bytes:
    """PNG of 8-bit or 16-bit rows; float rows are depth in metres. `conversion` is a cv2 colour code to BGR(A)."""
    if pixels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            millimetres = np.rint(pixels.astype(np.float64) * 1000)
            pixels = np.where(
                (millimetres > 0) & (millimetres <= 65535), millimetres, 0
            ).astype(np.uint16)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if conversion is not None:
        pixels = cv2.cvtColor(pixels, conversion)
    done, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return encoded.tobytes()


_LAYOUTS: dict[
    str, tuple[str, int, int | None]
] = {  # sensor_msgs/image_encodings.hpp and foxglove.RawImage
    "rgb8": ("u1", 3, cv2.COLOR_RGB2BGR),
    "8UC3": ("u1", 3, None),
    "bgr8": ("u1", 3, None),
    "rgba8": ("u1", 4, cv2.COLOR_RGBA2BGRA),
    "8UC4": ("u1", 4, None),
    "bgra8": ("u1", 4, None),
    "rgb16": ("u2", 3, cv2.COLOR_RGB2BGR),
    "bgr16": ("u2", 3, None),
    "16UC3": ("u2", 3, None),
    "mono8": ("u1", 1, None),
    "8UC1": ("u1", 1, None),
    "mono16": ("u2", 1, None),
    "16UC1": ("u2", 1, None),
    "32FC1": ("f4", 1, None),
    **dict.fromkeys(("yuv422", "uyvy"), ("u1", 2, cv2.COLOR_YUV2BGR_UYVY)),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), ("u1", 2, cv2.COLOR_YUV2BGR_YUY2)),
}
