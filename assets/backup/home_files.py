"""Which files of a home a backup holds, and what is left out: what can be made again, and what is under way."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from assets.home_lock import LOCK_NAME
from assets.privacy.keys import FILE_NAME

_SQLITE = b"SQLite format 3\0"
# made again (cache, logs), or of a training under way
_SKIPPED = ("cache", "logs", "models/.runs")
_PARTIAL = (".part", ".tmp")
# what is sealed by the key may lie in the same backup; who held the lock is no more
_LEFT_OUT = (FILE_NAME, LOCK_NAME)
# of ours: a database in the landing zone or among artifacts is a file like others
_DATABASE = re.compile(
    r"(?:[^/]+|dagster/.+|mlflow/(?!artifacts/).+)\.db(?P<beside>-wal|-shm|-journal)?"
)


def list_databases(home: Path) -> list[str]:
    """The SQLite files that are written to while they are copied: the ledger, Dagster's, MLflow's.

    Dagster writes an event to its run's file before its index of all runs, so that comes first.
    """
    found = [
        path
        for path in _walk(home, "")
        if (found := _DATABASE.fullmatch(path))
        and not found["beside"]
        and _is_database(home / path)
    ]
    return sorted(found, key=lambda path: not path.endswith("/index.db"))


def list_files(home: Path, below: str = "") -> Iterator[str]:
    """Every other file and link below a folder of the home. Pipes, sockets and uploads under way are none."""
    return (path for path in _walk(home, below) if not _DATABASE.fullmatch(path))


def _walk(home: Path, below: str) -> Iterator[str]:
    for folder, folders, names in os.walk(home / below):
        relative = os.path.relpath(folder, home)
        prefix = "" if relative == "." else f"{relative}/"
        links = [n for n in folders if os.path.islink(os.path.join(folder, n))]
        folders[:] = sorted(
            n for n in folders if f"{prefix}{n}" not in _SKIPPED and n not in links
        )
        for name in sorted([*names, *links]):
            is_partial = name.startswith(".") and name.endswith(_PARTIAL)
            if f"{prefix}{name}" in _LEFT_OUT:
                continue
            if not is_partial and _is_file(os.path.join(folder, name)):
                yield f"{prefix}{name}"


def _is_file(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _is_database(path: Path) -> bool:
    if path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE
