"""SQL that can only look: DuckDB over the tables, with no way to files, to the network, or to a write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.migrate import require_readable
from assets.tables.schemas import TABLES

if TYPE_CHECKING:
    import duckdb

_HEAVY = ("payload",)


@contextmanager
def open_tables(
    catalog: Catalog, more: Mapping[str, pa.Table] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the newest version of every table by its name, and `more` by theirs."""
    import duckdb

    # no files, no network, no Python variables
    closed: dict[str, Any] = {
        "enable_external_access": "false",
        "python_enable_replacements": "false",
    }
    with duckdb.connect(config=closed) as connection:
        for name in TABLES:
            _register(connection, catalog, name)
        for name, rows in (more or {}).items():
            connection.register(name, rows)
        connection.execute("SET lock_configuration = true")
        yield connection


_NAMED = re.compile(r'column "([^"]+)"|[Nn]ame (\w+) does not exist')


def find_frames(catalog: Catalog, condition: str) -> set[str]:
    """Ids of the frames, published or not, for which one expression over the columns of `frames` holds.

    It may ask other tables in a subquery. Raises ValueError, with the columns that there are, for anything but one
    expression that is true or false, and for what reaches for files or the network.
    """
    import duckdb

    with open_tables(catalog) as connection:
        hidden = ", ".join(_HEAVY)
        frames = connection.sql(f"SELECT * EXCLUDE ({hidden}) FROM frames")
        try:
            # takes one expression and nothing else: no second statement, no UNION
            found = frames.filter(condition).project("frame_id").to_arrow_table()
        except duckdb.Error as error:
            columns = ", ".join(
                name for name in TABLES["frames"].schema.names if name not in _HEAVY
            )
            raise ValueError(
                f"where = {condition!r} is no condition on frames: {explain(error, condition)}; "
                f"the columns are {columns}"
            ) from error
    return set(found["frame_id"].to_pylist())


def explain(error: Exception, sql: str) -> str:
    """What DuckDB says of `sql`, in one line, with the place in it, counted from 1, in place of its drawing."""
    said, _, drawing = str(error).partition("\n\n")
    told = "; ".join(line.strip() for line in said.splitlines() if line.strip())
    at = _find_place(said, drawing, sql)
    return told if at is None else f"at character {at + 1}: {told}"


def _find_place(said: str, drawing: str, sql: str) -> int | None:
    """Where in `sql` it is that DuckDB marks with carets, or names; None where that could be elsewhere too."""
    lines = drawing.splitlines()
    at = next((n for n, line in enumerate(lines) if line.startswith("LINE ")), None)
    named = _NAMED.search(said)
    if at is not None and at + 1 < len(lines) and "^" in lines[at + 1]:
        start = lines[at + 1].index("^")
        token = lines[at][start : start + lines[at + 1].count("^")]
        # a condition is parsed behind a SELECT
        before = lines[at][:start].removeprefix("LINE 1: ")
        for begin in (before, before.removeprefix("SELECT ")):
            if lines[at].startswith("LINE 1: ") and sql.startswith(begin + token):
                return len(begin)
    elif named:
        token = named[1] or named[2]
    else:
        return None
    found = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(token)}(?!\w)", sql)]
    return found[0] if len(found) == 1 or (found and named) else None


def _register(connection: Any, catalog: Catalog, name: str) -> None:
    """The table as it is stored; columns that newer code has added are null."""
    empty = TABLES[name].schema.empty_table()
    if not catalog.exists(name):
        connection.register(name, empty)
        return
    stored = catalog.open_stored(name)
    require_readable(stored.schema, TABLES[name])
    if set(empty.schema.names) <= set(stored.schema.names):
        connection.register(name, stored)
        return
    connection.register(f"_{name}_stored", stored)
    connection.register(f"_{name}_empty", empty)
    both = f"FROM _{name}_empty UNION ALL BY NAME FROM _{name}_stored"
    connection.execute(f"CREATE TEMP VIEW {name} AS {both}")
