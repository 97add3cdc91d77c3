"""Tell a file that is still being uploaded from one that is whole, by what its format ends with.

A container without its end is not read: what it holds so far would stand in the tables beside the same records of the
whole file, under another hash. It waits until it is whole, or until the deadline; then intake quarantines it.

Object stores show an object only when its upload has ended. Whoever cuts one short there gets the same answer.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from assets.formats.messages import rosbag1_records, sqlite_pages
from assets.storage import SessionFile

REMEDY = (
    "let the upload end, or repair the file (`mcap recover`, `rosbag reindex`, `zip -FF`), and land it again under its "
    "name"
)

_MCAP_END = b"\x89MCAP0\r\n"
# APPNOTE.TXT 4.3.16
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_MAX_ZIP_COMMENT = 65_535
_TAR_BLOCK = 512
# ISO/IEC 14496-12, 4.2
_BOX_HEAD = 8
_LARGE_BOX_HEAD = 16
_MAX_BOXES = 100_000


def find_missing_end(path: str, stream: BinaryIO) -> str | None:
    """Why the file cannot be whole; None when it is, when its format does not tell, or when it is none such."""
    magic_at, magic, check = _FORMATS.get(PurePosixPath(path).suffix.lower(), _UNKNOWN)
    stream.seek(magic_at)
    if check is None or stream.read(len(magic)) != magic:
        return None
    missing = check(stream, stream.seek(0, os.SEEK_END))
    return f"the file ends without {missing}: it is not whole" if missing else None


def find_partial(
    files: Sequence[SessionFile], open_file: Callable[[SessionFile], BinaryIO]
) -> list[str]:
    """The paths of the files that are not whole; costs one short read for each container, none for other files.

    One that cannot be opened is not waited for: intake says what is wrong with it.
    """
    return [
        file.path
        for file in files
        if file.fault is None
        and PurePosixPath(file.path).suffix.lower() in _FORMATS
        and _is_partial(file, open_file)
    ]


def _is_partial(
    file: SessionFile, open_file: Callable[[SessionFile], BinaryIO]
) -> bool:
    try:
        with open_file(file) as stream:
            return find_missing_end(file.path, stream) is not None
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        return False


def _check_mcap(stream: BinaryIO, size: int) -> str | None:
    return (
        None
        if _tail(stream, size, len(_MCAP_END)) == _MCAP_END
        else "the magic bytes of MCAP"
    )


def _check_bag(stream: BinaryIO, size: int) -> str | None:
    """A recorder writes the index last, and then its place into the head."""
    try:
        rosbag1_records.read_index(stream, size)
    except ValueError as error:
        return f"its index ({error})"
    return None


def _check_database(stream: BinaryIO, size: int) -> str | None:
    try:
        missing_bytes = sqlite_pages.Database(stream, max_row_bytes=0).missing_bytes
    except ValueError:
        return None  # no such database: its reader says what is wrong
    return f"its last {missing_bytes} bytes" if missing_bytes else None


def _check_zip(stream: BinaryIO, size: int) -> str | None:
    """The end record is the last thing but for its own comment, whose length it states."""
    tail = _tail(stream, size, _ZIP_END_BYTES + _MAX_ZIP_COMMENT)
    at = tail.rfind(_ZIP_END)
    while at >= 0:
        if len(tail) - at - _ZIP_END_BYTES == int.from_bytes(
            tail[at + 20 : at + 22], "little"
        ):
            return None
        at = tail.rfind(_ZIP_END, 0, at)
    return "the directory of a zip file"


def _check_tar(stream: BinaryIO, size: int) -> str | None:
    is_ended = size % _TAR_BLOCK == 0 and _tail(stream, size, 2 * _TAR_BLOCK) == bytes(
        2 * _TAR_BLOCK
    )
    return None if is_ended else "the two empty blocks of a tar file"


def _check_boxes(stream: BinaryIO, size: int) -> str | None:
    """Top-level boxes of MP4 and MOV: they must reach exactly to the end, and the index must be among them."""
    at = 0
    kinds = set()
    for _ in range(_MAX_BOXES):
        if at >= size:
            break
        stream.seek(at)
        head = stream.read(_LARGE_BOX_HEAD)
        length = int.from_bytes(head[:4], "big")
        least = _BOX_HEAD
        kinds.add(head[4:8])
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
            least = _LARGE_BOX_HEAD
        elif length == 0:  # to the end of the file
            length = size - at
        if length < least or at + length > size:
            return "the rest of its last box"
        at += length
    return None if b"moov" in kinds else "the index of its frames"


def _tail(stream: BinaryIO, size: int, count: int) -> bytes:
    stream.seek(max(0, size - count), io.SEEK_SET)
    return stream.read(count)


_Check = Callable[[BinaryIO, int], str | None]
_FORMATS: dict[
    str, tuple[int, bytes, _Check]
] = {  # suffix -> where its magic bytes begin, those bytes, the check
    ".mcap": (0, _MCAP_END, _check_mcap),
    ".bag": (0, rosbag1_records.MAGIC, _check_bag),
    ".db3": (0, sqlite_pages.MAGIC, _check_database),
    ".zip": (0, b"PK\x03\x04", _check_zip),
    ".tar": (257, b"ustar", _check_tar),
    ".mp4": (4, b"ftyp", _check_boxes),
    ".mov": (4, b"ftyp", _check_boxes),
}
_UNKNOWN: tuple[int, bytes, None] = (0, b"", None)
