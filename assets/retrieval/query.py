"""Read-only SQL over all tables, by DuckDB on the newest table versions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from assets.ledger import Ledger, LedgerFault
from assets.tables.catalog import WHOLE_TABLE, Catalog, is_in
from assets.tables.schemas import TABLES
from assets.tables.sql import (
    VIEWS,
    explain,
    limit_time,
    list_own,
    list_private,
    open_tables,
)


class QueryError(ValueError):
    """The statement is not one that can be answered; the message says why."""


@dataclass(frozen=True)
class Bounds:
    """How much the statement of a program that asks for others may take and give."""

    rows: int = 200
    seconds: float = 10.0
    size_bytes: int = 100_000  # of the rows, as Arrow has them
    is_private: bool = False  # whether columns of a private class are there


@dataclass(frozen=True)
class Held:
    """A session of which a table has rows that no reader gets, as a check holds them back."""

    session: str  # "": the whole table, of one without sessions
    table: str


@dataclass(frozen=True)
class Found:
    """The rows of a query, the names of columns of bytes that were not read for it, and what may be held among them."""

    rows: pa.Table
    left_out: tuple[str, ...]
    held: tuple[Held, ...] = ()
    columns: tuple[str, ...] = ()  # with those of bytes
    named: tuple[
        str, ...
    ] = ()  # of these the ones that the statement names, and takes by no star
    restricted: tuple[str, ...] = ()  # "table.column" of that class that it asks for
    cut: str = ""  # why there are rows besides, of a statement within bounds
    # groups that are left out, being of too few sessions; None where no private column was asked so
    num_small: int | None = None


_FILES = "files"
_FUNCTIONS = frozenset({"generate_series", "range", "unnest"})


def run_query(
    catalog: Catalog,
    ledger: Ledger,
    sql: str,
    with_bytes: bool = True,
    bounds: Bounds | None = None,
) -> Found:
    """The rows of one SELECT, without its columns of bytes where they are not wanted.

    Besides the tables of the catalog there are its views, and `files`, the ledger's outcome of every file. Rows are the
    newest, held or not; `held` names the sessions of the tables asked that are held, where the rows have a column
    `session` only those that stand in it.

    With `bounds` only tables and views are asked, no column of a private class is there but where the bounds say so,
    and what is too large is cut.

    Raises QueryError for a statement that fails, that is not a single SELECT, that reaches for files or the network, or
    that takes longer than its bounds.
    """
    import duckdb

    unknown: LedgerFault | None = None
    files: dict[str, pa.Table] = {}
    try:
        files[_FILES] = ledger.file_table()
    except LedgerFault as fault:
        unknown = fault
    is_private = bounds is None or bounds.is_private
    with open_tables(catalog, files, is_private, bounds is not None) as connection:
        try:
            statements = connection.extract_statements(sql)
            if (
                len(statements) != 1
                or statements[0].type != duckdb.StatementType.SELECT
            ):
                raise QueryError(
                    "only one SELECT statement is answered: the tables are read-only"
                )
            parsed = parse_statement(connection, sql)
            if bounds is not None:
                _require_tables(parsed, list_own(connection))
            ending = limit_time(connection, bounds.seconds) if bounds else nullcontext()
            with ending:
                found = _fetch(connection.sql(sql), with_bytes, bounds)
            asked = set(_list_asked(parsed))
        except duckdb.InterruptException as error:
            assert bounds is not None
            raise QueryError(
                f"it took more than {bounds.seconds:g} s: ask for fewer rows, sessions or columns"
            ) from error
        except duckdb.Error as error:
            if unknown and "files does not exist" in str(error):
                raise QueryError(str(unknown)) from error
            hidden = "" if is_private else _tell_private(str(error))
            raise QueryError(explain(error, sql) + hidden) from error
    return replace(
        found,
        held=find_held(catalog, asked, found.rows),
        named=_list_named(parsed, found.columns),
        restricted=_list_restricted(parsed, asked),
    )


def _require_tables(parsed: dict[str, Any], own: Collection[str]) -> None:
    """Refuse a statement that reads from anything but tables and views by their names, or names something by WITH as a
    view that DuckDB has of its `own`."""
    known = {*TABLES, *VIEWS, _FILES}
    if parsed.get("error"):
        raise QueryError("only a plain SELECT is answered: write it without PIVOT")
    for part in walk_parts(parsed):
        for entry in (part.get("cte_map") or {}).get("map", ()):
            if entry["key"].lower() in own:
                raise QueryError(
                    f"{entry['key']!r} is a name of DuckDB's own: take another"
                )
            known.add(entry["key"].lower())
    for part in walk_parts(parsed):
        kind = part.get("type")
        if kind == "BASE_TABLE":
            place = [part.get("catalog_name"), part.get("schema_name")]
            if part["table_name"].lower() not in known or any(place):
                there = ", ".join(sorted({*TABLES, *VIEWS, _FILES}))
                raise QueryError(
                    f"there is no table {part['table_name']!r}: choose of {there}"
                )
        elif kind == "TABLE_FUNCTION":
            name = part["function"]["function_name"]
            if name not in _FUNCTIONS:
                raise QueryError(
                    f"{name} is no table: of functions that make rows only {', '.join(sorted(_FUNCTIONS))} are answered"
                )
        elif kind == "SHOW_REF":
            raise QueryError(
                "only a SELECT of rows is answered, no description of a table"
            )


def walk_parts(parsed: Any) -> Iterator[dict[str, Any]]:
    """Every part of a statement."""
    parts: list[Any] = [parsed]
    for part in parts:
        if isinstance(part, dict):
            yield part
            parts += part.values()
        elif isinstance(part, list):
            parts += part


def _tell_private(said: str) -> str:
    """Which column is not there because it is of a private class, where an error names one."""
    hidden = {column for table in TABLES for column in list_private(table)}
    named = sorted(column for column in hidden if f'"{column}"' in said)
    return f"; {', '.join(named)} is private, and not read here" if named else ""


def parse_statement(connection: Any, sql: str) -> dict[str, Any]:
    """The statement as DuckDB understands it; an error, in the same form, for one that is no plain SELECT."""
    # all of it: a result that is not read to its end holds the connection
    ((parsed,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    found: dict[str, Any] = json.loads(parsed)
    return found


def _list_named(parsed: dict[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """Those of the columns that stand in the select list. What stands between two stars is not told apart."""
    statements = parsed.get("statements") or [{}]
    node = statements[0].get("node") or {}
    while "left" in node:  # a union has the columns of its first
        node = node["left"] or (node.get("children") or [{}])[0]
    chosen = node.get("select_list")
    if not chosen:
        return ()
    stars = [n for n, item in enumerate(chosen) if "STAR" in str(item.get("class"))]
    if not stars:
        return tuple(columns)
    behind = len(chosen) - 1 - stars[-1]
    return (*columns[: stars[0]], *columns[len(columns) - behind :])


def _list_asked(parsed: dict[str, Any]) -> Iterator[str]:
    """What a statement reads from, tables by name; nothing for one that describes a table, but for its extremes."""
    parts: list[Any] = [parsed]
    for part in parts:
        if isinstance(part, dict):
            if part.get("type") == "BASE_TABLE":
                name = part["table_name"].lower()
                yield from VIEWS[name][0] if name in VIEWS else (name,)
            part = list(part.values()) if not _describes(part) else []
        parts += part if isinstance(part, list) else []


def _describes(part: dict[str, Any]) -> bool:
    return part.get("type") == "SHOW_REF" and part.get("show_type") != "SUMMARY"


def _list_restricted(parsed: dict[str, Any], asked: set[str]) -> tuple[str, ...]:
    """Columns of the restricted class that a statement names anywhere, or takes by no name of theirs; but for bytes
    that a star takes: of these nobody sees more than length and hash."""
    parts = list(walk_parts(parsed))
    stars = any(part.get("class") == "STAR" for part in parts)
    takes_all = any(_takes_unnamed(parts))
    named = {
        str(name).lower() for part in parts for name in part.get("column_names") or ()
    }
    columns = (
        (table, column.name, pa.types.is_large_binary(column.type))
        for table in sorted(asked & TABLES.keys())
        for column in TABLES[table].columns
        if column.privacy == "restricted"
    )
    return tuple(
        f"{table}.{name}"
        for table, name, is_bytes in columns
        if name in named or takes_all or (stars and not is_bytes)
    )


def _takes_unnamed(parts: Sequence[dict[str, Any]]) -> Iterator[bool]:
    """Whether each part takes columns by their place, by other names for them, as a whole row, or as their extremes."""
    relations = {
        str(part.get("alias") or part["table_name"]).lower()
        for part in parts
        if part.get("type") == "BASE_TABLE"
    }
    for part in parts:
        yield (
            part.get("class") == "POSITIONAL_REFERENCE"
            or part.get("show_type") == "SUMMARY"
            or bool(part.get("column_name_alias"))
            or str((part.get("column_names") or [""])[-1]).lower() in relations
        )


def find_held(catalog: Catalog, asked: set[str], rows: pa.Table) -> tuple[Held, ...]:
    """What is held of the tables that were asked; nothing where the query asks for what is held by itself."""
    if "publications" in asked or not asked:
        return ()
    where = f"is_held AND {is_in('table_name', sorted(asked))}"
    columns = ["session", "table_name"]
    decisions = catalog.read_latest("publications", columns, where).to_pylist()
    shown = (
        {*rows["session"].to_pylist(), WHOLE_TABLE}
        if "session" in rows.column_names
        else None
    )
    return tuple(
        sorted(
            (
                Held(row["session"], row["table_name"])
                for row in decisions
                if shown is None or row["session"] in shown
            ),
            key=lambda held: (held.session, held.table),
        )
    )


def _fetch(relation: Any, with_bytes: bool, bounds: Bounds | None) -> Found:
    """A column that is not asked for is not read."""
    import duckdb

    columns = tuple(relation.columns)
    is_bytes = [kind == "BLOB" for kind in relation.types]
    named = list(zip(columns, is_bytes, strict=True))
    left_out: tuple[str, ...] = ()
    if not with_bytes and any(is_bytes) and not all(is_bytes):
        kept = [duckdb.ColumnExpression(name) for name, is_blob in named if not is_blob]
        left_out = tuple(name for name, is_blob in named if is_blob)
        relation = relation.select(*kept)
    if bounds is None:
        return Found(relation.to_arrow_table(), left_out, columns=columns)
    rows = relation.limit(bounds.rows + 1).to_arrow_table()
    rows, cut = cut_rows(rows, bounds)
    return Found(rows, left_out, columns=columns, cut=cut)


def cut_rows(rows: pa.Table, bounds: Bounds) -> tuple[pa.Table, str]:
    """The first rows that are within bounds, and why there are more. Raises QueryError where that is none."""
    cut = ""
    if len(rows) > bounds.rows:
        rows, cut = rows.slice(0, bounds.rows), "rows"
    while rows.nbytes > bounds.size_bytes:
        if len(rows) == 1:
            raise QueryError(
                f"its first row is larger than {bounds.size_bytes:,} bytes: ask for fewer columns, or for a part of one"
            )
        rows, cut = rows.slice(0, len(rows) // 2), "size"
    return rows, cut


def to_json_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: bytes become their length and sha256."""
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _plain(value: Any) -> Any:
    import hashlib
    import math

    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
