"""Copies of stored models on one machine: those beyond a limit go, the longest unused first, and never one in use.

A process holds what it has opened, by a lock on the folder, until it ends. A copy goes only where the store has all of
the package, so the next who needs it brings it again.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from assets.disk import hash_file
from assets.inference.package import FACTS
from assets.locks import share, take

if TYPE_CHECKING:
    from assets.storage import BlobStore

_COPIES = "*/" + "[0-9a-f]" * 16  # below the models: task, and the first 16 of the hash
_held: dict[Path, int] = {}


def hold_copy(folder: Path) -> bool:
    """Keep the folder from going while this process lives, and note that it was used. False where it is gone."""
    known = _held.get(folder)
    if known is not None and not _is_at(folder, known):
        os.close(_held.pop(folder))
        known = None
    if known is None:
        try:
            known = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            return False
        with suppress(OSError):  # a file system without locks: nothing goes there
            share(known)
        if not _is_at(folder, known):
            os.close(known)
            return False
        _held[folder] = known
    with suppress(OSError):  # a home that may only be read
        os.utime(folder)
    return True


def trim_copies(
    models: Path, blobs: BlobStore, limit_bytes: int, keep: Collection[Path] = ()
) -> list[Path]:
    """Remove copies below `models` until they take no more than the limit; those that went.

    Folders in `keep` stay, and so does what somebody uses, or the store has not all of.
    """
    sizes = {folder: _measure(folder) for folder in models.glob(_COPIES)}
    left = sum(sizes.values())
    gone = []
    for folder in sorted(sizes, key=_read_use):
        if left <= limit_bytes:
            break
        if folder not in keep and _is_stored(folder, blobs) and _drop(folder):
            left -= sizes[folder]
            gone.append(folder)
    return gone


def _is_stored(folder: Path, blobs: BlobStore) -> bool:
    """Whether the store has the package: its facts come last, so where they are, all is."""
    facts = folder / FACTS
    return facts.is_file() and blobs.exists(hash_file(facts))


def _drop(folder: Path) -> bool:
    """Remove it at once, for readers; False where it is in use."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    aside = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    try:
        if not take(descriptor):
            return False
        folder.rename(aside)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _is_at(folder: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    return False


def _read_use(folder: Path) -> float:
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return 0.0


def _measure(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
