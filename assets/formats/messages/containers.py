"""The containers that messages come in, told by their first bytes."""

from __future__ import annotations

from typing import BinaryIO

from assets.formats.messages import rosbag1_records, sqlite_pages
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
