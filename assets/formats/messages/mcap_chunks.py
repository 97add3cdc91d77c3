"""Decompress chunks of MCAP files and bags within stated limits, and read the fields of MCAP records strictly."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from mcap.records import Channel, Schema, Statistics

MAX_SCHEMA_BYTES = 256 << 10
MAX_LIST_BYTES = 256 << 10  # of a message that may hold lists of anything but bytes
_MAX_ZSTD_WINDOW = 128 << 20


@dataclass(frozen=True)
class RecordingLimits:
    """How much is taken from one recording."""

    chunk_bytes: int = 256 << 20  # after decompression; also of a summary
    record_bytes: int = 257 << 20  # as stored
    # of all chunks together, and of them to the file
    free_bytes: int = 512 << 20
    ratio: int = 200
    # in chunks: a record that takes fewer stored bytes says nothing new
    free_records: int = 50_000
    bytes_a_record: int = 4

    def limit_expansion(self, file_bytes: int) -> int:
        """How many bytes the chunks of a file may expand to in all."""
        return max(self.free_bytes, self.ratio * file_bytes)

    def limit_records(self, file_bytes: int) -> int:
        """How many records the chunks of a file may hold."""
        return self.free_records + file_bytes // self.bytes_a_record


@dataclass(frozen=True)
class ChunkHeader:
    """A chunk record without its data. `data_at` is where the stored data begin inside the record's body."""

    uncompressed_size: int
    uncompressed_crc: int
    compression: str
    data_at: int
    data_size: int


class Fields:
    """Reads little-endian fields one after the other. Raises ValueError when a field runs over the end."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self.at = 0

    def take(self, size: int) -> memoryview:
        """The next `size` bytes. Raises ValueError where the record ends before."""
        if self.at + size > len(self._data):
            raise ValueError(f"a field of {size} bytes runs over the end of its record")
        self.at += size
        return self._data[self.at - size : self.at]

    def number(self, size: int) -> int:
        """The next integer, of `size` bytes, little-endian and without sign."""
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        """The next UTF-8 text, behind its length of four bytes."""
        return bytes(self.take(self.number(4))).decode()

    def sized(self) -> Fields:
        """The fields of the next map or array, behind its length of four bytes."""
        return Fields(self.take(self.number(4)))

    @property
    def is_at_end(self) -> bool:
        """Whether everything was taken."""
        return self.at >= len(self._data)


def parse_schema(body: bytes | memoryview) -> Schema:
    """A Schema record (opcode 3). Raises ValueError where it is damaged or too long."""
    fields = Fields(body)
    number = fields.number(2)
    name = fields.text()
    encoding = fields.text()
    if len(body) > MAX_SCHEMA_BYTES:
        raise ValueError(f"a schema of {len(body)} bytes, more than {MAX_SCHEMA_BYTES}")
    return Schema(
        id=number,
        name=name,
        encoding=encoding,
        data=bytes(fields.take(fields.number(4))),
    )


def parse_channel(body: bytes | memoryview) -> Channel:
    """A Channel record (opcode 4). Raises ValueError where it is damaged."""
    fields = Fields(body)
    number = fields.number(2)
    schema = fields.number(2)
    topic = fields.text()
    encoding = fields.text()
    metadata = {}
    pairs = fields.sized()
    while not pairs.is_at_end:
        key = pairs.text()
        metadata[key] = pairs.text()
    return Channel(
        id=number,
        schema_id=schema,
        topic=topic,
        message_encoding=encoding,
        metadata=metadata,
    )


def parse_statistics(body: bytes | memoryview) -> Statistics:
    """A Statistics record (opcode 11). Raises ValueError where it is damaged."""
    fields = Fields(body)
    messages, schemas, channels, attachments, metadata, chunks, start, end = (
        fields.number(n) for n in (8, 2, 4, 4, 4, 4, 8, 8)
    )
    counts = {}
    pairs = fields.sized()
    while not pairs.is_at_end:
        channel = pairs.number(2)
        counts[channel] = pairs.number(8)
    return Statistics(
        attachment_count=attachments,
        channel_count=channels,
        channel_message_counts=counts,
        chunk_count=chunks,
        message_count=messages,
        message_end_time=end,
        message_start_time=start,
        metadata_count=metadata,
        schema_count=schemas,
    )


def parse_small(parse: Callable[[bytes], Any], data: bytes) -> Any:
    """Parse a message that may hold lists: every byte of it can become an object of hundreds. Raises ValueError."""
    if len(data) > MAX_LIST_BYTES:
        raise ValueError(
            f"a message of {len(data)} bytes that is no image, more than {MAX_LIST_BYTES}"
        )
    return parse(data)


def parse_chunk_start(body: bytes | memoryview) -> int:
    """Where the chunk of a ChunkIndex record begins in the file."""
    fields = Fields(body)
    fields.take(16)
    return fields.number(8)


def parse_chunk_header(body: bytes | memoryview) -> ChunkHeader:
    """What stands before the data of a Chunk record (opcode 6). Raises ValueError where it is damaged."""
    fields = Fields(body)
    fields.take(16)  # first and last log time
    size = fields.number(8)
    crc = fields.number(4)
    compression = fields.text()
    data_size = fields.number(8)
    return ChunkHeader(size, crc, compression, fields.at, data_size)


def decompress_chunk(
    header: ChunkHeader, stored: memoryview, is_whole: bool, max_bytes: int
) -> bytes:
    """The records in a chunk.

    With `is_whole` False (the file ends inside the chunk) what can be had of its beginning, unverified. Raises
    ValueError for a chunk that is too large, of an unknown compression, damaged, or not of the size or CRC it states.
    """
    if header.uncompressed_size > max_bytes:
        raise ValueError(
            f"chunk expands to {header.uncompressed_size} bytes, more than the {max_bytes} allowed"
        )
    decompress = _DECOMPRESS.get(header.compression)
    if decompress is None:
        raise ValueError(
            f"chunk compression {header.compression[:20]!r} is not known (zstd, lz4, bz2, none are)"
        )
    data = decompress(stored, header.uncompressed_size, is_whole)
    if not is_whole:
        return data
    if len(data) != header.uncompressed_size:
        raise ValueError(
            f"chunk holds {len(data)} bytes or more, states {header.uncompressed_size}"
        )
    if header.uncompressed_crc and zlib.crc32(data) != header.uncompressed_crc:
        raise ValueError("chunk CRC differs: bytes changed after it was written")
    return data


def _keep(stored: memoryview, size: int, is_whole: bool) -> bytes:
    return bytes(stored)


def decompress_zstd(stored: memoryview, size: int, is_whole: bool) -> bytes:
    """At most `size` bytes, and one more where there are more of them. Raises ValueError where they are damaged."""
    import zstandard

    pieces = []
    total = 0
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW).stream_reader(
        BytesIO(stored), read_across_frames=True
    )
    try:
        while total <= size and (piece := reader.read(min(1 << 20, size + 1 - total))):
            pieces.append(piece)
            total += len(piece)
    except zstandard.ZstdError as error:
        if is_whole:
            raise ValueError(f"chunk does not decompress: {error}") from error
    return b"".join(pieces)


def _decompress_lz4(stored: memoryview, size: int, is_whole: bool) -> bytes:
    import lz4.frame

    try:
        data: bytes = lz4.frame.LZ4FrameDecompressor().decompress(
            bytes(stored), max_length=size + 1
        )
        return data
    except (RuntimeError, EOFError) as error:
        if is_whole:
            raise ValueError(f"chunk does not decompress: {error}") from error
        return b""


def _decompress_bz2(stored: memoryview, size: int, is_whole: bool) -> bytes:
    import bz2

    try:
        return bz2.BZ2Decompressor().decompress(bytes(stored), max_length=size + 1)
    except (OSError, ValueError) as error:
        if is_whole:
            raise ValueError(f"chunk does not decompress: {error}") from error
        return b""


_DECOMPRESS: dict[str, Callable[[memoryview, int, bool], bytes]] = {
    "": _keep,
    "none": _keep,
    "zstd": decompress_zstd,
    "lz4": _decompress_lz4,
    "bz2": _decompress_bz2,
}


def unpack_record_header(head: bytes | memoryview) -> tuple[int, int]:
    """(opcode, length of the body) of the nine bytes before every record."""
    opcode, length = struct.unpack("<BQ", head)
    return opcode, length
