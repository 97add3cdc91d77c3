"""What a beginning of an id means: verbs take one of six characters or more, where it is that of one thing alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.tables.catalog import Catalog, repr_sql
from assets.tables.schemas import TABLES

_LEAST = 6
_MOST_SHOWN = 5


def begins_with(table: str, beginning: str, column: str = "") -> str:
    """The filter for rows whose id begins so: that of the row, or one in `column`, which several rows may share.

    Raises ValueError for less than six characters.
    """
    column = column or TABLES[table].key
    if len(beginning) < _LEAST:
        raise ValueError(
            f"'{beginning}' is too short for an id: give at least {_LEAST} characters; {_tell_list(table, column)}"
        )
    return f"starts_with({column}, {repr_sql(beginning)})"


def take_one(
    rows: Sequence[dict[str, Any]], table: str, beginning: str, column: str = ""
) -> dict[str, Any]:
    """The only row, or the first where all have one id in `column`.

    Raises ValueError, with what there is to choose from, for none and for several.
    """
    column = column or TABLES[table].key
    ids = sorted({row[column] for row in rows})
    if len(rows) == 1 or (len(ids) == 1 and column != TABLES[table].key):
        return rows[0]
    noun = table.removesuffix("s")
    more = "".join(f" {i}" for i in ids[:_MOST_SHOWN]) + " ..." * (
        len(ids) > _MOST_SHOWN
    )
    found = (
        f"{len(ids)} {table} begin with {beginning}:{more}"
        if ids
        else f"no {noun} begins with {beginning}"
    )
    raise ValueError(f"{found}; {_tell_list(table, column)}")


def complete_id(catalog: Catalog, table: str, beginning: str) -> str:
    """The id in a table that begins so. Raises ValueError as `take_one` does."""
    key = TABLES[table].key
    rows = catalog.read_latest(table, [key], begins_with(table, beginning)).to_pylist()
    return str(take_one(rows, table, beginning)[key])


def _tell_list(table: str, column: str) -> str:
    distinct = "distinct " * (column != TABLES[table].key)
    return f'`daguerre query "select {distinct}{column} from {table}"` lists them'
