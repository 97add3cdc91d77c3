"""Read a published table in two steps: a few columns of all rows first, then whole rows by their positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.schema_versions import fill_absent
from assets.tables.schemas import TABLES

_OFFSET = "_rowoffset"  # by Lance
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
    """The published rows that `where` holds for, of a table that has sessions."""
    table = TABLES[name]
    stored = catalog.open_published(name)
    if stored is None:
        none = table.schema.empty_table()
        rows = none.select(list(columns)).append_column(
            "position", pa.array([], pa.int64())
        )
        return PlacedRows(rows, lambda _, wanted: none.select(list(wanted)))
    wanted = dict.fromkeys([*columns, "session", _OFFSET])
    rows = stored.to_table(columns=list(wanted), filter=where)
    is_admitted = catalog.is_admitted(name, rows["session"])
    if not pc.all(is_admitted).as_py():
        rows = rows.filter(is_admitted)
    position = rows[_OFFSET].to_numpy().astype(np.int64)
    rows = rows.select(list(columns)).append_column("position", pa.array(position))
    if (position[1:] < position[:-1]).any():
        rows = rows.sort_by("position")

    def take(positions: Positions, wanted: Sequence[str]) -> pa.Table:
        there = [column for column in wanted if column in stored.schema.names]
        found = stored.take(pa.array(positions), columns=there)
        return fill_absent(found, table, wanted) if len(there) < len(wanted) else found

    return PlacedRows(rows, take)
