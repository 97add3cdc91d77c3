"""Read-only SQL over all tables, by DuckDB on the newest table versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assets.ledger import Ledger, LedgerFault
from assets.tables.catalog import Catalog
from assets.tables.sql import explain, open_tables


class QueryError(ValueError):
    """The statement is not one that can be answered; the message says why."""


@dataclass(frozen=True)
class Found:
    """The rows of a query, and the names of columns of bytes that were not read for it."""

    rows: pa.Table
    left_out: tuple[str, ...]


def run_query(
    catalog: Catalog, ledger: Ledger, sql: str, with_bytes: bool = True
) -> Found:
    """The rows of one SELECT, without its columns of bytes where they are not wanted.

    Besides the tables of the catalog there is `files`, the ledger's outcome of every file.

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
            return _fetch(connection.sql(sql), with_bytes)
        except duckdb.Error as error:
            if unknown and "files does not exist" in str(error):
                raise QueryError(str(unknown)) from error
            raise QueryError(explain(error, sql)) from error


def _fetch(relation: Any, with_bytes: bool) -> Found:
    """A column that is not asked for is not read."""
    import duckdb

    is_bytes = [kind == "BLOB" for kind in relation.types]
    if with_bytes or not any(is_bytes) or all(is_bytes):
        return Found(relation.to_arrow_table(), ())
    named = list(zip(relation.columns, is_bytes, strict=True))
    kept = [duckdb.ColumnExpression(name) for name, is_blob in named if not is_blob]
    return Found(
        relation.select(*kept).to_arrow_table(),
        tuple(name for name, is_blob in named if is_blob),
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
