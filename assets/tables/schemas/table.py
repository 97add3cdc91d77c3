"""What a table is: its columns with unit, frame of reference and privacy class, its key, its bounds, its erase rule."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

PRIVACY = ("public", "internal", "personal", "restricted")
SESSION_KEY = r"^[a-z0-9][a-z0-9_-]{0,63}$"
ID = r"^[0-9a-f]{32}$"
SHA = r"^[0-9a-f]{64}$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
WORD = r"^[A-Za-z_][A-Za-z0-9_]*$"
TEXT = pa.string()
INT = pa.int64()
FLOAT = pa.float64()
BOOL = pa.bool_()
FLOATS = pa.list_(pa.float64())


@dataclass(frozen=True)
class Column:
    """One column: type, unit ("1" for none), frame of reference, privacy class, and what values it may take."""

    name: str
    type: pa.DataType
    unit: str = "1"
    frame: str = "-"
    privacy: str = "internal"
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    regex: str | None = None

    def __post_init__(self) -> None:
        assert self.privacy in PRIVACY, self


@dataclass(frozen=True)
class Table:
    """One table. `erase` says which column finds the rows of a subject: "capture_id", "frame_id", ... or "none".

    `version` rises with every change of the columns, their types, and what values they may take. `counted_by` is the
    column of `captures` that counts a capture's rows of this table; none where nobody counts them.
    """

    name: str
    stage: str
    key: str
    erase: str
    columns: tuple[Column, ...]
    version: int = 1
    counted_by: str | None = None

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the facts above in the field metadata."""
        return pa.schema([_field(c, is_key=c.name == self.key) for c in self.columns])

    @property
    def has_session(self) -> bool:
        """Whether its rows belong to a session."""
        return any(c.name == "session" for c in self.columns)

    @property
    def declared_in(self) -> str:
        """The file, in the checkout, that a change of the table is made in."""
        return f"assets/tables/schemas/{self.stage}.py"

    def column(self, name: str) -> Column:
        """A column by its name. Raises StopIteration for one that is not there."""
        return next(c for c in self.columns if c.name == name)


def content_id(*parts: object) -> str:
    """An id from content: 32 hex digits of sha256 over the length-prefixed parts."""
    encoded = [
        part if isinstance(part, bytes) else str(part).encode() for part in parts
    ]
    return hashlib.sha256(
        b"".join(len(e).to_bytes(8, "big") + e for e in encoded)
    ).hexdigest()[:32]


def to_table(table: Table, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Rows as Arrow in the table's schema.

    Raises ValueError when a row lacks a column that must not be null, or has one that the table does not know.
    """
    names = {c.name for c in table.columns}
    unknown = set().union(*(row.keys() for row in rows)) - names
    if unknown:
        raise ValueError(
            f"{table.name} has no column {sorted(unknown)}: declare it in {table.declared_in}"
        )
    columns = {
        c.name: _to_array([row.get(c.name) for row in rows], c.type)
        for c in table.columns
    }
    missing = [
        c.name for c in table.columns if not c.nullable and columns[c.name].null_count
    ]
    if missing:
        raise ValueError(
            f"a row of {table.name} lacks {missing}: these columns may not be null"
        )
    return pa.table(columns, schema=table.schema)


# ---- columns that tables share -----------------------------------------------------------------------------------


def id_column(name: str, nullable: bool = False) -> Column:
    """A column of ids as `content_id` makes them."""
    return Column(name, TEXT, regex=ID, nullable=nullable)


SESSION = Column("session", TEXT, regex=SESSION_KEY)
SOURCE = (
    Column("source_path", TEXT, frame="session folder"),
    Column("source_offset", INT, "byte", "outermost file", low=0),
    Column("source_length", INT, "byte", nullable=True, low=0),
    Column(
        "source_inner_offset", INT, "byte", "decompressed chunk", nullable=True, low=0
    ),
)
# of rows that had none before; null: code from before made them
MADE_BY = Column("code_version", TEXT, nullable=True)
DERIVED = (Column("input_sha256", TEXT, regex=SHA), Column("code_version", TEXT))
BOX = tuple(
    Column(n, pa.float32(), "px", "image", nullable=True)
    for n in ("x_min", "y_min", "x_max", "y_max")
)


def _field(column: Column, is_key: bool) -> pa.Field:
    facts = {"unit": column.unit, "frame": column.frame, "privacy": column.privacy}
    if is_key:  # lets Lance refuse a second row with the same key when writers race
        facts["lance-schema:unenforced-primary-key"] = "true"
    return pa.field(
        column.name,
        column.type,
        nullable=column.nullable and not is_key,
        metadata=facts,
    )


def _to_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind != pa.large_binary() or None in values:
        return pa.array(values, kind)
    # payloads: joined at once, a growing buffer copies them
    ends = np.cumsum([0, *map(len, values)], dtype=np.int64)
    return pa.LargeBinaryArray.from_buffers(
        kind, len(values), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    )
