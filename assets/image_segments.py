"""Walk the segments of a JPEG (ITU T.81, annex B), the chunks of a PNG or RIFF file, and a directory of a TIFF (6.0).

Nothing is decoded.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

_SCAN = 0xDA
_END = 0xD9
_MARKER = re.compile(rb"\xff+[^\x00\xff]", re.DOTALL)
_BEHIND_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)
_RESTARTS_AND_START = range(0xD0, 0xD9)  # no segments, and out of place between them
_WITHOUT_LENGTH = (0x01, *_RESTARTS_AND_START, _END)
# type -> bytes of one value
TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 9: 4, 10: 8, 11: 4, 12: 8}
_MAX_ENTRIES = 4096


class TiffEntry(NamedTuple):
    """One entry of a directory: `num_values` values of a type of `TIFF_SIZES`, which lie at byte `start`."""

    tag: int
    kind: int
    num_values: int
    start: int


def walk_jpeg(data: bytes, is_strict: bool = True) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of every segment behind the first; a scan ends where the next marker is.

    Not strict, the walk ends at the first scan, and where the bytes make no sense; the last segment may reach beyond
    them. Strict, that raises ValueError.
    """
    at = 2
    while match := _MARKER.match(data, at):
        start = match.end() - 2
        marker = data[match.end() - 1]
        end = start + 2
        if is_strict and marker in _RESTARTS_AND_START:
            break
        if marker not in _WITHOUT_LENGTH:
            if (
                len(data) < start + 4
                or (size := struct.unpack_from(">H", data, start + 2)[0]) < 2
            ):
                break
            end += size
        if (end > len(data) and is_strict) or (marker == _SCAN and not is_strict):
            break
        if marker == _SCAN:
            following = _BEHIND_SCAN.search(data, end)
            end = following.start() if following else len(data)
        yield marker, start, end
        if marker == _END or end >= len(data):
            return
        at = end
    if is_strict:
        raise ValueError(f"no JPEG marker at byte {at}: do not hand these bytes on")


def has_segment(data: bytes, beginning: bytes, limit_bytes: int) -> bool:
    """Whether a segment that `walk_jpeg`, not strict, meets in the first bytes may begin so. No scan is searched."""
    at = 2
    end = min(limit_bytes, len(data))
    while at + 4 + len(beginning) <= end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _SCAN:
            return False
        if marker < 0xC0 or marker == 0xFF or marker in _RESTARTS_AND_START:
            break
        if data.startswith(beginning, at + 4):
            return True
        at += 2 + (data[at + 2] << 8 | data[at + 3])
    # what is filled up, or stands there seldom, is searched
    return data.find(beginning, at, end) >= 0


def walk_chunks(
    data: bytes | memoryview, at: int, order: str, is_strict: bool = True
) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the chunks of a PNG (">") or a RIFF file ("<")."""
    while at + 8 <= len(data):
        size, name = (
            struct.unpack_from(">I4s", data, at)
            if order == ">"
            else struct.unpack_from("<4sI", data, at)[::-1]
        )
        end = at + 8 + size + (4 if order == ">" else size % 2)
        if end > len(data) and (is_strict or order == ">"):
            break
        yield name, at, end
        if name == b"IEND":
            return
        at = end
    if is_strict:
        raise ValueError(f"no PNG chunk at byte {at}: do not hand these bytes on")


def find_byte_order(data: bytes | memoryview) -> str:
    """ "<" or ">" for `struct`, of a TIFF."""
    return "<" if bytes(data[:2]) == b"II" else ">"


def walk_directory(
    data: bytes | memoryview, order: str, at: int, is_strict: bool = True
) -> Iterator[TiffEntry]:
    """The entries of the directory at byte `at` of a TIFF that have values of a known type; these may lie anywhere.

    Not strict, the walk ends where the bytes do. Strict, that raises struct.error.
    """
    if not is_strict and not 8 <= at <= len(data) - 2:
        return
    num_entries = min(struct.unpack_from(order + "H", data, at)[0], _MAX_ENTRIES)
    if not is_strict:
        num_entries = min(num_entries, (len(data) - at - 2) // 12)
    for place in range(at + 2, at + 2 + 12 * num_entries, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        if kind not in TIFF_SIZES or not count:
            continue
        start = place + 8
        if count * TIFF_SIZES[kind] > 4:
            start = struct.unpack_from(order + "I", data, start)[0]
        yield TiffEntry(tag, kind, count, start)
