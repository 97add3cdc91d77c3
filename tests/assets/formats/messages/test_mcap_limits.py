"""The limits of MCAP recordings, lowered until three messages of 1000 bytes exceed them."""

from __future__ import annotations

import zlib
from io import BytesIO

import lz4.frame
import pytest
import zstandard
from mcap.writer import CompressionType, IndexType, Writer

from assets.formats.messages import mcap_chunks
from assets.formats.messages.mcap_chunks import (
    ChunkHeader,
    RecordingLimits,
    decompress_chunk,
    parse_schema,
)
from assets.formats.messages.mcap_records import Damage, RecordWalker

SCHEMA = b"\1\0" + b"".join(
    len(text).to_bytes(4, "little") + text for text in (b"a", b"jsonschema", b"{}")
)
# a message in its chunk: 9 bytes before each record, 22 before its data
MESSAGE_BYTES = 9 + 22 + 1000


def record(
    compression: CompressionType = CompressionType.ZSTD,
    chunk_size: int = 1,
    **options: object,
) -> bytes:
    """Three messages, each in a chunk of its own; the schema and the channel are in the first."""
    stream = BytesIO()
    writer = Writer(stream, chunk_size, compression, **options)
    writer.start()
    schema = writer.register_schema("a", "jsonschema", b"{}")
    channel = writer.register_channel("/a", "json", schema)
    for n in range(3):
        writer.add_message(channel, log_time=n, data=bytes([n]) * 1000, publish_time=n)
    writer.finish()
    return stream.getvalue()


def walk(data: bytes, **limits: int) -> tuple[int, list[str]]:
    """How many messages were read, and what was refused below these limits."""
    items = list(RecordWalker(BytesIO(data), RecordingLimits(**limits)).walk())
    damage = [item.reason for item in items if isinstance(item, Damage)]
    return len(items) - len(damage), damage


def test_the_limits_of_a_file_grow_with_its_size():
    limits = RecordingLimits()
    assert limits.limit_expansion(1000) == 512 << 20
    assert limits.limit_expansion(1 << 30) == 200 << 30
    assert limits.limit_records(1000) == 50_000 + 250


def test_a_recording_within_the_limits_is_read():
    assert walk(record()) == (3, [])


@pytest.mark.parametrize("compression", list(CompressionType))
def test_a_chunk_larger_than_the_limit_is_not_expanded(compression):
    # the first chunk holds the schema and the channel too
    data = record(compression)
    num_read, reasons = walk(data, chunk_bytes=MESSAGE_BYTES)
    assert num_read == 2
    assert [r.split(" bytes, ")[1] for r in reasons] == ["more than the 1031 allowed"]


def test_a_record_longer_than_the_limit_is_not_read():
    data = record(CompressionType.NONE, use_chunking=False)
    assert walk(data, record_bytes=22 + 1000) == (3, [])
    reason = "record of 1022 bytes, more than is read at once"
    assert walk(data, record_bytes=1000) == (0, [reason] * 3)


def test_chunks_that_are_too_much_together_are_not_expanded():
    # each chunk has 1031 bytes, the first one less than 100 more
    limit = 2 * MESSAGE_BYTES + 100
    reason = "with this chunk the file expands to more than is allowed for its size"
    assert walk(record(), free_bytes=limit, ratio=0) == (2, [reason])


def test_more_records_than_the_limit_are_not_read():
    # a schema, a channel and three messages
    data = record(chunk_size=9999)
    assert walk(data, free_records=5, bytes_a_record=9**9) == (3, [])
    reason = "more records in chunks than are read of a file of its size"
    assert walk(data, free_records=4, bytes_a_record=9**9) == (2, [reason])


def test_a_summary_longer_than_the_limit_is_not_read():
    data = record(CompressionType.NONE, use_chunking=False, index_types=IndexType.ALL)
    num_read, (reason,) = walk(data, chunk_bytes=10)
    assert num_read == 3
    assert reason.startswith("the footer points to a summary at ")


def test_a_schema_longer_than_the_limit_is_refused(lower):
    assert parse_schema(SCHEMA).name == "a"
    lower(mcap_chunks, MAX_SCHEMA_BYTES=len(SCHEMA) - 1)
    with pytest.raises(ValueError, match=f"a schema of {len(SCHEMA)} bytes, more than"):
        parse_schema(SCHEMA)


def pack(compression: str, data: bytes) -> memoryview:
    if compression == "lz4":
        return memoryview(lz4.frame.compress(data))
    return memoryview(zstandard.ZstdCompressor().compress(data))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_is_expanded_no_further_than_it_states(compression):
    stored = pack(compression, b"a" * 100)
    right = ChunkHeader(100, zlib.crc32(b"a" * 100), compression, 0, len(stored))
    assert decompress_chunk(right, stored, True, 100) == b"a" * 100
    wrong = ChunkHeader(10, 0, compression, 0, len(stored))
    with pytest.raises(ValueError, match="chunk holds 11 bytes or more, states 10"):
        decompress_chunk(wrong, stored, True, 100)


def test_a_chunk_of_another_checksum_is_refused():
    stored = memoryview(b"abc")
    header = ChunkHeader(3, zlib.crc32(b"abd"), "", 0, 3)
    with pytest.raises(ValueError, match="chunk CRC differs"):
        decompress_chunk(header, stored, True, 100)


def test_a_zstd_window_larger_than_the_limit_is_not_opened(lower):
    # written as a stream, whose length is not known before: at the usual level the window is 2 MiB
    packer = zstandard.ZstdCompressor().compressobj()
    stored = memoryview(packer.compress(b"a" * 100) + packer.flush())
    header = ChunkHeader(100, 0, "zstd", 0, len(stored))
    assert decompress_chunk(header, stored, True, 100) == b"a" * 100
    lower(mcap_chunks, _MAX_ZSTD_WINDOW=1 << 20)
    with pytest.raises(ValueError, match="chunk does not decompress"):
        decompress_chunk(header, stored, True, 100)
