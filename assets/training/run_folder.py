"""The folder of one training under way: named by what would give the same weights, owned by one process at a time."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assets.abandoned import LOCK
from assets.locks import take

if TYPE_CHECKING:
    from assets.training.run_store import RunStore
    from assets.training.spec import TrainingSpec


def name_run(spec: TrainingSpec, weights_sha256: str | None) -> str:
    """The same for a training that would give the same weights; `weights_sha256` are those that it starts from."""
    digest = hashlib.sha256(repr((spec, weights_sha256)).encode()).hexdigest()
    return f"{spec.config.name}-{spec.release_id[:8]}-{digest[:16]}"


@contextmanager
def own_folder(folder: Path, store: RunStore | None = None) -> Iterator[Path]:
    """The folder of one training, for this process alone. It goes at the end, and after a user's mistake, with what the
    store has of it; after any other failure it stays, so that the same training can go on from its snapshot."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        if not take(lock):
            raise ValueError(
                f"this training is under way in another process (it holds {folder / LOCK}): "
                "wait for it, or choose another seed or recipe"
            )
        try:
            yield folder
        except ValueError:
            _drop(folder, store)
            raise
        _drop(folder, store)


def _drop(folder: Path, store: RunStore | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if store is not None:
        store.clear()
