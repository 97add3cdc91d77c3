"""The SQLite file of a ledger: how it is opened to write, and how to read without a trace in its folder."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any
from urllib.parse import quote

WAIT_S = 60.0  # for other writers
_WORTH_BYTES = 1 << 20  # that are free: for fewer the file is not written anew


class LedgerFault(ValueError):
    """The ledger cannot be used as it lies there: damaged, or not to be written."""

    def __init__(self, where: str, error: object) -> None:
        super().__init__(
            f"the ledger {where} cannot be used ({error}): restore it from a backup, or let this user write it"
        )


def set_write_ahead(path: str) -> None:
    """Readers and a writer side by side. The file keeps the mode; SQLite does not wait for its turn to set it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def open_to_write(connection: sqlite3.Connection) -> None:
    """Make real transactions of those that SQLAlchemy begins, in its documented way: BEGIN comes from its event."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")


def open_to_read(path: str, tables: Sequence[str]) -> sqlite3.Connection:
    """The ledger as it is; what of `tables` (their CREATE TABLE) is absent has no rows. Nothing is written there."""
    connection = connect_to_read(path)
    connection.isolation_level = None
    connection.execute("PRAGMA temp_store=MEMORY")
    for table in tables:
        if not _has(connection, table):
            connection.execute(table.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
    return connection


def _has(connection: sqlite3.Connection, table: str) -> bool:
    name = table.split("CREATE TABLE ", 1)[1].split(" ", 1)[0]
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def connect_to_read(path: str) -> sqlite3.Connection:
    """SQLite wants an index beside a log of what is not in the file yet; where that is absent, a copy is read."""
    if not os.path.exists(path):
        return sqlite3.connect(":memory:", check_same_thread=False)
    log = Path(f"{path}-wal")
    if not log.exists() or log.stat().st_size == 0:
        return _connect_to(path, "mode=ro&immutable=1")
    if os.path.exists(f"{path}-shm"):
        return _connect_to(path, "mode=ro")
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "ledger.db")
        copyfile(path, copy)
        copyfile(log, f"{copy}-wal")
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            connection.backup(memory)
        return memory


def measure_free(execute: Callable[[str], Any]) -> int:
    """Bytes of a file that its rows no longer take; 0 while they are less than a quarter of it, or a MiB."""
    pages, free, size = (
        int(execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return free * size if free * size >= _WORTH_BYTES and 4 * free >= pages else 0


def give_back(path: str) -> None:
    """Write the file anew without its free pages: whole before or whole after, writers wait. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path, timeout=WAIT_S)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def list_damage(execute: Callable[[str], Any]) -> list[str]:
    """What SQLite finds wrong with a file, a line each, by its connection's own way to run a statement."""
    rows = execute("PRAGMA integrity_check(5)").fetchall()
    return [row[0] for row in rows if row[0] != "ok"]


def _connect_to(path: str, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(os.path.abspath(path))}?{mode}"
    return sqlite3.connect(uri, uri=True, timeout=WAIT_S, check_same_thread=False)
