"""Read encoding, size and bit depth from the header of an encoded image. Nothing is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)
_JPEG_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers (ITU T.81, table B.1)


@dataclass(frozen=True)
class ImageHeader:
    """What the first bytes say; they may lie, so the guard decodes before anybody relies on it."""

    encoding: str
    width_px: int
    height_px: int
    bits: int  # per channel
    channels: int


def find_encoding(head: bytes) -> str | None:
    """ "jpeg", "png", "tiff", "bmp", "webp" or "gif" by the magic; None for anything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((encoding for magic, encoding in _MAGICS if head.startswith(magic)), None)


def read_header(payload: bytes) -> ImageHeader | None:
    """The header of an encoded image in its stored orientation, None where it is not understood."""
    encoding = find_encoding(payload)
    if encoding is None:
        return None
    try:
        facts = _PARSERS[encoding](payload)
    except (struct.error, IndexError, KeyError, ValueError):
        return None
    return ImageHeader(encoding, *facts) if facts and facts[0] > 0 and facts[1] > 0 else None


def is_depth_png(payload: bytes) -> bool:
    """A 16-bit single-channel PNG: what depth is stored as, and other pictures of 16 bits too."""
    header = read_header(payload[:64]) if payload.startswith(b"\x89PNG") else None
    return header is not None and header.bits == 16 and header.channels == 1


_Facts = tuple[int, int, int, int]  # width_px, height_px, bits, channels


def _parse_png(data: bytes) -> _Facts | None:
    width, height, bits, color = struct.unpack_from(">IIBB", data, 16)
    return (width, height, bits, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]) if data[12:16] == b"IHDR" else None


def _parse_jpeg(data: bytes) -> _Facts | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_SOF:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            return width, height, bits, channels
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
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
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1, 8, 3
    if kind == b"VP8L":
        packed = struct.unpack_from("<I", data, 21)[0]
        return (packed & 0x3FFF) + 1, ((packed >> 14) & 0x3FFF) + 1, 8, 3
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, 8, 3


def _parse_tiff(data: bytes) -> _Facts | None:
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(order + "I", data, 4)[0]
    tags: dict[int, int] = {}
    for entry in range(struct.unpack_from(order + "H", data, at)[0]):
        tag, kind, count = struct.unpack_from(order + "HHI", data, at + 2 + 12 * entry)
        place = at + 10 + 12 * entry
        size = {1: 1, 3: 2, 4: 4}.get(kind, 0)
        if tag in (256, 257, 258, 277) and size:
            if count * size > 4:  # the values lie elsewhere; the first stands for all
                place = struct.unpack_from(order + "I", data, place)[0]
            tags[tag] = struct.unpack_from(order + {1: "B", 2: "H", 4: "I"}[size], data, place)[0]
    return tags[256], tags[257], tags.get(258, 1), tags.get(277, 1)


_PARSERS = {
    "png": _parse_png,
    "jpeg": _parse_jpeg,
    "gif": _parse_gif,
    "bmp": _parse_bmp,
    "webp": _parse_webp,
    "tiff": _parse_tiff,
}
