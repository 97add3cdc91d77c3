"""Read the rows of tables of an SQLite database, page by page, from a stream (sqlite.org/fileformat.html).

Only what a recording needs: tables with a rowid, in UTF-8. It is Python, so that a damaged or foreign file is an error
of one row or page and not of the process; its neighbours are read, and each row is told with its place in the file.
"""

from __future__ import annotations

import re
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

MAGIC = b"SQLite format 3\0"
_LEAF, _INTERIOR = 13, 5
_MAX_DEPTH = 20
_MAX_COLUMNS = 100
_BLOCK_BYTES = 256 << 10
_NUM_BLOCKS = 16
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)

Value = int | float | bytes | None


@dataclass(frozen=True)
class Row:
    """One row: its number, its values in the order of the columns, and the cell of the file that it begins in.

    `last_at` is where its last value begins, once the pages of the row are joined.
    """

    rowid: int
    values: tuple[Value, ...]
    offset: int
    length: int
    last_at: int


@dataclass(frozen=True)
class Fault:
    """A page, or a row, that does not read."""

    offset: int
    length: int | None
    reason: str


@dataclass
class Database:
    """The tables of one file. Raises ValueError for a file that is no such database."""

    stream: BinaryIO
    max_row_bytes: int
    page_bytes: int = field(init=False)
    num_pages: int = field(init=False)  # as the file states it
    _size: int = field(init=False)
    _blocks: OrderedDict[int, bytes] = field(init=False, default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._size = self.stream.seek(0, 2)
        head = self._read(0, 100)
        if len(head) < 100 or not head.startswith(MAGIC):
            raise ValueError("does not begin as an SQLite database does")
        stated = int.from_bytes(head[16:18], "big")
        self.page_bytes = 65536 if stated == 1 else stated
        if self.page_bytes < 512 or self.page_bytes & (self.page_bytes - 1):
            raise ValueError(f"a page size of {stated} bytes cannot be true")
        self._usable = self.page_bytes - head[20]
        if self._usable < 480:
            raise ValueError("the database's pages are too small")
        if int.from_bytes(head[56:60], "big") not in (0, 1):
            raise ValueError("the database's texts are not in UTF-8")
        is_stated = head[24:28] == head[92:96]
        self.num_pages = (
            int.from_bytes(head[28:32], "big")
            if is_stated
            else -(-self._size // self.page_bytes)
        )

    @property
    def missing_bytes(self) -> int:
        """How many bytes of the pages that the file states are not in it."""
        return max(0, self.num_pages * self.page_bytes - self._size)

    def list_tables(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Name -> its root page, and its columns. Raises ValueError where the list of tables is damaged."""
        tables = {}
        for row in self.rows(1):
            if isinstance(row, Fault):
                raise ValueError(f"the list of tables is damaged: {row.reason}")
            kind, _, name, root, sql = (*row.values, *[None] * 5)[:5]
            if kind == b"table" and isinstance(name, bytes) and isinstance(root, int):
                text = sql.decode("utf-8", "replace") if isinstance(sql, bytes) else ""
                tables[name.decode("utf-8", "replace")] = (root, _name_columns(text))
        return tables

    def rows(
        self, root: int, from_rowid: int | None = None, with_last: bool = True
    ) -> Iterator[Row | Fault]:
        """The rows of a table in the order of their numbers, and what does not read.

        Without `with_last` the last value of a row is left empty: what is long lies there, on pages of its own.
        """
        # page, depth
        waiting = [(root, 0)]
        seen = set[int]()
        while waiting:
            number, depth = waiting.pop()
            offset = (number - 1) * self.page_bytes
            try:
                if number in seen or depth > _MAX_DEPTH:
                    raise ValueError("a page is in the table twice, or too deep")
                seen.add(number)
                page = self._page(number)
                kind, cells = self._list_cells(page, number)
                if kind == _INTERIOR:
                    children = _list_children(page, number, cells, from_rowid)
                    waiting += [(child, depth + 1) for child in reversed(children)]
                    continue
            except ValueError as error:
                yield Fault(offset, self.page_bytes, str(error))
                continue
            for at in cells:
                try:
                    row = self._read_row(page, at, offset, from_rowid, with_last)
                except ValueError as error:
                    yield Fault(offset + at, None, str(error))
                    continue
                if row:
                    yield row

    def read_cell(self, at: int) -> Row:
        """The row whose cell begins at that byte of the file. Raises ValueError where there is none."""
        page = self._page(at // self.page_bytes + 1)
        offset = at - at % self.page_bytes
        row = self._read_row(page, at - offset, offset, None, with_last=True)
        assert row is not None
        return row

    # ---- pages -------------------------------------------------------------------------------------------------------

    def _list_cells(self, page: memoryview, number: int) -> tuple[int, list[int]]:
        """The kind of a page, and where its cells begin."""
        base = 100 if number == 1 else 0
        kind = page[base]
        if kind not in (_LEAF, _INTERIOR):
            raise ValueError(f"page {number} is none of a table")
        count = int.from_bytes(page[base + 3 : base + 5], "big")
        start = base + (12 if kind == _INTERIOR else 8)
        if start + 2 * count > self._usable:
            raise ValueError(f"page {number} states {count} cells, more than it has")
        return kind, list(struct.unpack_from(f">{count}H", page, start))

    def _read_row(
        self,
        page: memoryview,
        at: int,
        offset: int,
        from_rowid: int | None,
        with_last: bool,
    ) -> Row | None:
        size, body = _read_varint(page, at)
        rowid, body = _read_varint(page, body)
        rowid -= (rowid >> 63) << 64
        if from_rowid is not None and rowid < from_rowid:
            return None
        if size > self.max_row_bytes:
            raise ValueError(f"row {rowid} of {size} bytes, more than is read at once")
        local = self._count_local(size)
        data = page[body : min(body + local, self._usable)]
        if len(data) < local:
            raise ValueError(f"row {rowid} runs over the end of its page")
        if local < size and with_last:
            first = int.from_bytes(page[body + local : body + local + 4], "big")
            data = memoryview(self._join(data, first, size, rowid))
        values, last_at = _parse_record(data, rowid, with_last)
        return Row(rowid, values, offset + at, body + local - at, last_at)

    def _count_local(self, size: int) -> int:
        """How many bytes of a row stand on its own page."""
        if size <= self._usable - 35:
            return size
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._usable - 4)
        return local if local <= self._usable - 35 else least

    def _join(self, local: memoryview, first: int, size: int, rowid: int) -> bytes:
        """A row whose rest lies on a chain of pages."""
        parts = [local]
        left = size - len(local)
        number = first
        while left > 0:
            try:
                page = self._page(number)
            except ValueError as error:
                raise ValueError(f"row {rowid} is not whole: {error}") from error
            part = page[4 : min(self._usable, 4 + left)]
            parts.append(part)
            left -= len(part)
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)

    def _page(self, number: int) -> memoryview:
        at = (number - 1) * self.page_bytes
        if number < 1 or at + self.page_bytes > self._size:
            raise ValueError(f"page {number} is not in the file")
        block_at = at - at % _BLOCK_BYTES
        block = self._blocks.pop(block_at, None)
        if block is None:
            block = self._read(block_at, _BLOCK_BYTES)
        self._blocks[block_at] = block
        if len(self._blocks) > _NUM_BLOCKS:
            self._blocks.popitem(last=False)
        return memoryview(block)[at - block_at : at - block_at + self.page_bytes]

    def _read(self, at: int, size: int) -> bytes:
        self.stream.seek(at)
        return self.stream.read(size)


def _list_children(
    page: memoryview, number: int, cells: list[int], from_rowid: int | None
) -> list[int]:
    """The pages below, in order; without those that hold nothing from the row on."""
    base = 100 if number == 1 else 0
    children = []
    for at in cells:
        child = int.from_bytes(page[at : at + 4], "big")
        last, _ = _read_varint(page, at + 4)
        if from_rowid is None or last >= from_rowid:
            children.append(child)
    return [*children, int.from_bytes(page[base + 8 : base + 12], "big")]


def _parse_record(
    data: memoryview, rowid: int, with_last: bool
) -> tuple[tuple[Value, ...], int]:
    """The values of a row, and where the last one begins. Raises ValueError where they run over its end."""
    head_end, at = _read_varint(data, 0)
    kinds = []
    while at < head_end:
        kind, at = _read_varint(data, at)
        kinds.append(kind)
        if len(kinds) > _MAX_COLUMNS:
            raise ValueError(f"row {rowid} has more than {_MAX_COLUMNS} columns")
    values: list[Value] = []
    last_at = at = head_end
    for index, kind in enumerate(kinds):
        last_at = at
        if index == len(kinds) - 1 and not with_last:
            values.append(None)
            break
        value, at = _read_value(data, at, kind)
        if at > len(data):
            raise ValueError(f"row {rowid} runs over its end")
        values.append(value)
    return tuple(values), last_at


def _read_value(data: memoryview, at: int, kind: int) -> tuple[Value, int]:
    """One value of a serial type, and where the next begins."""
    if kind == 0:
        return None, at
    if kind < len(_INTEGER_BYTES):
        size = _INTEGER_BYTES[kind]
        return int.from_bytes(data[at : at + size], "big", signed=True), at + size
    if kind == 7:
        if at + 8 > len(data):
            raise ValueError("a number is cut")
        return float(struct.unpack_from(">d", data, at)[0]), at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind in (10, 11):
        raise ValueError("a value of a kind that no database has")
    size = (kind - 12) // 2
    return bytes(data[at : at + size]), at + size


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and what follows it. Raises ValueError at the end of the data."""
    value = 0
    for index in range(9):
        if at >= len(data):
            raise ValueError("a number is cut")
        byte = data[at]
        at += 1
        if index == 8:
            return value << 8 | byte, at
        value = value << 7 | byte & 127
        if byte < 128:
            break
    return value, at


_WORD = re.compile(r'\s*["`\[]?(\w+)')


def _name_columns(sql: str) -> tuple[str, ...]:
    """The columns of `CREATE TABLE name(a INTEGER PRIMARY KEY, b TEXT NOT NULL)`."""
    _, _, inner = sql.partition("(")
    found = (_WORD.match(part) for part in inner.split(","))
    return tuple(match[1].lower() for match in found if match)
