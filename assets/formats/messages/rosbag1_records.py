"""Walk the records of a ROS 1 bag with their exact byte offsets, past damage where that is possible.

Follows the bag format 2.0 (wiki.ros.org/Bags/Format/2.0). Lengths are checked before anything is read or decompressed;
the chunk infos at the end give the places to go on from when a record's length cannot be true.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from mcap.records import Channel, Schema, Statistics

from assets.formats.messages.mcap_chunks import (
    MAX_SCHEMA_BYTES,
    ChunkHeader,
    RecordingLimits,
    decompress_chunk,
)
from assets.formats.messages.mcap_records import Damage, Located, keep_channel
from assets.formats.messages.mcap_summary import Summary
from assets.formats.messages.ros1_messages import name_as_ros2

MAGIC = b"#ROSBAG V2.0\n"
OLD_MAGIC = b"#ROSBAG V1."
INDEX_REMEDY = "copy the file again; if the recorder was stopped, `rosbag reindex` restores the index"
_WRITER_REMEDY = "record it again, or repair it with `rosbag reindex`"
_OLD_REMEDY = "write it anew with `rosbag filter OLD.bag NEW.bag True`"
_MESSAGE, _HEADER, _CHUNK, _CHUNK_INFO, _CONNECTION = 2, 3, 5, 6, 7
# of a record's header, which holds a handful of numbers, and a topic
_MAX_HEADER_BYTES = 64 << 10


@dataclass(frozen=True)
class _Record:
    """One record: its header, and where its data lie."""

    fields: dict[str, bytes]
    at: int
    data_at: int
    size: int

    @property
    def end(self) -> int:
        return self.data_at + self.size

    def number(self, name: str) -> int:
        """A field that is a number, little-endian. Raises ValueError where it is absent."""
        if name not in self.fields:
            raise ValueError(f"a record without the field {name!r}")
        return int.from_bytes(self.fields[name], "little")

    def text(self, name: str) -> str:
        """A field that is text; empty where it is absent."""
        return self.fields.get(name, b"").decode("utf-8", "replace")

    def time_ns(self) -> int:
        """The field `time`. Raises ValueError where it is none."""
        try:
            seconds, nanoseconds = struct.unpack("<II", self.fields["time"])
        except (KeyError, struct.error) as error:
            raise ValueError("a message without a time") from error
        return int(seconds) * 1_000_000_000 + int(nanoseconds)


class BagWalker:
    """One pass over one bag. After it `counts` holds the messages seen by connection, `summary` what the index says."""

    def __init__(self, stream: BinaryIO, limits: RecordingLimits | None = None) -> None:
        self._limits = limits or RecordingLimits()
        self._stream = stream
        self._size = stream.seek(0, 2)
        self.counts: Counter[int] = Counter()
        self.summary = Summary(self._size)
        self._bytes_left = self._limits.limit_expansion(self._size)
        self._records_left = self._limits.limit_records(self._size)
        self._undeclared: Counter[int] = Counter()

    def walk(self) -> Iterator[Located | Damage]:
        """The messages in the order of the file, and damage where it is met."""
        start = self._read(0, len(MAGIC))
        if start != MAGIC:
            is_old = start.startswith(OLD_MAGIC)
            reason = (
                f"a bag of version {start[8:12].decode('ascii', 'replace')}, and only 2.0 is read"
                if is_old
                else "does not begin as a ROS 1 bag does"
            )
            remedy = _OLD_REMEDY if is_old else "check that it is a ROS 1 bag"
            yield Damage(0, len(start), reason, remedy)
            return
        try:
            self.summary = read_index(self._stream, self._size, self._limits)
        except ValueError as error:
            yield Damage(0, None, str(error), INDEX_REMEDY)
        for item in self._walk_records(len(MAGIC)):
            if isinstance(item, Located):
                self.counts[item.channel.id] += 1
            yield item
        for number, count in self._undeclared.items():
            reason = (
                f"{count} messages of connection {number}, which is declared nowhere"
            )
            yield Damage(0, None, reason, _WRITER_REMEDY)

    def walk_from(self, record_at: int, channel_id: int) -> Iterator[Located]:
        """The messages of one connection from a record of the file on.

        Damage is passed over: the file was read before.
        """
        with suppress(ValueError):
            self.summary = read_index(self._stream, self._size, self._limits)
        is_told = channel_id in self.summary.channels
        items = self._walk_records(record_at if is_told else len(MAGIC))
        yield from keep_channel(items, channel_id, record_at)

    # ---- records -----------------------------------------------------------------------------------------------------

    def _walk_records(self, at: int) -> Iterator[Located | Damage]:
        while at < self._size:
            bound = self.summary.bound_after(at, self._size)
            try:
                record = self._read_record(at, bound)
            except ValueError as error:
                is_cut = bound >= self._size
                remedy = INDEX_REMEDY if is_cut else _WRITER_REMEDY
                yield Damage(at, bound - at, str(error), remedy)
                at = bound
                continue
            if record.end > bound:
                yield from self._salvage(record, bound)
                at = bound
                continue
            yield from self._handle(record)
            at = record.end

    def _handle(self, record: _Record) -> Iterator[Located | Damage]:
        try:
            op = record.number("op")
            if op in (_CHUNK, _MESSAGE) and record.size > self._limits.record_bytes:
                raise ValueError(
                    f"record of {record.size} bytes, more than is read at once"
                )
            if op == _CHUNK:
                yield from self._open_chunk(record, record.size, is_whole=True)
            elif op in (_MESSAGE, _CONNECTION):
                data = memoryview(self._read(record.data_at, record.size))
                yield from self._take(record, data, record.at, None)
        except (ValueError, MemoryError) as error:
            reason = str(error) or "not enough memory for the chunk"
            yield Damage(record.at, record.end - record.at, reason, _WRITER_REMEDY)

    def _take(
        self,
        record: _Record,
        data: memoryview,
        record_at: int,
        chunk: tuple[int, int] | None,
    ) -> Iterator[Located]:
        """A connection or a message. `chunk` is (offset, length) of the compressed chunk around it."""
        if record.number("op") == _CONNECTION:
            _declare(self.summary, record, data)
            return
        number = record.number("conn")
        t_ns = record.time_ns()
        channel = self.summary.channels.get(number)
        if channel is None:
            self._undeclared[number] += 1
            return
        offset, length, inner = (
            (*chunk, record.data_at) if chunk else (record.data_at, len(data), None)
        )
        schema = self.summary.schemas.get(channel.schema_id)
        yield Located(
            channel, schema, data, t_ns, t_ns, offset, length, inner, record_at
        )

    def _open_chunk(
        self, record: _Record, available: int, is_whole: bool
    ) -> Iterator[Located | Damage]:
        """Raises ValueError for a chunk that is damaged, or too large."""
        size = record.number("size")
        compression = record.text("compression")
        if size > self._bytes_left:
            raise ValueError(
                "with this chunk the file expands to more than is allowed for its size"
            )
        self._bytes_left -= size
        header = ChunkHeader(size, 0, compression, 0, record.size)
        stored = memoryview(self._read(record.data_at, available))
        data = memoryview(
            decompress_chunk(header, stored, is_whole, self._limits.chunk_bytes)
        )
        is_stored = compression in ("", "none")
        chunk = None if is_stored else (record.at, record.end - record.at)
        base = record.data_at if is_stored else 0
        yield from self._walk_chunk(data, base, chunk, record.at, is_whole)

    def _walk_chunk(
        self,
        data: memoryview,
        base: int,
        chunk: tuple[int, int] | None,
        record_at: int,
        is_whole: bool,
    ) -> Iterator[Located]:
        at = 0
        while at < len(data):
            self._records_left -= 1
            if self._records_left < 0:
                raise ValueError(
                    "more records in chunks than are read of a file of its size"
                )
            try:
                record = _parse_record(data[at:], base + at)
                if record.end - base > len(data):
                    raise ValueError("a record runs over the end of its chunk")
            except ValueError:
                if is_whole:
                    raise
                return
            start = record.data_at - base
            if record.number("op") in (_MESSAGE, _CONNECTION):
                body = data[start : start + record.size]
                yield from self._take(record, body, record_at, chunk)
            at = record.end - base

    def _salvage(self, record: _Record, bound: int) -> Iterator[Located | Damage]:
        """A record that reaches beyond `bound`: the whole messages of a cut chunk, and what is wrong."""
        is_cut = bound >= self._size
        if is_cut and record.fields.get("op") == bytes([_CHUNK]):
            available = min(bound - record.data_at, self._limits.chunk_bytes)
            with suppress(ValueError):
                yield from self._open_chunk(record, available, is_whole=False)
        reason = (
            "file ends inside a record: it was cut"
            if is_cut
            else "a record's length cannot be true"
        )
        remedy = INDEX_REMEDY if is_cut else _WRITER_REMEDY
        yield Damage(record.at, bound - record.at, reason, remedy)

    # ---- bytes -------------------------------------------------------------------------------------------------------

    def _read_record(self, at: int, bound: int) -> _Record:
        return _read_record(self._stream, at, bound)

    def _read(self, at: int, size: int) -> bytes:
        self._stream.seek(at)
        return self._stream.read(size)


def read_index(
    stream: BinaryIO, size: int, limits: RecordingLimits | None = None
) -> Summary:
    """The connections, the places of the chunks, and how many messages each connection has.

    Raises ValueError, with the reason, for a bag without an index, or with a damaged one.
    """
    header = _read_record(stream, len(MAGIC), size)
    index_at = header.number("index_pos")
    if index_at == 0:
        raise ValueError("the bag has no index: its recorder was stopped")
    if not header.end <= index_at <= size:
        raise ValueError("the bag's index is not in the file: it was cut")
    if size - index_at > (limits or RecordingLimits()).chunk_bytes:
        raise ValueError(
            f"the bag's index has {size - index_at} bytes, more than is read"
        )
    stream.seek(index_at)
    data = memoryview(stream.read(size - index_at))
    summary = Summary(index_at)
    counts: Counter[int] = Counter()
    num_left = header.number("conn_count") + header.number("chunk_count")
    at = 0
    while at < len(data):
        record = _parse_record(data[at:], at)
        if record.end > len(data):
            raise ValueError("the bag's index is cut")
        body = data[record.data_at : record.end]
        op = record.number("op")
        if op == _CONNECTION:
            _declare(summary, record, body)
        elif op == _CHUNK_INFO:
            summary.chunk_starts.append(record.number("chunk_pos"))
            for number, count in struct.iter_unpack("<II", body[: len(body) // 8 * 8]):
                counts[number] += count
        num_left -= op in (_CONNECTION, _CHUNK_INFO)
        at = record.end
    if num_left > 0:
        raise ValueError(
            f"the bag's index is cut: {num_left} of its records are missing"
        )
    summary.chunk_starts.sort()
    summary.statistics = _state_counts(counts)
    return summary


def _state_counts(counts: Counter[int]) -> Statistics:
    return Statistics(
        attachment_count=0,
        channel_count=len(counts),
        channel_message_counts=dict(counts),
        chunk_count=0,
        message_count=counts.total(),
        message_end_time=0,
        message_start_time=0,
        metadata_count=0,
        schema_count=0,
    )


def _declare(summary: Summary, record: _Record, data: memoryview) -> None:
    """Take a connection: the topic of its record's header, type and definition of its data."""
    if len(data) > MAX_SCHEMA_BYTES:
        raise ValueError(
            f"a connection of {len(data)} bytes, more than {MAX_SCHEMA_BYTES}"
        )
    number = record.number("conn")
    said = _Record(_parse_fields(data), record.at, 0, 0)
    kind = name_as_ros2(said.text("type"))
    md5 = said.text("md5sum")
    metadata = {"md5sum": md5} if md5 else {}
    schema = Schema(
        id=number + 1,
        name=kind,
        encoding="ros1msg",
        data=said.fields.get("message_definition", b""),
    )
    summary.schemas[schema.id] = schema
    summary.channels[number] = Channel(
        id=number,
        schema_id=schema.id,
        topic=record.text("topic") or said.text("topic"),
        message_encoding="ros1",
        metadata=metadata,
    )


def _read_record(stream: BinaryIO, at: int, bound: int) -> _Record:
    stream.seek(at)
    head = stream.read(min(4, max(0, bound - at)))
    length = min(int.from_bytes(head, "little"), _MAX_HEADER_BYTES) + 4
    head += stream.read(min(length, max(0, bound - at - len(head))))
    return _parse_record(memoryview(head), at)


def _parse_record(data: memoryview, at: int) -> _Record:
    """The record that begins with these bytes, which lie at `at`. Raises ValueError where they hold no whole header."""
    length = int.from_bytes(data[:4], "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"a record's header of {length} bytes cannot be true")
    if 8 + length > len(data):
        raise ValueError("file ends inside a record: it was cut")
    fields = _parse_fields(data[4 : 4 + length])
    size = int.from_bytes(data[4 + length : 8 + length], "little")
    return _Record(fields, at, at + 8 + length, size)


def _parse_fields(data: memoryview) -> dict[str, bytes]:
    """name=value pairs, each behind its length. Raises ValueError where they are none."""
    fields = {}
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        at += 4
        name, is_pair, value = bytes(data[at : at + length]).partition(b"=")
        if at + length > len(data) or not is_pair:
            raise ValueError("a record's header is damaged")
        fields[name.decode("utf-8", "replace")] = value
        at += length
    return fields


def expand_chunk(stream: BinaryIO, at: int) -> bytes:
    """The records of the chunk that begins there. Raises ValueError where there is none, or it is damaged."""
    limits = RecordingLimits()
    record = _read_record(stream, at, stream.seek(0, 2))
    if record.number("op") != _CHUNK or record.size > limits.record_bytes:
        raise ValueError(f"no chunk begins at byte {at}")
    header = ChunkHeader(
        record.number("size"), 0, record.text("compression"), 0, record.size
    )
    stream.seek(record.data_at)
    stored = memoryview(stream.read(record.size))
    return decompress_chunk(header, stored, True, limits.chunk_bytes)
