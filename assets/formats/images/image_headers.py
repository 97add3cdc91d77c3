"""Read encoding, size and bit depth from the header of an encoded image. Nothing is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from assets.heif_layout import find_coding, read_heif
from assets.image_segments import find_byte_order, walk_directory, walk_jpeg

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)
# start-of-frame markers (ITU T.81, table B.1)
_JPEG_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TIFF_LETTERS = {1: "B", 3: "H", 4: "I"}


@dataclass(frozen=True)
class ImageHeader:
    """What the first bytes say; they may lie, so the guard decodes before anybody relies on it."""

    encoding: str
    width_px: int
    height_px: int
    bits: int  # per channel
    channels: int


def find_encoding(head: bytes) -> str | None:
    """ "jpeg", "png", "tiff", "bmp", "webp", "gif", "heic" or "avif" by the magic; None for anything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next(
        (encoding for magic, encoding in _MAGICS if head.startswith(magic)),
        find_coding(head),
    )


def read_header(payload: bytes) -> ImageHeader | None:
    """The header of an encoded image in its stored orientation, None where it is not understood."""
    encoding = find_encoding(payload)
    if encoding is None:
        return None
    try:
        facts = _PARSERS[encoding](payload)
    except (struct.error, IndexError, KeyError, ValueError):
        return None
    return (
        ImageHeader(encoding, *facts)
        if facts and facts[0] > 0 and facts[1] > 0
        else None
    )


def is_depth_png(payload: bytes) -> bool:
    """A 16-bit single-channel PNG: what depth is stored as, and other pictures of 16 bits too."""
    header = read_header(payload[:64]) if payload.startswith(b"\x89PNG") else None
    return header is not None and header.bits == 16 and header.channels == 1


_Facts = tuple[int, int, int, int]  # width_px, height_px, bits, channels


def _parse_png(data: bytes) -> _Facts | None:
    width, height, bits, color = struct.unpack_from(">IIBB", data, 16)
    return (
        (width, height, bits, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color])
        if data[12:16] == b"IHDR"
        else None
    )


def _parse_jpeg(data: bytes) -> _Facts | None:
    for marker, start, _ in walk_jpeg(data, is_strict=False):
        if marker in _JPEG_SOF:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, start + 4)
            return width, height, bits, channels
    return None


def _parse_gif(data: bytes) -> _Facts | None:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height, 8, 3


def _parse_bmp(data: bytes) -> _Facts | None:
    if struct.unpack_from("<I", data, 14)[0] == 12:  # OS/2 header
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    return width, abs(height), 8, 4 if bits == 32 else 3


def _parse_webp(data: bytes) -> _Facts | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
            8,
            3,
        )
    if kind == b"VP8L":
        packed = struct.unpack_from("<I", data, 21)[0]
        return (packed & 0x3FFF) + 1, ((packed >> 14) & 0x3FFF) + 1, 8, 3
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, 8, 3


def _parse_tiff(data: bytes) -> _Facts | None:
    order = find_byte_order(data)
    tags = {}
    for tag, kind, _, start in walk_directory(
        data, order, struct.unpack_from(order + "I", data, 4)[0]
    ):
        # of several values the first stands for all
        if tag in (256, 257, 258, 277) and kind in _TIFF_LETTERS:
            tags[tag] = struct.unpack_from(order + _TIFF_LETTERS[kind], data, start)[0]
    return tags[256], tags[257], tags.get(258, 1), tags.get(277, 1)


def _parse_heif(data: bytes) -> _Facts | None:
    layout = read_heif(data)
    return layout.width_px, layout.height_px, layout.bits, layout.channels


_PARSERS = {
    "png": _parse_png,
    "jpeg": _parse_jpeg,
    "gif": _parse_gif,
    "bmp": _parse_bmp,
    "webp": _parse_webp,
    "tiff": _parse_tiff,
    "heic": _parse_heif,
    "avif": _parse_heif,
}
