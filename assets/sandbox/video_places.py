"""Where a frame of a stored video lies: what the frames table holds in place of an encoded image.

A frame is found by its packet, which is counted from the key frame with which its decoding begins.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass

MAGIC = b"\x00video"


@dataclass(frozen=True)
class Key:
    """A packet with which decoding may begin. `offset` is its place in the file, -1 where the container hides it.

    Of messages, `offset` is that of the record which is, or holds, the packet's message, `pts` the message's in there.
    """

    offset: int
    pts: int | None
    dts: int | None


@dataclass(frozen=True)
class VideoPlace:
    """One frame of a video that the blob store holds."""

    blob: str  # sha256 of the container's bytes
    # "mov", "avi", "matroska"; "messages/h264": packets of that codec, one a message of a recording
    demuxer: str
    stream: int  # index in the container, or number of the channel
    key: Key
    steps: int  # packets of the stream from that of the key to that of the frame
    number: int  # packets of the stream before that of the frame
    nth: int  # of the frames that one packet gives
    checksum: int  # CRC-32 of what the decoder gives

    def pack(self) -> bytes:
        """Bytes that are the same for equal places: few, since a video has many."""
        return MAGIC + json.dumps(astuple(self), separators=(",", ":")).encode()

    @classmethod
    def unpack(cls, data: bytes) -> VideoPlace:
        """The place that `pack` has written. Raises ValueError for other bytes."""
        try:
            blob, demuxer, stream, key, *numbers = json.loads(data.removeprefix(MAGIC))
            return cls(blob, demuxer, stream, Key(*key), *numbers)
        except (ValueError, TypeError) as error:
            raise ValueError(f"no place of a video's frame: {error}") from error


OF_MESSAGES = "messages/"  # before the codec


def is_place(payload: bytes | memoryview) -> bool:
    """Whether stored bytes say where a frame lies, and are no image themselves."""
    return bytes(payload[: len(MAGIC)]) == MAGIC
