"""Read the summary at the end of an MCAP file: what the file promises, and where its chunks begin."""

from __future__ import annotations

import bisect
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Channel, Schema, Statistics

from assets.formats.messages.mcap_chunks import (
    Fields,
    parse_channel,
    parse_chunk_start,
    parse_schema,
    parse_statistics,
    unpack_record_header,
)

MAGIC = b"\x89MCAP0\r\n"
RECORD_HEAD = 9  # opcode and length
_FOOTER_BODY = 20
_FOOTER = RECORD_HEAD + _FOOTER_BODY


class SummaryError(ValueError):
    """A footer or a summary that does not read; `offset` and `length` say where."""

    def __init__(self, reason: str, offset: int, length: int) -> None:
        super().__init__(reason)
        self.offset = offset
        self.length = length


@dataclass
class Summary:
    """What lies between the data section and the footer. `start` is the file's size where there is none."""

    start: int
    statistics: Statistics | None = None
    chunk_starts: list[int] = field(default_factory=list)  # ascending
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)

    def bound_after(self, at: int, size: int) -> int:
        """The place that a record beginning at `at` cannot reach beyond: the next chunk, the summary, or the end."""
        if at >= self.start:
            return size
        index = bisect.bisect_right(self.chunk_starts, at)
        return (
            self.chunk_starts[index] if index < len(self.chunk_starts) else self.start
        )

    def declare(self, opcode: int, body: bytes | memoryview) -> None:
        """Take a schema or channel record. Raises ValueError when it is damaged."""
        if opcode == Opcode.SCHEMA:
            schema = parse_schema(body)
            self.schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = parse_channel(body)
            self.channels[channel.id] = channel


def read_summary(stream: BinaryIO, size: int, max_bytes: int) -> Summary | None:
    """The summary of a file of `size` bytes; empty when it was written without one, None when there is no footer.

    Raises SummaryError when a footer is there and it or the summary is damaged, or has more than `max_bytes`.
    """
    if size <= 2 * len(MAGIC) or _read(stream, size - len(MAGIC), len(MAGIC)) != MAGIC:
        return None
    footer_at = size - len(MAGIC) - _FOOTER
    footer = _read(stream, max(0, footer_at), _FOOTER)
    if footer_at < len(MAGIC) or unpack_record_header(footer[:RECORD_HEAD]) != (
        Opcode.FOOTER,
        _FOOTER_BODY,
    ):
        raise SummaryError("the footer is damaged", max(0, footer_at), _FOOTER)
    fields = Fields(footer[RECORD_HEAD:])
    start = fields.number(8)
    _ = fields.number(8)
    crc = fields.number(4)
    if start == 0:
        return Summary(size)
    if not len(MAGIC) <= start <= footer_at or footer_at - start > max_bytes:
        raise SummaryError(
            f"the footer points to a summary at {start}", footer_at, _FOOTER
        )
    data = _read(stream, start, footer_at - start)
    if crc and zlib.crc32(footer[:-4], zlib.crc32(data)) != crc:
        raise SummaryError(
            "summary CRC differs: bytes changed after it was written", start, len(data)
        )
    try:
        return _parse_summary(data, start)
    except ValueError as error:
        raise SummaryError(
            f"the summary is damaged: {error}", start, len(data)
        ) from error


def _parse_summary(data: bytes, start: int) -> Summary:
    summary = Summary(start)
    fields = Fields(data)
    while not fields.is_at_end:
        opcode, length = unpack_record_header(fields.take(RECORD_HEAD))
        body = fields.take(length)
        if opcode == Opcode.STATISTICS:
            summary.statistics = parse_statistics(body)
        elif opcode == Opcode.CHUNK_INDEX:
            summary.chunk_starts.append(parse_chunk_start(body))
        else:
            summary.declare(opcode, body)
    summary.chunk_starts.sort()
    return summary


def _read(stream: BinaryIO, at: int, size: int) -> bytes:
    stream.seek(at)
    return stream.read(size)
