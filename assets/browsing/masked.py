"""What the tables know of a frame and tell to nobody but who may read private columns: where, when, by which camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from assets.browsing.shown import to_plain
from assets.tables.catalog import Catalog, is_in
from assets.tables.schemas import TABLES, Column
from assets.tables.sql import list_private

_OF_FRAME = ("frames", "frame_exif")  # a row a frame


def name_masked() -> list[str]:
    """`table.column` of each."""
    return [f"{table}.{c.name}" for table in _OF_FRAME for c in _list_masked(table)]


def read_masked(catalog: Catalog, frame_id: str) -> list[dict[str, Any]]:
    """Name, value and unit of each that has a value."""
    return [one for table in _OF_FRAME for one in _read(catalog, table, frame_id)]


def _read(catalog: Catalog, table: str, frame_id: str) -> list[dict[str, Any]]:
    columns = _list_masked(table)
    names = [column.name for column in columns]
    if not names:
        return []
    rows = catalog.read_latest(table, names, is_in("frame_id", [frame_id])).to_pylist()
    return [
        {
            "name": f"{table}.{column.name}",
            "value": to_plain(row[column.name]),
            "unit": column.unit,
        }
        for row in rows
        for column in columns
        if row[column.name] is not None
    ]


def _list_masked(table: str) -> Sequence[Column]:
    """Bytes are not among them: nobody is shown those."""
    hidden = list_private(table)
    return [
        column
        for column in TABLES[table].columns
        if column.name in hidden and not pa.types.is_large_binary(column.type)
    ]
