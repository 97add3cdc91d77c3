"""Texts in databases that others keep: Dagster's runs and events, MLflow's runs. What they say of a subject goes.

Rows stay, with a mark in the place of names and ids. Every column of text is looked at: what a library keeps where is
its own matter, and changes with it. Files are written anew afterwards, so that freed pages hold nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from assets.backup.home_files import list_databases
from assets.erasure.redaction import Redactor
from assets.ledger.file import give_back

_LEDGER = "ledger.db"
_LIST = "dynamic_partitions"  # a row a session: that of one that is gone goes
_AT_ONCE = 500


def list_stores(home: Path) -> list[Path]:
    """The SQLite files of Dagster and MLflow."""
    return [home / path for path in list_databases(home) if path != _LEDGER]


def redact_files(
    home: Path, redactor: Redactor, is_dry_run: bool
) -> Iterator[tuple[str, int]]:
    """Path below the home of each file that told of the subject, and in how many values. Done again it finds nothing.

    Raises sqlite3.Error for a file that is damaged.
    """
    for path in list_stores(home):
        changed = _redact_file(path, redactor, is_dry_run)
        if changed and not is_dry_run:
            give_back(str(path))
        if changed:
            yield path.relative_to(home).as_posix(), changed


def _redact_file(path: Path, redactor: Redactor, is_dry_run: bool) -> int:
    with closing(sqlite3.connect(path, timeout=60.0)) as connection:
        # what is overwritten is not left behind
        connection.execute("PRAGMA secure_delete = ON")
        changed = sum(
            _redact_table(connection, name, redactor, is_dry_run)
            for name in _list_tables(connection)
        )
        if changed and not is_dry_run:
            connection.commit()
        return changed


def _list_tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [name for (name,) in rows]


def _redact_table(
    connection: sqlite3.Connection, table: str, redactor: Redactor, is_dry_run: bool
) -> int:
    """How many values told of it. A row that becomes like another one goes."""
    quoted = f'"{table}"'
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted})")]
    names = ", ".join(f'"{c}"' for c in columns)
    changed = 0
    for rowid, *values in _read(connection, f"rowid, {names}", quoted):
        new = {
            column: text
            for column, value in zip(columns, values, strict=True)
            if isinstance(value, str)
            and (text := redactor.redact(value, with_pictures=True)) != value
        }
        changed += len(new)
        if new and not is_dry_run:
            _change(connection, table, rowid, new)
    return changed


def _change(
    connection: sqlite3.Connection, table: str, rowid: int, new: dict[str, str]
) -> None:
    """Give a row other texts; one that would be like another goes, and so does one of a list of sessions."""
    places = ", ".join(f'"{column}" = ?' for column in new)
    try:
        if table != _LIST:
            statement = f'UPDATE "{table}" SET {places} WHERE rowid = ?'
            connection.execute(statement, [*new.values(), rowid])
            return
    except sqlite3.IntegrityError:
        pass
    connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', [rowid])


def _read(
    connection: sqlite3.Connection, columns: str, table: str
) -> Iterator[tuple[Any, ...]]:
    """Rows by their number, some at a time: they may be changed meanwhile."""
    query = (
        f"SELECT {columns} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {_AT_ONCE}"
    )
    last = -1
    while rows := connection.execute(query, [last]).fetchall():
        yield from rows
        last = rows[-1][0]
