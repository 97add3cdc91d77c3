"""Read-only SQL over all tables, by DuckDB on the newest table versions."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from assets.ledger import Ledger
from assets.ledger_file import LedgerFault
from assets.tables.catalog import Catalog
from assets.tables.sql import explain, open_tables


class QueryError(ValueError):
    """The statement is not one that can be answered; the message says why."""


def run_query(catalog: Catalog, ledger: Ledger, sql: str) -> pa.Table:
    """The rows of one SELECT. Besides the tables of the catalog there is `files`, the ledger's outcome of every file.

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
            return connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            if unknown and "files does not exist" in str(error):
                raise QueryError(str(unknown)) from error
            raise QueryError(explain(error)) from error


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
