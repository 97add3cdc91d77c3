"""Snapshots of a training under way, on disk: written whole, proven when read, the newest sound one counts."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from assets.inference.checkpoint import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from models.training.snapshot import Snapshot

_PREFIX = "step-"
_log = logging.getLogger("daguerre.training")


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Add it to `folder`; the ones before it go once it is complete."""
    path = folder / f"{_PREFIX}{snapshot.facts['step']:09d}"
    write_checkpoint(path, snapshot.tensors, snapshot.facts)
    for older in _list(folder):
        if older != path:
            shutil.rmtree(older)


def read_newest_snapshot(folder: Path) -> Snapshot | None:
    """The newest that is as it was written; a damaged one is passed over, with a word in the log."""
    from models.training.snapshot import Snapshot

    for path in reversed(_list(folder)):
        try:
            return Snapshot(*read_checkpoint(path))
        except (ValueError, FileNotFoundError) as error:
            _log.warning(f"a snapshot of the training is passed over: {error}")
    return None


def _list(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}*"))
