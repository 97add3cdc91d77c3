"""Walk the records of an MCAP file with their exact byte offsets, past damage where that is possible.

Follows the MCAP specification (mcap.dev/spec). Lengths are checked before anything is read or decompressed; the chunk
index in the summary gives the places to go on from when a record's length cannot be true.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Channel, Schema

from assets.formats.messages.mcap_chunks import (
    Fields,
    RecordingLimits,
    decompress_chunk,
    parse_chunk_header,
    unpack_record_header,
)
from assets.formats.messages.mcap_summary import (
    MAGIC,
    RECORD_HEAD,
    Summary,
    SummaryError,
    read_summary,
)

_MESSAGE_HEAD = 22  # channel, sequence, log time, publish time
_WRITER_REMEDY = "record it again, or repair it with `mcap recover`"
_CUT_REMEDY = "copy the file again; if the recording itself was cut, `mcap recover` restores its index"


@dataclass(frozen=True)
class Located:
    """One message and where its data lie. `inner_offset` is None when they are stored as they are."""

    channel: Channel
    schema: Schema | None
    data: memoryview
    log_ns: int
    publish_ns: int
    offset: int
    length: int
    inner_offset: int | None
    record_at: int  # where the record of the file begins that it is, or lies in

    @property
    def place(self) -> tuple[int, int]:
        """What tells it from every other message of the file."""
        inner = self.offset if self.inner_offset is None else self.inner_offset
        return self.record_at, inner


@dataclass(frozen=True)
class Damage:
    """A part of the file that does not read."""

    offset: int
    length: int | None
    reason: str
    remedy: str


def keep_channel(
    items: Iterable[Located | Damage], channel_id: int, record_at: int
) -> Iterator[Located]:
    """The messages of one channel, from the record on that begins there; damage is passed over."""
    for item in items:
        if (
            isinstance(item, Located)
            and item.channel.id == channel_id
            and item.record_at >= record_at
        ):
            yield item


class RecordWalker:
    """One pass over one file. After it `counts` holds the messages seen by channel, `summary` what was promised."""

    def __init__(self, stream: BinaryIO, limits: RecordingLimits | None = None) -> None:
        self._limits = limits or RecordingLimits()
        self._stream = stream
        self._size = stream.seek(0, 2)
        self.counts: Counter[int] = Counter()
        self.summary = Summary(self._size)
        self._bytes_left = self._limits.limit_expansion(self._size)
        self._records_left = self._limits.limit_records(self._size)
        self._undeclared: Counter[int] = Counter()
        self._crc = 0
        self._is_damaged = False

    def walk(self) -> Iterator[Located | Damage]:
        """The messages in the order of the file, and damage where it is met."""
        for item in self._walk():
            if isinstance(item, Damage):
                self._is_damaged = True
            else:
                self.counts[item.channel.id] += 1
            yield item
        for channel_id, count in self._undeclared.items():
            reason = (
                f"{count} messages on channel {channel_id}, which is declared nowhere"
            )
            yield Damage(0, None, reason, _WRITER_REMEDY)

    def walk_from(self, record_at: int, channel_id: int) -> Iterator[Located]:
        """The messages of one channel from a record of the file on; from the first one where no summary tells of it.

        Damage is passed over: the file was read before.
        """
        with suppress(SummaryError):
            summary = read_summary(self._stream, self._size, self._limits.chunk_bytes)
            self.summary = summary or self.summary
        is_told = channel_id in self.summary.channels
        items = self._walk_records(record_at if is_told else len(MAGIC))
        yield from keep_channel(items, channel_id, record_at)

    def _walk(self) -> Iterator[Located | Damage]:
        if self._read(0, len(MAGIC)) != MAGIC:
            yield Damage(
                0,
                len(MAGIC),
                "does not begin as an MCAP file does",
                "check that it is an MCAP file",
            )
            return
        self._crc = zlib.crc32(MAGIC)
        has_footer = True
        try:
            summary = read_summary(self._stream, self._size, self._limits.chunk_bytes)
            has_footer = summary is not None
            self.summary = summary or self.summary
        except SummaryError as error:
            yield Damage(error.offset, error.length, str(error), _WRITER_REMEDY)
        yield from self._walk_records(len(MAGIC), has_footer)

    def _walk_records(
        self, at: int, has_footer: bool = True
    ) -> Iterator[Located | Damage]:
        while at + RECORD_HEAD <= self._size:
            head = self._read(at, RECORD_HEAD)
            opcode, length = unpack_record_header(head)
            end = at + RECORD_HEAD + length
            bound = self.summary.bound_after(at, self._size)
            if end > bound:
                yield from self._salvage(opcode, at, bound)
                if bound >= self._size:
                    return
                at = bound
                continue
            if opcode == Opcode.FOOTER and has_footer:
                return
            yield from self._handle(opcode, head, at, length)
            at = end
        yield Damage(
            at,
            self._size - at,
            "file ends without a footer: the recording was cut",
            _CUT_REMEDY,
        )

    # ---- records -----------------------------------------------------------------------------------------------------

    def _handle(
        self, opcode: int, head: bytes, at: int, length: int
    ) -> Iterator[Located | Damage]:
        is_read = opcode in (
            Opcode.MESSAGE,
            Opcode.CHUNK,
            Opcode.SCHEMA,
            Opcode.CHANNEL,
            Opcode.DATA_END,
        )
        if is_read and length > self._limits.record_bytes:
            self._is_damaged = True  # its bytes are skipped, so the CRC over the data section cannot be told
            yield Damage(
                at,
                RECORD_HEAD + length,
                f"record of {length} bytes, more than is read at once",
                _WRITER_REMEDY,
            )
            return
        body_at = at + RECORD_HEAD
        if not is_read:
            self._checksum(head, body_at, length)
            return
        body = self._read(body_at, length)
        if opcode == Opcode.DATA_END:
            yield from self._check_data_crc(body, at)
            return
        self._crc = zlib.crc32(body, zlib.crc32(head, self._crc))
        if opcode == Opcode.CHUNK:
            yield from self._open_chunk(memoryview(body), at, is_whole=True)
        else:
            yield from self._take_record(
                opcode, memoryview(body), at, body_at, None, at
            )

    def _take_record(
        self,
        opcode: int,
        body: memoryview,
        at: int,
        body_at: int,
        chunk: tuple[int, int] | None,
        record_at: int,
    ) -> Iterator[Located | Damage]:
        """A schema, channel or message. `chunk` is (offset, length) of the compressed chunk around it."""
        try:
            if opcode != Opcode.MESSAGE:
                self.summary.declare(opcode, body)
                return
            fields = Fields(body)
            channel_id, _, log_ns, publish_ns = (fields.number(n) for n in (2, 4, 8, 8))
        except ValueError as error:
            place = chunk or (at, RECORD_HEAD + len(body))
            yield Damage(*place, f"damaged record: {error}", _WRITER_REMEDY)
            return
        channel = self.summary.channels.get(channel_id)
        if channel is None:
            self._undeclared[channel_id] += 1
            return
        data = body[_MESSAGE_HEAD:]
        data_at = body_at + _MESSAGE_HEAD
        offset, length, inner = (
            (*chunk, data_at) if chunk else (data_at, len(data), None)
        )
        schema = self.summary.schemas.get(channel.schema_id)
        times = (log_ns, publish_ns)
        yield Located(channel, schema, data, *times, offset, length, inner, record_at)

    def _open_chunk(
        self, body: memoryview, at: int, is_whole: bool
    ) -> Iterator[Located | Damage]:
        try:
            header = parse_chunk_header(body)
            stored = body[header.data_at : header.data_at + header.data_size]
            if is_whole and len(stored) != header.data_size:
                raise ValueError("the chunk's data run over its end")
            if header.uncompressed_size > self._bytes_left:
                raise ValueError(
                    "with this chunk the file expands to more than is allowed for its size"
                )
            self._bytes_left -= header.uncompressed_size
            records = memoryview(
                decompress_chunk(header, stored, is_whole, self._limits.chunk_bytes)
            )
        except (ValueError, MemoryError) as error:
            yield Damage(
                at,
                RECORD_HEAD + len(body),
                str(error) or "not enough memory for the chunk",
                _WRITER_REMEDY,
            )
            return
        is_stored = header.compression in ("", "none")
        base = at + RECORD_HEAD + header.data_at if is_stored else 0
        chunk = None if is_stored else (at, RECORD_HEAD + len(body))
        yield from self._walk_chunk(records, base, chunk, at, is_whole)

    def _walk_chunk(
        self,
        records: memoryview,
        base: int,
        chunk: tuple[int, int] | None,
        at: int,
        is_whole: bool,
    ) -> Iterator[Located | Damage]:
        inner = 0
        while inner < len(records):
            self._records_left -= 1
            if self._records_left < 0:
                yield Damage(
                    at,
                    None,
                    "more records in chunks than are read of a file of its size",
                    _WRITER_REMEDY,
                )
                return
            body_at = inner + RECORD_HEAD
            opcode, length = (
                unpack_record_header(records[inner:body_at])
                if body_at <= len(records)
                else (0, len(records))
            )
            if body_at + length > len(records):
                if is_whole:
                    yield Damage(
                        at,
                        None,
                        "a record runs over the end of its chunk",
                        _WRITER_REMEDY,
                    )
                return
            yield from self._take_record(
                opcode,
                records[body_at : body_at + length],
                base + inner,
                base + body_at,
                chunk,
                at,
            )
            inner = body_at + length

    def _salvage(self, opcode: int, at: int, bound: int) -> Iterator[Located | Damage]:
        """A record that reaches beyond `bound`: the whole messages of a cut chunk, and what is wrong."""
        is_cut = bound >= self._size
        if opcode == Opcode.CHUNK and is_cut:
            available = min(bound - at - RECORD_HEAD, self._limits.chunk_bytes)
            for item in self._open_chunk(
                memoryview(self._read(at + RECORD_HEAD, available)), at, is_whole=False
            ):
                if isinstance(item, Located):
                    yield item
        reason = (
            "file ends inside a record: it was cut"
            if is_cut
            else "a record's length cannot be true"
        )
        yield Damage(at, bound - at, reason, _CUT_REMEDY if is_cut else _WRITER_REMEDY)

    # ---- bytes -------------------------------------------------------------------------------------------------------

    def _check_data_crc(self, body: bytes, at: int) -> Iterator[Damage]:
        stated = int.from_bytes(body[:4], "little")
        if stated and stated != self._crc and not self._is_damaged:
            yield Damage(
                0,
                at,
                "data CRC differs: bytes changed after the file was written",
                _WRITER_REMEDY,
            )

    def _checksum(self, head: bytes, body_at: int, length: int) -> None:
        self._crc = zlib.crc32(head, self._crc)
        for start in range(body_at, body_at + length, 1 << 20):
            self._crc = zlib.crc32(
                self._read(start, min(1 << 20, body_at + length - start)), self._crc
            )

    def _read(self, at: int, size: int) -> bytes:
        if self._stream.tell() != at:
            self._stream.seek(at)
        return self._stream.read(size)


def expand_chunk(stream: BinaryIO, at: int) -> bytes:
    """The records of the chunk that begins there. Raises ValueError where there is none, or it is damaged."""
    limits = RecordingLimits()
    stream.seek(at)
    head = stream.read(RECORD_HEAD)
    opcode, length = unpack_record_header(head) if len(head) == RECORD_HEAD else (0, 0)
    if opcode != Opcode.CHUNK or length > limits.record_bytes:
        raise ValueError(f"no chunk begins at byte {at}")
    body = memoryview(stream.read(length))
    header = parse_chunk_header(body)
    stored = body[header.data_at : header.data_at + header.data_size]
    return decompress_chunk(header, stored, True, limits.chunk_bytes)
