"""Read a published table in two steps: a few columns of all rows first, then whole rows by their positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.migrate import fill_absent
from assets.tables.schemas import TABLES

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class PlacedRows:
    """Rows that readers may see, as they lie in the table: some columns, and `position`, by which `take` reads them."""

    rows: pa.Table
    # positions (N,) and the columns of N rows -> those
    take: Callable[[Positions, Sequence[str]], pa.Table]


def open_placed(
    catalog: Catalog, name: str, columns: Sequence[str], where: str | None = None
) -> PlacedRows:
    """The published rows of a table that `where` holds for."""
    table = TABLES[name]
    readable = catalog.readable(name, where)
    if readable is None:
        none = table.schema.empty_table()
        rows = none.select(list(columns)).append_column(
            "position", pa.array([], pa.int64())
        )
        return PlacedRows(rows, lambda _, wanted: none.select(list(wanted)))
    stored, where = readable
    everything = stored.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy()
    order = np.argsort(everything)
    rows = stored.to_table(columns=list(columns), filter=where, with_row_id=True)
    row_ids = rows["_rowid"].to_numpy()
    position = order[np.searchsorted(everything, row_ids, sorter=order)]
    rows = rows.select(list(columns)).append_column("position", pa.array(position))

    def take(positions: Positions, wanted: Sequence[str]) -> pa.Table:
        there = [column for column in wanted if column in stored.schema.names]
        found = stored.take(pa.array(positions), columns=there)
        return fill_absent(found, table, wanted) if len(there) < len(wanted) else found

    return PlacedRows(rows.sort_by("position"), take)
