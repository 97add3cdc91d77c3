"""Walk the messages of a database of rosbag2 (`.db3`), each with its place in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from mcap.records import Channel, Schema, Statistics

from assets.formats.messages.mcap_chunks import (
    MAX_SCHEMA_BYTES,
    RecordingLimits,
    decompress_zstd,
)
from assets.formats.messages.mcap_records import Damage, Located
from assets.formats.messages.mcap_summary import Summary
from assets.formats.messages.ros2_messages import find_definition
from assets.formats.messages.sqlite_pages import Database, Fault, Row

REMEDY = (
    "copy the file again, or restore it with `sqlite3 FILE .recover | sqlite3 NEW.db3`"
)
_NOT_A_BAG = "check that it is a database of rosbag2"
_MESSAGE_COLUMNS = ("id", "topic_id", "timestamp", "data")
_ZSTD = b"\x28\xb5\x2f\xfd"
# counted for a dry run at most
_MAX_COUNTED_BYTES = 1 << 30


class DatabaseWalker:
    """One pass over one database. After it `counts` holds the messages seen by topic, `summary` the topics."""

    def __init__(self, stream: BinaryIO, limits: RecordingLimits | None = None) -> None:
        self._limits = limits or RecordingLimits()
        self._stream = stream
        self._size = stream.seek(0, 2)
        self.counts: Counter[int] = Counter()
        self.summary = Summary(self._size)
        self._bytes_left = self._limits.limit_expansion(self._size)
        self._undeclared: Counter[int] = Counter()

    def walk(self) -> Iterator[Located | Damage]:
        """The messages in the order in which they were recorded, and damage where it is met."""
        try:
            database, root = self._open()
        except ValueError as error:
            yield Damage(0, None, str(error), _NOT_A_BAG)
            return
        if database.missing_bytes:
            reason = f"file ends {database.missing_bytes} bytes before its last page: it was cut"
            yield Damage(self._size, None, reason, REMEDY)
        for item in self._walk_rows(database, root, None):
            if isinstance(item, Located):
                self.counts[item.channel.id] += 1
            yield item
        for number, count in self._undeclared.items():
            reason = f"{count} messages of topic {number}, which is declared nowhere"
            yield Damage(0, None, reason, REMEDY)

    def walk_from(self, record_at: int, channel_id: int) -> Iterator[Located]:
        """The messages of one topic from a row on. Damage is passed over: the file was read before."""
        with suppress(ValueError):
            for item in self._walk_rows(*self._open(), record_at):
                if isinstance(item, Located) and item.channel.id == channel_id:
                    yield item

    def count(self) -> Summary:
        """The topics and how many messages each has, without their data; no counts of a large file.

        Raises ValueError for a file that is no such database.
        """
        database, root = self._open()
        if self._size > _MAX_COUNTED_BYTES:
            return self.summary
        for row in database.rows(root, with_last=False):
            if isinstance(row, Row) and len(row.values) == len(_MESSAGE_COLUMNS):
                self.counts[int(row.values[1] or 0)] += 1
        self.summary.statistics = Statistics(
            attachment_count=0,
            channel_count=len(self.summary.channels),
            channel_message_counts=dict(self.counts),
            chunk_count=0,
            message_count=self.counts.total(),
            message_end_time=0,
            message_start_time=0,
            metadata_count=0,
            schema_count=0,
        )
        return self.summary

    def _open(self) -> tuple[Database, int]:
        """The database, its topics declared, and the root page of its messages. Raises ValueError where it is none."""
        database = Database(self._stream, self._limits.record_bytes)
        tables = database.list_tables()
        if "messages" not in tables or "topics" not in tables:
            raise ValueError(
                f"an SQLite database without the tables of rosbag2: it has {', '.join(sorted(tables)[:10]) or 'none'}"
            )
        root, columns = tables["messages"]
        if columns[:4] != _MESSAGE_COLUMNS or len(columns) > 4:
            raise ValueError(f"the table of messages has the columns {columns[:10]}")
        for number, topic in enumerate(_list_rows(database, tables, "topics"), 1):
            self._declare(number, topic, database, tables)
        return database, root

    def _declare(
        self,
        number: int,
        topic: dict[str, str],
        database: Database,
        tables: dict[str, tuple[int, tuple[str, ...]]],
    ) -> None:
        name = topic.get("type", "")
        definition = next(
            (
                d
                for d in _list_rows(database, tables, "message_definitions")
                if d.get("topic_type") == name
            ),
            {},
        )
        text = definition.get("encoded_message_definition", "")
        encoding = definition.get("encoding", "")
        if not text or encoding not in ("ros2msg", "ros2idl"):
            # before Iron, and of topics that nobody published, the file has none
            text = find_definition(name)
            encoding = "ros2msg"
        if len(text) > MAX_SCHEMA_BYTES:
            raise ValueError(
                f"a definition of {len(text)} bytes, more than {MAX_SCHEMA_BYTES}"
            )
        schema = Schema(id=number, name=name, encoding=encoding, data=text.encode())
        self.summary.schemas[number] = schema
        self.summary.channels[int(topic["rowid"])] = Channel(
            id=int(topic["rowid"]),
            schema_id=number,
            topic=topic.get("name", ""),
            message_encoding=topic.get("serialization_format", ""),
            metadata={},
        )

    def _walk_rows(
        self, database: Database, root: int, from_rowid: int | None
    ) -> Iterator[Located | Damage]:
        num_missing = 0
        for row in database.rows(root, from_rowid):
            if isinstance(row, Fault):
                # of a cut file that is told once
                if database.missing_bytes and "not in the file" in row.reason:
                    num_missing += 1
                else:
                    yield Damage(row.offset, row.length, row.reason, REMEDY)
                continue
            try:
                located = self._locate(row)
            except ValueError as error:
                reason = f"message {row.rowid}: {error}"
                yield Damage(row.offset, row.length, reason, REMEDY)
                continue
            if located:
                yield located
        if num_missing:
            reason = f"{num_missing} pages or messages lie behind the end of the file"
            yield Damage(self._size, None, reason, REMEDY)

    def _locate(self, row: Row) -> Located | None:
        if len(row.values) != len(_MESSAGE_COLUMNS):
            raise ValueError(f"a row of {len(row.values)} values")
        _, topic, t_ns, data = row.values
        if not (
            isinstance(topic, int) and isinstance(t_ns, int) and isinstance(data, bytes)
        ):
            raise ValueError("values of other types than rosbag2 writes")
        channel = self.summary.channels.get(topic)
        if channel is None:
            self._undeclared[topic] += 1
            return None
        if data.startswith(_ZSTD):  # compressed by message; CDR does not begin so
            data = self._decompress(data)
        schema = self.summary.schemas.get(channel.schema_id)
        place = (row.offset, row.length, row.last_at)
        return Located(channel, schema, memoryview(data), t_ns, t_ns, *place, row.rowid)

    def _decompress(self, data: bytes) -> bytes:
        limit = min(self._limits.chunk_bytes, self._bytes_left)
        message = decompress_zstd(memoryview(data), limit, is_whole=True)
        if len(message) > limit:
            raise ValueError("it expands to more than is allowed")
        self._bytes_left -= len(message)
        return message


def _list_rows(
    database: Database, tables: dict[str, tuple[int, tuple[str, ...]]], name: str
) -> list[dict[str, str]]:
    """The rows of a small table, values as text, by column; and `rowid`. What does not read is left out."""
    if name not in tables:
        return []
    root, columns = tables[name]
    found = []
    for row in database.rows(root):
        if isinstance(row, Row):
            texts = [
                v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v)
                for v in row.values
            ]
            found.append(
                {**dict(zip(columns, texts, strict=False)), "rowid": str(row.rowid)}
            )
    return found


def read_row(stream: BinaryIO, offset: int) -> bytes:
    """The message of the row whose cell begins there, decompressed. Raises ValueError where there is none."""
    limits = RecordingLimits()
    row = Database(stream, limits.record_bytes).read_cell(offset)
    data = row.values[-1] if row.values else None
    if not isinstance(data, bytes):
        raise ValueError(f"no message begins at byte {offset}")
    if not data.startswith(_ZSTD):
        return data
    return decompress_zstd(memoryview(data), limits.chunk_bytes, is_whole=True)
