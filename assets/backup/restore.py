"""Restore a home and the stores outside of it from a backup: whole, with every hash checked, or not at all.

Who is killed at it is followed by the same call once more, which goes on with what bears the marks of the first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assets.backup.filling import Filling, require_room
from assets.backup.listing import (
    HOME,
    BackupList,
    Entry,
    copy_hashed,
    find_backup,
    make_folders,
    read_list,
)
from assets.backup.marks import Marks
from assets.backup.outside import Outside, find_dumps
from assets.disk import hash_file, make_folder, sync, sync_file_system

Tick = Callable[..., None]  # (done, total, path)
_HOME_ALONE = Outside()


@dataclass(frozen=True)
class Restored:
    """What was restored."""

    backup: Path
    made_at: str  # UTC
    num_files: int
    size_bytes: int
    left_out: dict[str, str]  # stores that lay elsewhere, by setting


def restore_backup(
    source: Path,
    home: Path,
    on_progress: Tick | None = None,
    outside: Outside = _HOME_ALONE,
) -> Restored:
    """Make `home`, and what lies outside of it, what was backed up: from the backup `source`, or the newest in that
    folder. A store that lay elsewhere goes to where it lies now.

    Raises ValueError for a home or a store with something in it, for a database that has no place, and for a file of
    the backup that is gone or has changed; OSError where a store does not answer.
    """
    source = source.expanduser().resolve()
    home = home.expanduser().resolve()
    backup = find_backup(source)
    content = read_list(backup)
    marks = Marks(_name(backup, content), outside, list(content.entries))
    if not marks.is_on(home):
        _restore(backup, home, content, outside, marks, on_progress)
    marks.remove()
    marks.remove_from(home)
    size = sum(entry.size_bytes for entry in content.entries.values())
    facts = (content.made_at, len(content.entries), size, content.left_out)
    return Restored(backup, *facts)


def _restore(
    backup: Path,
    home: Path,
    content: BackupList,
    outside: Outside,
    marks: Marks,
    on_progress: Tick | None,
) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ValueError(f"{home} is not empty: give another folder, or move it away")
    require_room(content, outside, marks)
    with (
        _restoring(home, backup, content, outside, on_progress) as partial,
        Filling(backup / HOME, content, outside, marks) as filling,
    ):
        marks.write_in(partial)
        filling.fill()
        partial.rename(home)
    sync(home.parent)


def _name(backup: Path, content: BackupList) -> str:
    """What people know a backup by, and nothing else has."""
    return f"{backup.name} ({content.sha256[:16]})"


@contextmanager
def _restoring(
    home: Path,
    backup: Path,
    content: BackupList,
    outside: Outside,
    on_progress: Tick | None,
) -> Iterator[Path]:
    """The files of the home beside their place, once every hash of the backup is right. Removed if anything fails."""
    make_folder(home.parent)
    partial = home.parent / f".{home.name}.restoring"
    shutil.rmtree(partial, ignore_errors=True)
    dumps = set(find_dumps(list(content.entries)).values())
    is_own = {p: not outside.folder_of(p) and p not in dumps for p in content.entries}
    try:
        make_folders(partial, [path for path, own in is_own.items() if own])
        for number, entry in enumerate(content.entries.values(), start=1):
            place = backup / HOME / entry.path
            if is_own[entry.path]:
                _restore_file(place, partial / entry.path, entry)
            else:
                _prove(place, entry)
            if on_progress:
                on_progress(number, len(content.entries), entry.path)
        partial.mkdir(exist_ok=True)
        sync_file_system(partial)
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _restore_file(source: Path, target: Path, entry: Entry) -> None:
    if entry.target:
        target.symlink_to(entry.target)
        return
    _require_file(source)
    _require_same(source, copy_hashed(source, target, entry.mtime_ns), entry)


def _prove(source: Path, entry: Entry) -> None:
    _require_file(source)
    _require_same(source, hash_file(source), entry)


def _require_file(source: Path) -> None:
    if not source.is_file():
        raise ValueError(f"{source} is gone: nothing was restored, take another backup")


def _require_same(source: Path, sha256: str, entry: Entry) -> None:
    if sha256 != entry.sha256:
        raise ValueError(
            f"{source} has changed: nothing was restored, take another backup"
        )
