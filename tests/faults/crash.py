"""Ingest a folder in a process that kills itself right after (or before) one write.

The stores are the real ones; each names its writes to `step`, at the outermost edge, and goes on. Run by the tests of
this folder: `python crash.py HOME SOURCE SESSION POINT`, with no POINT to only list the points that it passes.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from assets.capture.intake import Intake
from assets.ledger import Ledger
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.worker import name_worker

Step = Callable[[str], None]


def build_intake(home: Path, step: Step) -> Intake:
    """An intake whose writes are announced: "before blob", "after blob", "before merge frames", ..."""
    catalog, blobs = Catalog(str(home / "tables")), BlobStore(str(home / "blobs"))
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    announce(catalog, ("merge", "upsert", "delete"), step)
    announce(blobs, ("put",), step)
    announce(ledger, ("claim", "commit", "record"), step)
    return Intake(catalog, ledger, blobs, name_worker())


def announce(store: object, writes: tuple[str, ...], step: Step) -> None:
    for name in writes:
        setattr(store, name, _announced(getattr(store, name), name, step))


def _announced(write: Callable, name: str, step: Step) -> Callable:
    def call(*args: object) -> object:
        what = f"{name} {args[0]}" if name in ("merge", "upsert", "delete") else name
        step(f"before {what}")
        result = write(*args)
        step(f"after {what}")
        return result

    return call


def main() -> None:
    home, source, session, *point = sys.argv[1:]
    passed: list[str] = []

    def step(name: str) -> None:
        passed.append(name)
        if [name] == point:
            os.kill(os.getpid(), signal.SIGKILL)

    build_intake(Path(home), step).ingest(Folder(source), session)
    print("\n".join(dict.fromkeys(passed)))


if __name__ == "__main__":
    main()
