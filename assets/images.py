"""Decode stored images. Only for bytes that intake has accepted: foreign bytes go through `guard.py`.

A stored image is encoded bytes, or the pixels of a frame of a stored video (`assets.video_frames`).

TIFFs, HEIC and AVIF are decoded in a child process even then: libtiff has had more faults than the other decoders, and
libheif, libde265 and libaom are the youngest.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.appearance import (
    Pixels,
    decode_appearance,
    is_plain,
    show_luma,
    show_pixels,
)
from assets.heif_layout import find_coding
from models.image_quality import find_reduction

Payload = bytes | memoryview | Pixels
JPEG_MAGIC = b"\xff\xd8\xff"
_TIFF_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_is_child = False
_GREY = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
_RGB = {  # OpenCV has no reduced RGB
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode_here() -> None:
    """This process is a child that decodes foreign bytes: TIFFs, HEIC and AVIF too."""
    global _is_child
    _is_child = True


def decode_rgb(payload: Payload, reduction: int = 1) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a colour or grey image, stored orientation (EXIF is not applied); of a JPEG at a 1, 2, 4
    or 8th of its sides, rounded up.

    Alpha, and what is deeper than 8 bits, is as `assets.appearance` states. Raises ValueError when the bytes cannot be
    decoded.
    """
    if isinstance(payload, np.ndarray):
        return show_pixels(payload).rgb
    if _is_for_child(payload):
        return _decode_in_child("rgb", payload)
    if not is_plain(payload):
        return decode_appearance(payload).rgb
    image = cv2.imdecode(
        np.frombuffer(payload, np.uint8),
        _RGB[reduction] | cv2.IMREAD_IGNORE_ORIENTATION,
    )
    if image is None:
        raise ValueError(
            f"{len(payload)} bytes do not decode as an image: run `daguerre verify` to find what changed"
        )
    return np.asarray(
        image if reduction == 1 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8
    )


def is_common(payload: Payload) -> bool:
    """Whether every viewer shows what `decode_rgb` gives: a JPEG in grey or YCbCr, or a plain PNG."""
    if isinstance(payload, np.ndarray):
        return False
    colors = (EncodedImage(payload)._jpeg_header or ("", "", ""))[2]
    return colors in ("Gray", "YCbCr") or (
        payload[:4] == b"\x89PNG" and is_plain(payload)
    )


@dataclass(frozen=True)
class EncodedImage:
    """A stored image, decoded each time it is looked at (a `models.types.StoredImage`).

    `gpu` is PyTorch's name of one that may decode it.
    """

    content: Payload
    gpu: str | None = None

    @property
    def payload(self) -> bytes:
        """The encoded bytes, for who has a `device`."""
        return bytes(self.content)

    @cached_property
    def device(self) -> str | None:
        """The GPU, for a JPEG of the common kind: others are not what nvJPEG is made for."""
        return (
            self.gpu
            if self.gpu and self._jpeg_header and self._jpeg_header[2] == "YCbCr"
            else None
        )

    @cached_property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in px at full scale, stored orientation."""
        if isinstance(self.content, np.ndarray):
            return self.content.shape[0], self.content.shape[1]
        height, width = (self._jpeg_header or decode_rgb(self.content).shape)[:2]
        return int(height), int(width)

    @cached_property
    def _jpeg_header(self) -> tuple[Any, ...] | None:
        """Height, width, colours and their subsampling; None where simplejpeg does not know it."""
        import simplejpeg

        if _is_jpeg(self.content):
            with suppress(ValueError, KeyError):
                return tuple(simplejpeg.decode_jpeg_header(self.content))
        return None

    def read(self, scale: float = 1.0) -> tuple[NDArray[np.uint8], int]:
        """(h, w, 3) uint8 RGB at 1/r of its sides, rounded up, and r of 1, 2, 4, 8: the largest with 1/r >= `scale`.

        Only a JPEG is read smaller (its transform is computed at that size); others come with r = 1. One that will be
        shrunk has its colours, which most JPEGs keep at half size, repeated instead of interpolated: shrinking
        averages them all the same. Raises ValueError.
        """
        reduction = find_divisor(scale)
        return self.read_at(reduction, reduction * scale < 1)

    def read_at(self, divisor: int, is_rough: bool) -> tuple[NDArray[np.uint8], int]:
        """As `read`: of a JPEG at 1/`divisor` of its sides, its colours repeated where it is to be rough."""
        if not _is_jpeg(self.content):
            return decode_rgb(self.content), 1
        import simplejpeg

        height, width = (-(-side // divisor) for side in self.size_hw)
        # KeyError: a chroma subsampling that simplejpeg does not know, as 4:4:1
        with suppress(ValueError, KeyError):
            image = simplejpeg.decode_jpeg(
                self.content,
                "RGB",
                min_height=height,
                min_width=width,
                fastupsample=is_rough,
            )
            if image.shape == (height, width, 3):
                return np.asarray(image, np.uint8), divisor
        return decode_rgb(self.content, divisor), divisor


def find_divisor(scale: float) -> int:
    """Of 1, 2, 4 and 8 the largest with 1/r >= `scale`, or 1."""
    return next(r for r in (8, 4, 2, 1) if r * scale <= 1 or r == 1)


def decode_depth(payload: Payload) -> NDArray[np.uint16]:
    """(H, W) uint16 depth of a 16-bit PNG, 0 where unknown; the frame's row says how many metres a unit is.

    Raises ValueError for other images.
    """
    if isinstance(payload, np.ndarray):
        return _require_depth(payload)
    if _is_tiff(payload):
        raise ValueError("a TIFF, not a 16-bit PNG of depth")
    return _require_depth(
        cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED)
    )


def _require_depth(pixels: Any) -> NDArray[np.uint16]:
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise ValueError("not a 16-bit single-channel depth image")
    return np.asarray(pixels, np.uint16)


def decode_luma(payload: Payload, reduction: int = 1) -> NDArray[np.uint8]:
    """(H, W) uint8 luma of what `decode_rgb` gives; of a JPEG at a 1, 2, 4 or 8th of its size. Raises ValueError."""
    if isinstance(payload, np.ndarray):
        return _shrink(show_luma(payload), reduction)
    if _is_for_child(payload):
        return _decode_in_child("luma", payload)
    if not is_plain(payload) and not (shown := decode_appearance(payload)).is_opaque:
        return shown.luma
    flags = _GREY[reduction] | cv2.IMREAD_IGNORE_ORIENTATION
    luma = cv2.imdecode(np.frombuffer(payload, np.uint8), flags)
    if luma is None:
        raise ValueError(
            f"OpenCV does not decode these {len(payload)} bytes as an image"
        )
    return np.asarray(luma, np.uint8)


def decode_working_luma(payload: Payload) -> NDArray[np.uint8]:
    """Luma at the working size of `models.image_quality`, as the guard measures it."""
    import simplejpeg

    if not _is_jpeg(payload):
        return shrink_luma(decode_luma(payload))
    try:
        return decode_sound_jpeg(simplejpeg, payload)
    # KeyError: a chroma subsampling that simplejpeg does not know, such as 4:4:1
    except (ValueError, KeyError):
        height, width = decode_luma(payload).shape
        return decode_luma(payload, find_reduction(height, width))


def decode_sound_jpeg(simplejpeg: Any, payload: Payload) -> NDArray[np.uint8]:
    """(H, W) uint8 luma at working size of a JPEG without fault. Raises ValueError for others.

    libjpeg-turbo reads all entropy-coded data, whatever the scale.
    """
    height, width = simplejpeg.decode_jpeg_header(payload)[:2]
    reduction = find_reduction(height, width)
    size = -(-height // reduction), -(-width // reduction)
    luma = simplejpeg.decode_jpeg(
        payload, "GRAY", min_height=size[0], min_width=size[1]
    )[..., 0]
    if luma.shape != size:
        raise ValueError(f"decodes to {luma.shape}, not {size} (height, width)")
    return np.asarray(luma, np.uint8)


def _is_jpeg(payload: Payload) -> bool:
    return not isinstance(payload, np.ndarray) and payload[:3] == JPEG_MAGIC


def _is_tiff(payload: Payload) -> bool:
    return bytes(payload[:4]) in _TIFF_MAGICS


def _is_for_child(payload: Payload) -> bool:
    if _is_child or isinstance(payload, np.ndarray):
        return False
    return _is_tiff(payload) or find_coding(payload[:512]) is not None


def _decode_in_child(what: str, payload: Payload) -> NDArray[np.uint8]:
    from assets.sandbox.tiff_process import decode_tiff

    return np.asarray(decode_tiff(what, bytes(payload)), np.uint8)


def shrink_luma(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8 luma at working size, by area; as it is when it has that size already."""
    return _shrink(luma, find_reduction(*luma.shape))


def _shrink(luma: NDArray[np.uint8], reduction: int) -> NDArray[np.uint8]:
    if reduction == 1:
        return luma
    size = -(-luma.shape[1] // reduction), -(-luma.shape[0] // reduction)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
