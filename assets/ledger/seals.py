"""Seals of the ledger's rows: each carries a hash of its values, so that a bit that is flipped on disk is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table

SEAL = "seal"  # the last column of every table
_DIGITS = 16


def seal_values(values: Iterable[object]) -> str:
    """What a row's values, as the database gives them, are held against."""
    return hashlib.sha256(repr(list(values)).encode()).hexdigest()[:_DIGITS]


def with_seal(row: dict[str, Any]) -> dict[str, Any]:
    """A row to be written, whose values come in the order of the columns."""
    return {**row, SEAL: seal_values(row.values())}


def list_values(table: Table) -> list[Any]:
    """The columns of a table, without its seals."""
    return [column for column in table.columns if column.name != SEAL]


def seal_row(connection: Connection, table: Table, **key: str) -> None:
    """Seal a row as the database has it."""
    for *values, _ in connection.execute(_select_raw(table).filter_by(**key)):
        seal = {SEAL: seal_values(values)}
        connection.execute(table.update().filter_by(**key).values(seal))


def add_seals(connection: Connection, metadata: MetaData) -> None:
    """Seal the rows of a ledger from before seals, as they are."""
    for table in metadata.tables.values():
        if _has_seals(connection, table):
            continue
        connection.exec_driver_sql(
            f"ALTER TABLE {table.name} ADD COLUMN {SEAL} VARCHAR"
        )
        keys = [column.name for column in table.primary_key.columns]
        for row in connection.execute(_select_raw(table)).fetchall():
            seal_row(connection, table, **{key: row._mapping[key] for key in keys})


def find_changed(connection: Connection, table: Table) -> list[str | None]:
    """The key of each row that does not match its seal, None for each that does; nothing of one from before seals."""
    if not _has_seals(connection, table):
        return []
    return [
        None
        if seal == seal_values(values)
        else "/".join(str(v) for v in values[: len(table.primary_key)])
        for *values, seal in connection.execute(_select_raw(table))
    ]


def _select_raw(table: Table) -> Any:
    """Rows as they are stored: a flag of 3 is not read as true."""
    import sqlalchemy as sa

    return sa.select(
        *(
            sa.type_coerce(column, sa.Integer).label(column.name)
            if isinstance(column.type, sa.Boolean)
            else column
            for column in table.columns
        )
    ).select_from(table)


def _has_seals(connection: Connection, table: Table) -> bool:
    import sqlalchemy as sa

    columns = sa.inspect(connection).get_columns(table.name)
    return any(column["name"] == SEAL for column in columns)
