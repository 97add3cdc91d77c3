"""The containers that messages come in, told by their first bytes; and what is read back of a stored one."""

from __future__ import annotations

from typing import Any, BinaryIO

from assets.formats.messages import (
    mcap_records,
    rosbag1_records,
    rosbag2_records,
    sqlite_pages,
)
from assets.formats.messages.mcap_records import RecordWalker
from assets.formats.messages.recording import Walker, choose_read
from assets.formats.messages.rosbag1_records import BagWalker
from assets.formats.messages.rosbag2_records import DatabaseWalker
from assets.formats.messages.topics import Origin, VideoPacket
from assets.formats.observations import Source
from assets.sandbox.video_places import VideoPlace


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


def read_packets(stream: BinaryIO, place: VideoPlace, count: int) -> list[bytes]:
    """The packets of a place's channel from its key packet on, at most so many. Raises ValueError without the key."""
    walker = open_walker(stream)
    key = (place.key.offset, place.key.pts)
    packets: list[bytes] = []
    read: Any = None
    for item in walker.walk_from(place.key.offset, place.stream):
        if not packets and item.place != key:
            continue
        read = read or choose_read(item.channel, item.schema)
        origin = Origin(item.channel.topic, "", Source(""))
        packets += [
            reading.data
            for reading in read(bytes(item.data), origin)
            if isinstance(reading, VideoPacket)
        ]
        if len(packets) >= count:
            return packets
    if not packets:
        raise ValueError(
            f"the key packet of a frame is not at byte {place.key.offset} of recording {place.blob[:12]}…: "
            "run `daguerre verify`"
        )
    return packets
