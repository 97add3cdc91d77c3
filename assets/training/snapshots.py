"""Snapshots of a training under way: written whole, proven when read, the newest sound one counts.

They lie on this machine, and where the home has a store for several machines, there too: who goes on with a training
elsewhere brings the newest from it.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from assets.inference.checkpoint import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from assets.training.run_store import RunStore
    from models.training.snapshot import Snapshot

_PREFIX = "step-"
_MAX_LOOKS = 10  # while a writer elsewhere replaces what was just listed
_log = logging.getLogger("daguerre.training")


def write_snapshot(
    folder: Path, snapshot: Snapshot, store: RunStore | None = None
) -> None:
    """Add it to `folder` and to the store; the ones before it go once it is complete."""
    path = folder / f"{_PREFIX}{snapshot.facts['step']:09d}"
    write_checkpoint(path, snapshot.tensors, snapshot.facts)
    if store is not None:
        store.put(path)
        store.drop(name for name in _list_stored(store) if name != path.name)
    for older in _list(folder):
        if older != path:
            shutil.rmtree(older)


def read_newest_snapshot(
    folder: Path, store: RunStore | None = None
) -> Snapshot | None:
    """The newest that is as it was written; a damaged one is passed over, with a word in the log.

    Where there is a store, only what came to it counts: workers on several machines go on from the same one.
    """
    if store is None:
        here = (_read(path, None) for path in reversed(_list(folder)))
        return next((found for found in here if found is not None), None)
    for _ in range(_MAX_LOOKS):
        stored = _list_stored(store)
        for name in reversed(stored):
            found = _read(folder / name, store)
            if found is not None:
                return found
        if _list_stored(store) == stored:
            return None
    return None


def _read(path: Path, store: RunStore | None) -> Snapshot | None:
    """That of this machine, or else the one in the store; None where neither is sound."""
    from models.training.snapshot import Snapshot

    try:
        return Snapshot(*read_checkpoint(path))
    except (ValueError, FileNotFoundError) as error:
        if store is None or path.exists():
            _tell_damage(error)
    if store is None:
        return None
    try:
        store.bring(path)
        return Snapshot(*read_checkpoint(path))
    except (ValueError, FileNotFoundError) as error:
        _tell_damage(error)
        return None


def _tell_damage(error: Exception) -> None:
    _log.warning(f"a snapshot of the training is passed over: {error}")


def _list(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}*"))


def _list_stored(store: RunStore | None) -> list[str]:
    if store is None:
        return []
    return [name for name in store.names() if name.startswith(_PREFIX)]
