"""Columns of tables that may become words for everybody who searches: no personal ones, no restricted ones."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES

_OPEN = ("public", "internal")


def read_stored(catalog: Catalog, table: str, columns: Sequence[str]) -> pa.Table:
    """The newest rows, checked or not. Raises PermissionError for a column of another privacy class."""
    for name in columns:
        privacy = TABLES[table].column(name).privacy
        if privacy not in _OPEN:
            raise PermissionError(
                f"{table}.{name} is {privacy}: it does not go into an index that everybody searches"
            )
    return catalog.read_latest(table, list(columns))
