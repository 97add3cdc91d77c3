"""Read what a HEIF file (ISO/IEC 23008-12) says of its primary picture: coding, size, turns. Nothing is decoded.

HEIC and AVIF are such files. What turns, mirrors or crops the picture (`irot`, `imir`, `clap`) is part of it and always
applied; an EXIF orientation beside it is not, so that nothing is turned twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

Payload = bytes | memoryview
HEIC = "heic"
AVIF = "avif"
_CODINGS = {
    b"avif": AVIF,
    b"avis": AVIF,
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), HEIC),
}
_ANY_CODING = (b"mif1", b"msf1", b"mif2", b"miaf")  # the other brands tell
_MAX_BRANDS = 64
_MAX_BOXES = 4096
_FULL = 4  # bytes of version and flags


@dataclass(frozen=True)
class HeifLayout:
    """The primary picture. `width_px` and `height_px` are of the picture as shown: cropped and turned."""

    width_px: int
    height_px: int
    bits: int  # per channel, 8 where the file does not say it
    channels: int
    is_cropped: bool


def find_coding(head: Payload) -> str | None:
    """ "heic" or "avif" by the brands in the first bytes; None for other files, also of the same container."""
    if len(head) < 16 or bytes(head[4:8]) != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4], "big"), len(head), 16 + 4 * _MAX_BRANDS)
    major = bytes(head[8:12])
    if major in _CODINGS:
        return _CODINGS[major]
    if major not in _ANY_CODING:
        return None
    brands = (bytes(head[at : at + 4]) for at in range(16, size - 3, 4))
    return next((_CODINGS[brand] for brand in brands if brand in _CODINGS), None)


def read_heif(payload: Payload) -> HeifLayout:
    """Raises ValueError for what is no such file, or does not say the size of its picture."""
    try:
        meta = _find(payload, b"meta", 0, len(payload))
        boxes = dict(_list_boxes(payload, meta[0] + _FULL, meta[1]))
        primary = _read_primary(payload, boxes[b"pitm"])
        parts = dict(_list_boxes(payload, *boxes[b"iprp"]))
        properties = list(_list_boxes(payload, *parts[b"ipco"]))
        mine = [
            properties[index - 1]
            for index in _list_indexes(payload, parts[b"ipma"], primary)
            if 0 < index <= len(properties)
        ]
        return _join(payload, mine)
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError(
            "a HEIF file that does not say how its picture is laid out"
        ) from error


_Span = tuple[int, int]  # of a box's content, bytes


def _list_boxes(data: Payload, start: int, end: int) -> Iterator[tuple[bytes, _Span]]:
    """Name and content of the boxes in a span. Raises ValueError where they do not fit."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        size = size or end - start
        if size < head or start + size > end:
            raise ValueError(f"a box {name!r} of {size} bytes in {end - start}")
        yield name, (start + head, start + size)
        start += size
    raise ValueError(f"more than {_MAX_BOXES} boxes")


def _find(data: Payload, wanted: bytes, start: int, end: int) -> _Span:
    for name, span in _list_boxes(data, start, end):
        if name == wanted:
            return span
    raise KeyError(wanted)


def _read_primary(data: Payload, span: _Span) -> int:
    """The id of the item that is the picture."""
    form = ">H" if data[span[0]] == 0 else ">I"
    return int(struct.unpack_from(form, data, span[0] + _FULL)[0])


def _list_indexes(data: Payload, span: _Span, wanted: int) -> Iterator[int]:
    """The properties of an item, counted from 1."""
    at, end = span
    version, flags = data[at], data[at + 3]
    (count,) = struct.unpack_from(">I", data, at + _FULL)
    at += _FULL + 4
    for _ in range(count):
        if at >= end:
            return
        item, num_properties = struct.unpack_from(
            ">HB" if version == 0 else ">IB", data, at
        )
        at += 3 if version == 0 else 5
        form, mask = (">H", 0x7FFF) if flags & 1 else (">B", 0x7F)
        for _ in range(num_properties):
            (value,) = struct.unpack_from(form, data, at)
            at += struct.calcsize(form)
            if item == wanted:
                yield value & mask


def _join(data: Payload, properties: list[tuple[bytes, _Span]]) -> HeifLayout:
    """Crop and turns change the size in the order in which they are listed."""
    size: tuple[int, int] | None = None
    depths: bytes = b""
    is_cropped = False
    for name, (start, end) in properties:
        if name == b"ispe":
            width, height = struct.unpack_from(">II", data, start + _FULL)
            size = width, height
        elif name == b"pixi":
            depths = bytes(data[start + _FULL + 1 : end])
        elif name == b"clap":
            is_cropped = True
            size = _read_crop(data, start)
        elif name == b"irot" and data[start] & 1 and size:
            size = size[::-1]
    if size is None or min(size) < 1:
        raise ValueError("a HEIF file that does not say the size of its picture")
    return HeifLayout(*size, max((8, *depths)), len(depths) or 3, is_cropped)


def _read_crop(data: Payload, start: int) -> tuple[int, int]:
    """Width and height that are shown, each a fraction."""
    width, of_width, height, of_height = struct.unpack_from(">4I", data, start)
    if not of_width or not of_height:
        raise ValueError("a HEIF file whose crop divides by zero")
    return width // of_width, height // of_height
