"""The containers that messages come in, told by their first bytes."""

from __future__ import annotations

from typing import BinaryIO

from assets.formats.messages import (
    mcap_records,
    rosbag1_records,
    rosbag2_records,
    sqlite_pages,
)
from assets.formats.messages.mcap_records import RecordWalker
from assets.formats.messages.recording import Walker
from assets.formats.messages.rosbag1_records import BagWalker
from assets.formats.messages.rosbag2_records import DatabaseWalker


def open_walker(stream: BinaryIO) -> Walker:
    """What walks the messages of a stored recording."""
    stream.seek(0)
    head = stream.read(len(sqlite_pages.MAGIC))
    if head.startswith(sqlite_pages.MAGIC):
        return DatabaseWalker(stream)
    if head.startswith(rosbag1_records.MAGIC):
        return BagWalker(stream)
    return RecordWalker(stream)


def read_message(
    stream: BinaryIO, offset: int, inner_offset: int | None, size: int
) -> bytes:
    """The bytes of one message of a recording, by the place that its rows name, decompressed.

    `offset`, `inner_offset` and `size` are `source_offset`, `source_inner_offset` and the message's size, in bytes.
    Raises ValueError where nothing such lies there.
    """
    if inner_offset is None:
        stream.seek(offset)
        return stream.read(size)
    stream.seek(0)
    head = stream.read(len(sqlite_pages.MAGIC))
    if head.startswith(sqlite_pages.MAGIC):
        return rosbag2_records.read_row(stream, offset)[:size]
    expand = (
        rosbag1_records.expand_chunk
        if head.startswith(rosbag1_records.MAGIC)
        else mcap_records.expand_chunk
    )
    return bytes(expand(stream, offset)[inner_offset : inner_offset + size])
