"""Back up a home while others write: complete or invisible, and without a second copy of what the last backup holds.

First the databases that acknowledge work (the ledger, Dagster's), then the tables, then what they name: MLflow's store,
blobs, packages, artifacts. So the ledger of a backup acknowledges nothing that its tables lack.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from assets.backup.home_files import list_databases, list_files
from assets.backup.listing import (
    HOME,
    BackupList,
    Entry,
    copy_hashed,
    list_backups,
    make_folders,
    read_list,
    write_list,
)
from assets.backup.table_files import find_missing, fix_tables
from assets.disk import hash_file, make_folder, sync, sync_file_system
from assets.ledger.file import connect_to_read
from assets.locks import take

_PARTIAL = ".partial-"
_LOCK = ".lock"
_TABLES = "tables/"
_ATTEMPTS = 3
_STAMP = "%Y%m%dT%H%M%SZ"
Tick = Callable[..., None]  # (done, total, path)


@dataclass(frozen=True)
class Made:
    """What a backup holds, or would hold."""

    folder: Path
    num_files: int
    size_bytes: int
    new_bytes: int  # that the backup before does not hold
    # what is gone or has changed in the home: `verify` says more
    damaged: list[str] = field(default_factory=list)


def make_backup(
    home: Path,
    to: Path,
    left_out: dict[str, str],
    on_progress: Tick | None = None,
) -> Made:
    """Make `<to>/<time>`, a backup of the home. `left_out` are the stores that lie elsewhere, by setting.

    Raises ValueError for a home without a file, a folder inside of the home, and where another backup is being made.
    """
    to = _require_use(home, to)
    make_folder(to)
    with _alone(to):
        backups = list_backups(to)
        now = datetime.now(UTC)
        partial = to / f"{_PARTIAL}{now.strftime(_STAMP)}"
        try:
            work = _Copying(home, partial / HOME, backups[-1] if backups else None)
            made = work.copy_all(on_progress or (lambda *_: None))
            made_at = now.isoformat(timespec="seconds")
            write_list(partial, BackupList(made_at, work.entries, left_out))
            sync_file_system(partial)
            folder = _name(to, now)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync(to)
    return Made(folder, len(work.entries), made, work.new_bytes, work.damaged)


def plan_backup(home: Path, to: Path) -> Made:
    """What a backup would hold, by the sizes of files and the times that they were written at. Writes nothing."""
    to = _require_use(home, to)
    backups = list_backups(to)
    known = read_list(backups[-1]).entries if backups else {}
    databases = list_databases(home)
    sizes = {}
    new = 0
    for path in [*databases, *list_files(home)]:
        facts = os.lstat(home / path)
        sizes[path] = facts.st_size
        if path in databases or not _is_same(known.get(path), facts):
            new += facts.st_size
    return Made(to, len(sizes), sum(sizes.values()), new)


class _Copying:
    """One backup under way: from a home into a folder, with what the backup before holds of it."""

    def __init__(self, home: Path, to: Path, before: Path | None) -> None:
        self.home, self.to = home, to
        self.entries: dict[str, Entry] = {}
        self.new_bytes = 0
        self.damaged: list[str] = []
        self._before = before / HOME if before else None
        self._known = read_list(before).entries if before else {}

    def copy_all(self, tick: Tick) -> int:
        """Copy everything; how many bytes there are."""
        databases = list_databases(self.home)
        total = len(databases) + sum(1 for _ in list_files(self.home))
        of_registry = [path for path in databases if path.startswith("mlflow/")]
        for path in databases:
            if path not in of_registry:
                self._snapshot(path)
                tick(len(self.entries), total, path)
        self._copy_tables(tick, total)
        for path in of_registry:
            self._snapshot(path)
        others = (p for p in list_files(self.home) if not p.startswith(_TABLES))
        self._copy(others, tick, total)
        tick(total, total, "")
        return sum(entry.size_bytes for entry in self.entries.values())

    def _copy_tables(self, tick: Tick, total: int) -> None:
        """Once more where versions were cleaned away meanwhile; what is missing still is damaged."""
        tables = self.home / _TABLES
        for _ in range(_ATTEMPTS):
            self._forget_tables()
            fixed = fix_tables(tables)
            for path, content in fixed.contents.items():
                self._write(_TABLES + path, content)
            found = list_files(self.home, _TABLES)
            kept = (p for p in found if fixed.is_kept(p.removeprefix(_TABLES)))
            self._copy(kept, tick, total)
            copied = {p.removeprefix(_TABLES) for p in self.entries}
            missing = find_missing(tables, fixed, copied)
            if not missing:
                return
        self.damaged += [_TABLES + path for path in missing]

    def _forget_tables(self) -> None:
        shutil.rmtree(self.to / _TABLES, ignore_errors=True)
        for path in [p for p in self.entries if p.startswith(_TABLES)]:
            del self.entries[path]

    def _copy(self, paths: Iterable[str], tick: Tick, total: int) -> None:
        for path in paths:
            try:
                self._copy_file(path)
            except FileNotFoundError:
                continue  # removed since it was listed
            tick(len(self.entries), total, path)

    def _copy_file(self, path: str) -> None:
        source, target = self.home / path, self.to / path
        facts = source.lstat()
        make_folders(self.to, [path])
        if source.is_symlink():
            to = os.readlink(source)
            target.symlink_to(to)
            self.entries[path] = Entry(path, 0, facts.st_mtime_ns, "", to)
            return
        known = self._known.get(path)
        if known and _is_same(known, facts) and self._link(known, target):
            self.entries[path] = known
            return
        sha256 = copy_hashed(source, target)
        self._add(path, sha256)
        if path.startswith("blobs/") and len(source.name) == 64:
            self.damaged += [path] * (sha256 != source.name)

    def _link(self, known: Entry, target: Path) -> bool:
        """Share the file of the backup before, where it still is what it was."""
        assert self._before is not None, "it has an entry there"
        former = self._before / known.path
        if not former.is_file() or hash_file(former) != known.sha256:
            return False
        try:
            os.link(former, target)
        except OSError:  # a file system without links, or too many of them
            return False
        return True

    def _snapshot(self, path: str) -> None:
        """A database as it was at one moment, whoever writes to it."""
        make_folders(self.to, [path])
        target = self.to / path
        with (
            closing(_connect(self.home / path)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
            # one file, without a log beside it; who writes to it sets its mode again
            copy.execute("PRAGMA journal_mode=DELETE")
        sha256 = hash_file(target)
        known = self._known.get(path)
        shared = target.with_name(f"{target.name}.shared")
        if known and known.sha256 == sha256 and self._link(known, shared):
            shared.replace(target)
            self.entries[path] = known
        else:
            self._add(path, sha256)

    def _write(self, path: str, content: bytes) -> None:
        make_folders(self.to, [path])
        known = self._known.get(path)
        sha256 = hashlib.sha256(content).hexdigest()
        if known and known.sha256 == sha256 and self._link(known, self.to / path):
            self.entries[path] = known
            return
        (self.to / path).write_bytes(content)
        self._add(path, sha256)

    def _add(self, path: str, sha256: str) -> None:
        facts = (self.to / path).stat()
        self.entries[path] = Entry(path, facts.st_size, facts.st_mtime_ns, sha256)
        self.new_bytes += facts.st_size


def _connect(path: Path) -> sqlite3.Connection:
    """Under SQLite's own locks; who may not write there cannot take them, and reads what is on disk."""
    if not os.access(path, os.W_OK):
        return connect_to_read(str(path))
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=60)


def _is_same(known: Entry | None, facts: os.stat_result) -> bool:
    """Whether a file is still the one that a backup holds, as far as size and time tell."""
    return known is not None and (known.size_bytes, known.mtime_ns) == (
        facts.st_size,
        facts.st_mtime_ns,
    )


def _require_use(home: Path, to: Path) -> Path:
    """The folder of backups, where it makes sense to back this home up into it."""
    home = home.resolve()
    to = to.expanduser().resolve()
    if next(list_files(home), None) is None and not list_databases(home):
        raise ValueError(f"there is nothing in {home}: set DAGUERRE_HOME to the home")
    if to == home or to.is_relative_to(home):
        raise ValueError(f"{to} lies in the home {home}: give a folder elsewhere")
    return to


def _name(to: Path, now: datetime) -> Path:
    """Two backups of one second have two names, in their order."""
    stamp = now.strftime(_STAMP)
    number = 0
    while (path := to / (f"{stamp}-{number}" if number else stamp)).exists():
        number += 1
    return path


@contextmanager
def _alone(to: Path) -> Iterator[None]:
    """One backup at a time in a folder; what one that was killed has left is removed."""
    with open(to / _LOCK, "w") as lock:
        if not take(lock):
            raise ValueError(f"a backup is being made in {to}: wait for it")
        for left in to.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left)
        yield
