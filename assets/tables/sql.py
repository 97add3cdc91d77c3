"""SQL that can only look: DuckDB over the tables, with no way to files, to the network, or to a write."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.schema_versions import require_readable
from assets.tables.schemas import TABLES

if TYPE_CHECKING:
    import duckdb

_HEAVY = ("payload",)
# what is asked like a table, the tables behind it, and how it is made of them
VIEWS: Mapping[str, tuple[tuple[str, ...], str]] = {
    # a row a box, at the operating score of its model in the exam of its own release, and above; where a model has
    # none, all
    "predicted_boxes": (
        ("predictions",),
        """
        WITH points AS (
            SELECT model_sha256, value AS operating_score
            FROM models JOIN scores USING (model_sha256, release_id)
            WHERE metric = 'operating_score' AND slice_by = 'all' AND split = 'test'
        ), boxes AS (
            SELECT *, unnest(range(1, len(scores) + 1)) AS n FROM predictions WHERE task = 'detection'
        )
        SELECT
            frame_id, session, sensor, model_sha256, purpose, prediction_id,
            class_names[n] AS class_name, scores[n] AS score,
            boxes_xyxy[4 * n - 3] AS x_min, boxes_xyxy[4 * n - 2] AS y_min,
            boxes_xyxy[4 * n - 1] AS x_max, boxes_xyxy[4 * n] AS y_max,
            operating_score
        FROM boxes LEFT JOIN points USING (model_sha256)
        WHERE operating_score IS NULL OR scores[n] >= operating_score
        """,
    ),
}


# what programs that ask for others do not get
PRIVATE = frozenset({"personal", "restricted"})
_MEMORY = "1GB"  # of one statement of theirs
_THREADS = 2
_AGAIN_S = 0.05


def list_private(table: str) -> frozenset[str]:
    """The columns of a table whose values never leave through a program that asks for others."""
    columns = TABLES[table].columns
    return frozenset(column.name for column in columns if column.privacy in PRIVATE)


@contextmanager
def open_tables(
    catalog: Catalog,
    more: Mapping[str, pa.Table] | None = None,
    is_private: bool = True,
    is_bounded: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the newest version of every table by its name, the views, and `more` by theirs.

    Not `is_private`: without the columns that `list_private` names. What such a table is made of has a name that nobody
    can guess: let no statement through that names anything but a table or a view. `is_bounded`: with little memory.
    """
    with open_closed() as connection:
        if is_bounded:
            connection.execute(f"SET memory_limit = '{_MEMORY}'")
            connection.execute(f"SET threads = {_THREADS}")
        for name in TABLES:
            hidden = frozenset() if is_private else list_private(name)
            if not hidden:
                _register(connection, catalog, name, name)
                continue
            whole = f"_{secrets.token_hex(16)}"
            _register(connection, catalog, name, whole)
            left_out = ", ".join(sorted(hidden))
            select = f"SELECT * EXCLUDE ({left_out}) FROM {whole}"
            connection.execute(f"CREATE TEMP VIEW {name} AS {select}")
        for name, (_, select) in VIEWS.items():
            connection.execute(f"CREATE TEMP VIEW {name} AS {select}")
        for name, rows in (more or {}).items():
            connection.register(name, rows)
        connection.execute("SET lock_configuration = true")
        yield connection


@contextmanager
def open_closed(
    limits: Mapping[str, str | int] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows nothing: without files, network and Python's variables. `limits` are settings of DuckDB.

    Whoever has registered what may be asked locks the settings.
    """
    import duckdb

    closed: dict[str, Any] = {
        "enable_external_access": "false",
        "python_enable_replacements": "false",
        **(limits or {}),
    }
    with duckdb.connect(config=closed) as connection:
        yield connection


def list_own(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The views that DuckDB has of itself, in lower case, which say how ours are made.

    What WITH names in one part of a statement is something else in another: so it may have none of these names.
    """
    sql = "SELECT view_name FROM duckdb_views() WHERE internal"
    return frozenset(name.lower() for (name,) in connection.execute(sql).fetchall())


@contextmanager
def limit_time(connection: duckdb.DuckDBPyConnection, most_s: float) -> Iterator[None]:
    """Interrupt what the connection does when `most_s` seconds are over: it raises duckdb.InterruptException.

    It does so again and again: an interrupt that comes between two steps of a statement is lost.
    """
    is_over = Event()

    def interrupt() -> None:
        wait_s = most_s
        while not is_over.wait(wait_s):
            connection.interrupt()
            wait_s = _AGAIN_S

    thread = Thread(target=interrupt, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


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


def _register(connection: Any, catalog: Catalog, name: str, known_as: str) -> None:
    """The table as it is stored; columns that newer code has added are null."""
    empty = TABLES[name].schema.empty_table()
    if not catalog.exists(name):
        connection.register(known_as, empty)
        return
    stored = catalog.open_stored(name)
    require_readable(stored.schema, TABLES[name])
    if set(empty.schema.names) <= set(stored.schema.names):
        connection.register(known_as, stored)
        return
    connection.register(f"_{known_as}_stored", stored)
    connection.register(f"_{known_as}_empty", empty)
    both = f"FROM _{known_as}_empty UNION ALL BY NAME FROM _{known_as}_stored"
    connection.execute(f"CREATE TEMP VIEW {known_as} AS {both}")
