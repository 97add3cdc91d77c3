"""Texts in databases that others keep: Dagster's runs and events, MLflow's runs. What they say of a subject goes.

Rows stay, with a mark in the place of names and ids. Every column of text is looked at: what a library keeps where is
its own matter, and changes with it. Files are written anew afterwards, so that freed pages hold nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from assets.backup.home_files import list_databases
from assets.erasure.redaction import Redactor
from assets.ledger.file import give_back

_LEDGER = "ledger.db"


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
    for rowid, *values in connection.execute(
        f"SELECT rowid, {names} FROM {quoted}"
    ).fetchall():
        new = {
            column: text
            for column, value in zip(columns, values, strict=True)
            if isinstance(value, str)
            and (text := redactor.redact(value, with_pictures=True)) != value
        }
        changed += len(new)
        if new and not is_dry_run:
            places = ", ".join(f'"{c}" = ?' for c in new)
            statement = f"UPDATE {quoted} SET {places} WHERE rowid = ?"
            try:
                connection.execute(statement, [*new.values(), rowid])
            except sqlite3.IntegrityError:
                connection.execute(f"DELETE FROM {quoted} WHERE rowid = ?", [rowid])
    return changed
