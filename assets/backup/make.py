"""Back up a home and its stores while others write: complete or invisible, and without a second copy of what the last
backup holds.

First the databases that acknowledge work (the ledger, Dagster's), then the tables, then what they name: MLflow's store,
blobs, packages, artifacts. So the ledger of a backup acknowledges nothing that its tables lack.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from assets.backup.home_files import list_databases
from assets.backup.listing import (
    HOME,
    BackupList,
    Entry,
    is_inside,
    list_backups,
    make_folders,
    read_list,
    write_list,
)
from assets.backup.marks import require_unmarked
from assets.backup.outside import MLFLOW, TABLES, Outside, name_dump
from assets.backup.postgres import dump_database, measure_database, require_tool
from assets.backup.sources import FolderFiles, HomeFiles, Source, Stamp
from assets.backup.table_files import find_missing, fix_tables
from assets.disk import hash_file, make_folder, sync, sync_file_system
from assets.home_lock import copying
from assets.ledger.file import connect_to_read
from assets.locks import take
from assets.storage import Folder

_PARTIAL = ".partial-"
_LOCK = ".lock"
_TABLES = f"{TABLES}/"
_ATTEMPTS = 3
_AT_ONCE = 8  # of a bucket: each waits for its answer
_STAMP = "%Y%m%dT%H%M%SZ"
_HOME_ALONE = Outside()
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
    outside: Outside = _HOME_ALONE,
) -> Made:
    """Make `<to>/<time>`, a backup of the home and of what lies outside of it. `left_out` are stores that are in none,
    by setting.

    Raises ValueError where there is nothing to back up, for a folder inside of the home, where another backup is being
    made, while somebody erases, where a restore was cut short, and where a tool of Postgres is missing; OSError where a
    store does not answer.
    """
    to = _require_use(home, to, outside)
    make_folder(to)
    with _alone(to), copying(home, outside.folders.get(TABLES)) as require_still:
        backups = list_backups(to)
        now = datetime.now(UTC)
        partial = to / f"{_PARTIAL}{now.strftime(_STAMP)}"
        try:
            before = backups[-1] if backups else None
            work = _Copying(home, outside, partial / HOME, before)
            work.copy_all(on_progress or (lambda *_: None))
            made_at = now.isoformat(timespec="seconds")
            places = {name: folder.uri for name, folder in outside.folders.items()}
            require_still()
            write_list(partial, BackupList(made_at, work.entries, left_out, places))
            sync_file_system(partial)
            folder = _name(to, now)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync(to)
    sizes = {path: entry.size_bytes for path, entry in work.entries.items()}
    new_bytes = sum(sizes[path] for path in work.new)
    return Made(folder, len(sizes), sum(sizes.values()), new_bytes, work.damaged)


def plan_backup(home: Path, to: Path, outside: Outside = _HOME_ALONE) -> Made:
    """What a backup would hold, by sizes, times and versions; a database by its room on the server. Writes nothing.

    Raises as `make_backup`.
    """
    to = _require_use(home, to, outside)
    backups = list_backups(to)
    known = read_list(backups[-1]).entries if backups else {}
    sizes = {n: measure_database(url) for n, url in outside.databases.items()}
    databases = _list_databases(home, outside)
    sizes |= {path: os.lstat(home / path).st_size for path in databases}
    new = sum(sizes.values())
    for source in _open_sources(home, outside).values():
        for path in source.list():
            stamp = source.look(path)
            sizes[path] = stamp.size_bytes
            new += 0 if stamp.is_of(known.get(path)) else stamp.size_bytes
    return Made(to, len(sizes), sum(sizes.values()), new)


class _Copying:
    """One backup under way: into a folder, with what the backup before holds of it."""

    def __init__(
        self, home: Path, outside: Outside, to: Path, before: Path | None
    ) -> None:
        self.home, self.outside, self.to = home, outside, to
        self.entries: dict[str, Entry] = {}
        self.new: set[str] = set()  # those that the backup before does not hold
        self.damaged: list[str] = []
        self._sources = _open_sources(home, outside)
        self._before = before / HOME if before else None
        self._known = read_list(before).entries if before else {}
        self._total = 0

    def copy_all(self, tick: Tick) -> None:
        """Copy everything, what names others before those."""
        databases = _list_databases(self.home, self.outside)
        self._total = len(databases) + len(self.outside.databases)
        self._total += sum(1 for _ in self._sources[""].list())
        of_registry = [path for path in databases if path.startswith("mlflow/")]
        acknowledging = [path for path in databases if path not in of_registry]
        self._copy_databases(
            acknowledging, [n for n in self.outside.databases if n != MLFLOW], tick
        )
        self._copy_tables(tick)
        self._copy_databases(
            of_registry, [n for n in self.outside.databases if n == MLFLOW], tick
        )
        for place, source in self._sources.items():
            if place != TABLES:
                others = (p for p in source.list() if not p.startswith(_TABLES))
                self._copy(source, others, tick)
        self._total = len(self.entries)
        tick(self._total, self._total, "")

    def _copy_databases(
        self, files: list[str], of_servers: list[str], tick: Tick
    ) -> None:
        for path in files:
            self._snapshot(path)
            self._tell(tick, path)
        for name in of_servers:
            path = name_dump(name)
            make_folders(self.to, [path])
            dump_database(self.outside.databases[name], self.to / path)
            self._add(path, hash_file(self.to / path))
            self._tell(tick, path)

    def _copy_tables(self, tick: Tick) -> None:
        """Once more where versions were cleaned away meanwhile; what is missing still is damaged."""
        source = self._sources.get(TABLES, self._sources[""])
        tables = self.outside.folders.get(TABLES)
        tables = tables or Folder(str(self.home / TABLES))
        for _ in range(_ATTEMPTS):
            self._forget_tables()
            fixed = fix_tables(tables)
            for path, content in fixed.contents.items():
                self._write(_TABLES + path, content)
            found = source.list(_TABLES)
            kept = (p for p in found if fixed.is_kept(p.removeprefix(_TABLES)))
            self._copy(source, kept, tick)
            copied = {p.removeprefix(_TABLES) for p in self.entries}
            options = self.outside.table_options
            missing = find_missing(tables, options, fixed, copied)
            if not missing:
                return
        self.damaged += [_TABLES + path for path in missing]

    def _forget_tables(self) -> None:
        shutil.rmtree(self.to / _TABLES, ignore_errors=True)
        for path in [p for p in self.entries if p.startswith(_TABLES)]:
            del self.entries[path]
            self.new.discard(path)

    def _copy(self, source: Source, paths: Iterable[str], tick: Tick) -> None:
        """Several at once of what answers over a network."""
        if isinstance(source, HomeFiles):
            for path in paths:
                self._copy_file(source, path)
                self._tell(tick, path)
            return
        found = list(paths)
        self._total += len(found)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            copied = pool.map(lambda path: self._copy_file(source, path), found)
            for path, _ in zip(found, copied, strict=True):
                self._tell(tick, path)

    def _tell(self, tick: Tick, path: str) -> None:
        tick(len(self.entries), max(self._total, len(self.entries)), path)

    def _copy_file(self, source: Source, path: str) -> None:
        """What was removed since it was listed is left out."""
        if not is_inside(path):
            self.damaged.append(path)  # of a bucket: no folder has such a name
            return
        target = self.to / path
        make_folders(self.to, [path])
        try:
            stamp = source.look(path)
            link = source.read_link(path)
            if link:
                target.symlink_to(link)
                self.entries[path] = Entry(path, 0, stamp.mtime_ns, "", link)
                return
            known = self._known.get(path)
            if known and stamp.is_of(known) and self._link(known, target):
                self.entries[path] = known
                return
            sha256 = source.copy(path, target)
        except FileNotFoundError:
            return
        self._add(path, sha256, stamp.version)
        name = path.rpartition("/")[2]
        if path.startswith("blobs/") and len(name) == 64 and sha256 != name:
            self.damaged.append(path)

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

    def _add(self, path: str, sha256: str, version: str = "") -> None:
        facts = (self.to / path).stat()
        stamp = Stamp(facts.st_size, 0 if version else facts.st_mtime_ns, version)
        entry = Entry(path, stamp.size_bytes, stamp.mtime_ns, sha256, version=version)
        self.entries[path] = entry
        self.new.add(path)


def _open_sources(home: Path, outside: Outside) -> dict[str, Source]:
    """By path in a home: the home itself is ""."""
    found: dict[str, Source] = {
        place: FolderFiles(place, folder) for place, folder in outside.folders.items()
    }
    return {**found, "": HomeFiles(home, outside)}


def _list_databases(home: Path, outside: Outside) -> list[str]:
    return [path for path in list_databases(home) if not outside.replaces(path)]


def _connect(path: Path) -> sqlite3.Connection:
    """Under SQLite's own locks; who may not write there cannot take them, and reads what is on disk."""
    if not os.access(path, os.W_OK):
        return connect_to_read(str(path))
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=60)


def _require_use(home: Path, to: Path, outside: Outside) -> Path:
    """The folder of backups, where it makes sense to back this home up into it."""
    home = home.resolve()
    to = to.expanduser().resolve()
    for _ in outside.databases:
        require_tool("pg_dump")
    files = HomeFiles(home, outside)
    is_empty = next(files.list(), None) is None and not list_databases(home)
    if is_empty and outside == _HOME_ALONE:
        raise ValueError(f"there is nothing in {home}: set DAGUERRE_HOME to the home")
    if to == home or to.is_relative_to(home):
        raise ValueError(f"{to} lies in the home {home}: give a folder elsewhere")
    require_unmarked(home, outside)
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
