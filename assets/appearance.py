"""What a viewer shows of an image that is not plain: with alpha, in other colours, or deeper than 8 bits.

Plain are 8-bit grey and RGB without alpha, palettes without transparency, and JPEG, of which all decoders make the same
(CMYK and YCCK included, up to rounding). The rest becomes 8 bits by these rules:

- Alpha lays the picture on white. Where no pixel shows at all, the alpha was not meant, and is left out.
- Colours of 16 bits in a PNG, whose scale the format states, keep their upper 8 bits.
- One channel deeper than 8 bits, and colours of 16 bits in a TIFF, are measurements on a scale of which nobody says the
  ends, and are stretched picture by picture: `scale_to_8_bits`.
- HEIC and AVIF are turned, mirrored and cropped as their own properties say, and never by EXIF; deeper ones become
  8 bits as their decoders round.
- Colour profiles are not applied.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.heif_layout import HEIC, find_coding, read_heif
from assets.image_segments import walk_chunks
from assets.tiff_layout import (
    ASSOCIATED,
    RGB,
    UNASSOCIATED,
    WHITE_IS_ZERO,
    read_layout,
    set_upright,
)

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Payload = bytes | memoryview
CLIPPED_SHARE = 0.001  # of the samples at either end, which defects and glints fill
# colour types of PNG
_GREY = 0
_PALETTE = 3
_GREY_ALPHA = 4
_RGB_ALPHA = 6
_TIFF_MAGICS = (b"II*\x00", b"MM\x00*")
# compressions of BMP that say where in a pixel its colours lie, and alpha
_BITFIELDS = (3, 6)


class Appearance(NamedTuple):
    """`pixels` are (H, W) grey or (H, W, 3) RGB, uint8. `is_opaque`: unusual is only an alpha that hides nothing."""

    pixels: NDArray[np.uint8]
    is_opaque: bool = False

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3)."""
        is_grey = self.pixels.ndim == 2
        return (
            np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_GRAY2RGB), np.uint8)
            if is_grey
            else self.pixels
        )

    @property
    def luma(self) -> NDArray[np.uint8]:
        """(H, W)."""
        is_grey = self.pixels.ndim == 2
        return (
            self.pixels
            if is_grey
            else np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
        )


def is_plain(payload: Payload) -> bool:
    """Whether decoders agree about the picture; by its header alone."""
    head = bytes(payload[:34])
    if head[:3] == b"\xff\xd8\xff" or len(head) < 34:
        return True
    if head[4:8] == b"ftyp":
        return False
    if head.startswith(b"\x89PNG"):
        bits, color = head[24:26]
        return (
            color not in (_GREY_ALPHA, _RGB_ALPHA)
            and (bits, color) != (16, _GREY)
            and _find_key(payload) is None
        )
    # an extended header says whether there is alpha, and a lossless picture itself
    if head[:4] == b"RIFF":
        return not (
            (head[12:16] == b"VP8X" and head[20] & 0x10)
            or (head[12:16] == b"VP8L" and head[24] & 0x10)
        )
    if head[:2] == b"BM":
        return int.from_bytes(head[28:30], "little") != 32 or head[30] not in _BITFIELDS
    if head[:4] in _TIFF_MAGICS:
        return read_layout(payload).is_plain
    return not head.startswith(b"GIF8")


def decode_appearance(payload: Payload) -> Appearance:
    """The picture in stored orientation. Raises ValueError where the bytes do not decode."""
    head = bytes(payload[:4])
    if head == b"\x89PNG":
        return _decode_png(payload)
    if head == b"RIFF":
        return _lay_on_white(*_split(_read_unchanged(payload)))
    if head in _TIFF_MAGICS:
        return _decode_tiff(payload)
    return _decode_by_pillow(payload, find_coding(payload[:512]))


def show_pixels(pixels: Pixels) -> Appearance:
    """The picture of (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA: that of a PNG which holds these pixels."""
    colors, alpha = _split(pixels)
    if colors.ndim == 2 and colors.dtype == np.uint16:
        return Appearance(scale_to_8_bits(colors))
    return _lay_on_white(colors, alpha)


def show_luma(pixels: Pixels) -> NDArray[np.uint8]:
    """(H, W): the luma of what `show_pixels` gives, of most pictures in one step."""
    if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    return show_pixels(pixels).luma


def scale_to_8_bits(
    values: NDArray[Any],
    is_shown: NDArray[np.bool_] | None = None,
    no_data: float | None = None,
) -> NDArray[np.uint8]:
    """Measurements, (H, W) or (H, W, C) of any number type, on the 256 grey values: all channels on one scale.

    Linear, with 0 at the sample of rank 0.1 % and 255 at that of rank 99.9 %. Out of account are samples that are not
    finite, `no_data`, those not `is_shown`, and 0 in unsigned types, which stands for nothing measured; they become 0.
    Where both ends are one value, the least and the greatest of all take their place, and a picture of one value is
    0. Integers between 0 and 255 are 8-bit pictures in a wider type, and stay as they are.
    """
    is_integer = values.dtype.kind in "iu"
    if is_integer and values.size and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8)
    is_known = np.ones(values.shape, bool) if is_integer else np.isfinite(values)
    if no_data is not None:
        is_known &= values != no_data
    if is_shown is not None:
        is_known &= is_shown if values.ndim == 2 else is_shown[..., None]
    low, high = _find_ends(
        values[is_known & (values != 0)]
        if values.dtype.kind == "u"
        else values[is_known]
    )
    if low == high:
        low, high = _find_ends(values[is_known], clipped_share=0)
    if low == high:
        return np.zeros(values.shape, np.uint8)
    if values.dtype == np.uint16:
        scaled = _stretch(np.arange(1 << 16), low, high)[values]
    else:
        scaled = np.stack([_stretch(row, low, high) for row in values])
    scaled[~is_known] = 0
    return scaled


def _find_ends(
    samples: NDArray[Any], clipped_share: float = CLIPPED_SHARE
) -> tuple[float, float]:
    """The samples of the lowest and the highest rank that are not clipped; equal where there are none."""
    if not samples.size:
        return 0.0, 0.0
    rank = int(clipped_share * (samples.size - 1))
    samples.partition((rank, samples.size - 1 - rank))
    return float(samples[rank]), float(samples[samples.size - 1 - rank])


def _stretch(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    return np.rint(np.nan_to_num(np.interp(values, (low, high), (0.0, 255.0)))).astype(
        np.uint8
    )


def _decode_png(payload: Payload) -> Appearance:
    bits, color = bytes(payload[24:26])
    pixels, alpha = _split(_read_unchanged(payload))
    key = _find_key(payload)
    # OpenCV makes alpha of the keys of other types only
    if color == _GREY and key is not None:
        value = int.from_bytes(key[:2], "big") * (
            255 // ((1 << bits) - 1) if bits < 8 else 1
        )
        alpha = np.where(pixels == value, 0, 255).astype(np.uint8)
    if bits == 16 and color in (_GREY, _GREY_ALPHA):
        measured = pixels if pixels.ndim == 2 else pixels[..., 0]
        pixels = scale_to_8_bits(measured, None if alpha is None else alpha > 0)
    return _lay_on_white(pixels, alpha)


def _decode_tiff(payload: Payload) -> Appearance:
    layout = read_layout(payload)
    payload = set_upright(payload, layout)
    if layout.bits <= 8:
        return _decode_by_pillow(payload)
    pixels, alpha = _split(_read_unchanged(payload))
    if layout.extra not in (ASSOCIATED, UNASSOCIATED):
        alpha = None
    if layout.meaning == RGB and layout.extra == ASSOCIATED and alpha is not None:
        share = np.maximum(alpha, 1)[..., None] / np.float32(65535)
        pixels = np.minimum(np.rint(pixels / share), 65535).astype(np.uint16)
    scaled = scale_to_8_bits(
        pixels, None if alpha is None else alpha > 0, layout.no_data
    )
    return _lay_on_white(
        255 - scaled if layout.meaning == WHITE_IS_ZERO else scaled, alpha
    )


@cache
def load_heif() -> None:
    """Load the decoders of HEIC and AVIF, which use one thread; children do it before they are confined."""
    import pi_heif
    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pi_heif.register_heif_opener(thumbnails=False, decode_threads=1)


def open_heif(payload: Payload, coding: str) -> Any:
    """The primary picture as a Pillow image that is not decoded yet. Raises ValueError, and what Pillow raises."""
    from PIL import Image

    load_heif()
    if coding == HEIC:
        return Image.open(BytesIO(payload), formats=("HEIF",))
    if read_heif(payload).is_cropped:
        raise ValueError("an AVIF that is cropped, which not every decoder does")
    return Image.open(BytesIO(payload), formats=("AVIF",))


def turn_heif(image: Any, coding: str) -> Any:
    """The picture as its properties turn it: libheif has done so, of an AVIF Pillow says them as if they were EXIF."""
    from PIL import ImageOps

    return image if coding == HEIC else ImageOps.exif_transpose(image)


def _decode_by_pillow(payload: Payload, coding: str | None = None) -> Appearance:
    from PIL import Image

    try:
        with (
            turn_heif(open_heif(payload, coding), coding)
            if coding
            else Image.open(BytesIO(payload), formats=("TIFF", "GIF", "BMP"))
        ) as image:
            if not image.has_transparency_data:
                # a copy that may be written to
                return Appearance(np.array(image.convert("RGB")))
            rgba = np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError) as error:
        raise ValueError(
            f"{len(payload)} bytes do not decode as an image: {error}"
        ) from error
    return _lay_on_white(rgba[..., :3], rgba[..., 3])


def _read_unchanged(payload: Payload) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError(
            f"OpenCV does not decode these {len(payload)} bytes as an image"
        )
    return np.asarray(pixels)


def _split(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """(H, W) grey or (H, W, 3) RGB, and alpha, of what OpenCV reads as grey, BGR or BGRA."""
    if pixels.ndim == 2:
        return pixels, None
    if pixels.shape[2] == 3:
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), None
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB), pixels[..., 3]


def _lay_on_white(pixels: NDArray[Any], alpha: NDArray[Any] | None) -> Appearance:
    """Grey or RGB, of 8 bits or of 16 on their full scale, in 8 bits."""
    pixels = np.ascontiguousarray(_take_upper_bits(pixels))
    if alpha is None:
        return Appearance(pixels)
    alpha = _take_upper_bits(alpha)
    if alpha.min() == 255 or alpha.max() == 0:
        return Appearance(pixels, is_opaque=True)
    share = (alpha if pixels.ndim == 2 else alpha[..., None]).astype(np.uint16)
    return Appearance(
        ((pixels * share + (255 - share) * 255 + 127) // 255).astype(np.uint8)
    )


def _take_upper_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    return (
        (values >> 8).astype(np.uint8)
        if values.dtype == np.uint16
        else np.asarray(values, np.uint8)
    )


def _find_key(payload: Payload) -> bytes | None:
    """What the chunk tRNS of a PNG says of transparent colours."""
    for name, start, end in walk_chunks(payload, 8, ">", is_strict=False):
        if name == b"tRNS":
            return bytes(payload[start + 8 : end - 4])
        if name == b"IDAT":
            break
    return None
