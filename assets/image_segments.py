"""Walk the segments of a JPEG (ITU T.81, annex B), and the chunks of a PNG or RIFF file. Nothing is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)


def walk_jpeg(data: bytes, is_strict: bool = True) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of every segment behind the first; a scan ends where the next marker is.

    Not strict, the walk ends at the first scan, and where the bytes make no sense. Strict, that raises ValueError.
    """
    at = 2
    while match := _MARKER.match(data, at):
        start, marker = match.end() - 2, data[match.end() - 1]
        end = start + 2
        if marker != _END and marker != 0x01:
            if len(data) < start + 4 or (size := struct.unpack_from(">H", data, start + 2)[0]) < 2:
                break
            end += size
        if end > len(data) or (marker == _SCAN and not is_strict):
            break
        if marker == _SCAN:
            following = _MARKER.search(data, end)
            end = following.start() if following else len(data)
        yield marker, start, end
        if marker == _END or end == len(data):
            return
        at = end
    if is_strict:
        raise ValueError(f"no JPEG marker at byte {at}: do not hand these bytes on")


def walk_chunks(
    data: bytes | memoryview, at: int, order: str, is_strict: bool = True
) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the chunks of a PNG (">") or a RIFF file ("<")."""
    while at + 8 <= len(data):
        size, name = (
            struct.unpack_from(">I4s", data, at) if order == ">" else struct.unpack_from("<4sI", data, at)[::-1]
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
