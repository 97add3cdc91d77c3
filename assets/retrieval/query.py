"""Read-only SQL over all tables, by DuckDB on the newest table versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from assets.ledger import Ledger, LedgerFault
from assets.tables.catalog import WHOLE_TABLE, Catalog, is_in
from assets.tables.sql import VIEWS, explain, open_tables


class QueryError(ValueError):
    """The statement is not one that can be answered; the message says why."""


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


def run_query(
    catalog: Catalog, ledger: Ledger, sql: str, with_bytes: bool = True
) -> Found:
    """The rows of one SELECT, without its columns of bytes where they are not wanted.

    Besides the tables of the catalog there are its views, and `files`, the ledger's outcome of every file. Rows are the
    newest, held or not; `held` names the sessions of the tables asked that are held, where the rows have a column
    `session` only those that stand in it.

    Raises QueryError for a statement that fails, that is not a single SELECT, or that reaches for files or the network.
    """
    import duckdb

    unknown: LedgerFault | None = None
    files: dict[str, pa.Table] = {}
    try:
        files["files"] = ledger.file_table()
    except LedgerFault as fault:
        unknown = fault
    with open_tables(catalog, files) as connection:
        try:
            statements = connection.extract_statements(sql)
            if (
                len(statements) != 1
                or statements[0].type != duckdb.StatementType.SELECT
            ):
                raise QueryError(
                    "only one SELECT statement is answered: the tables are read-only"
                )
            found = _fetch(connection.sql(sql), with_bytes)
            parsed = _parse(connection, sql)
            asked = set(_list_asked(parsed))
        except duckdb.Error as error:
            if unknown and "files does not exist" in str(error):
                raise QueryError(str(unknown)) from error
            raise QueryError(explain(error, sql)) from error
    return replace(
        found,
        held=_find_held(catalog, asked, found.rows),
        named=_list_named(parsed, found.columns),
    )


def _parse(connection: Any, sql: str) -> dict[str, Any]:
    """The statement as DuckDB understands it; an error, in the same form, for one that is no plain SELECT."""
    (parsed,) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    found: dict[str, Any] = json.loads(parsed)
    return found


def _list_named(parsed: dict[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """Those of the columns that stand in the select list. What stands between two stars is not told apart."""
    statements = parsed.get("statements") or [{}]
    node = statements[0].get("node") or {}
    while "left" in node:  # a union has the columns of its first
        node = node["left"]
    chosen = node.get("select_list")
    if not chosen:
        return ()
    stars = [n for n, item in enumerate(chosen) if "STAR" in str(item.get("class"))]
    if not stars:
        return tuple(columns)
    behind = len(chosen) - 1 - stars[-1]
    return (*columns[: stars[0]], *columns[len(columns) - behind :])


def _list_asked(parsed: dict[str, Any]) -> Iterator[str]:
    """What a statement reads from, tables by name; nothing for one that describes a table."""
    parts: list[Any] = [parsed]
    for part in parts:
        if isinstance(part, dict):
            if part.get("type") == "BASE_TABLE":
                name = part["table_name"]
                yield from VIEWS[name][0] if name in VIEWS else (name,)
            part = list(part.values()) if part.get("type") != "SHOW_REF" else []
        parts += part if isinstance(part, list) else []


def _find_held(catalog: Catalog, asked: set[str], rows: pa.Table) -> tuple[Held, ...]:
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


def _fetch(relation: Any, with_bytes: bool) -> Found:
    """A column that is not asked for is not read."""
    import duckdb

    is_bytes = [kind == "BLOB" for kind in relation.types]
    if with_bytes or not any(is_bytes) or all(is_bytes):
        return Found(relation.to_arrow_table(), (), columns=tuple(relation.columns))
    named = list(zip(relation.columns, is_bytes, strict=True))
    kept = [duckdb.ColumnExpression(name) for name, is_blob in named if not is_blob]
    return Found(
        relation.select(*kept).to_arrow_table(),
        tuple(name for name, is_blob in named if is_blob),
        columns=tuple(relation.columns),
    )


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
