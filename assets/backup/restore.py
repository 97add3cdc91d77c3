"""Restore a home from a backup: whole, with every hash checked, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assets.backup.listing import (
    HOME,
    Entry,
    copy_hashed,
    find_backup,
    make_folders,
    read_list,
)
from assets.disk import make_folder, sync, sync_file_system

Tick = Callable[..., None]  # (done, total, path)


@dataclass(frozen=True)
class Restored:
    """What was restored."""

    backup: Path
    made_at: str  # UTC
    num_files: int
    size_bytes: int
    left_out: dict[str, str]  # stores that lay elsewhere, by setting


def restore_backup(
    source: Path, home: Path, on_progress: Tick | None = None
) -> Restored:
    """Make `home` what was backed up: from the backup `source`, or the newest in that folder.

    Raises ValueError for a home with something in it, and for a file of the backup that is gone or has changed.
    """
    source = source.expanduser().resolve()
    home = home.expanduser().resolve()
    backup = find_backup(source)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ValueError(f"{home} is not empty: give another folder, or move it away")
    content = read_list(backup)
    make_folder(home.parent)
    partial = home.parent / f".{home.name}.restoring"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        make_folders(partial, content.entries)
        for number, entry in enumerate(content.entries.values(), start=1):
            _restore_file(backup / HOME / entry.path, partial / entry.path, entry)
            if on_progress:
                on_progress(number, len(content.entries), entry.path)
        partial.mkdir(exist_ok=True)
        sync_file_system(partial)
        partial.rename(home)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync(home.parent)
    size = sum(entry.size_bytes for entry in content.entries.values())
    facts = (content.made_at, len(content.entries), size, content.left_out)
    return Restored(backup, *facts)


def _restore_file(source: Path, target: Path, entry: Entry) -> None:
    if entry.target:
        target.symlink_to(entry.target)
        return
    if not source.is_file():
        raise ValueError(f"{source} is gone: nothing was restored, take another backup")
    if copy_hashed(source, target, entry.mtime_ns) != entry.sha256:
        raise ValueError(
            f"{source} has changed: nothing was restored, take another backup"
        )
