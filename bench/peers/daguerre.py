"""The whole intake of Daguerre into a new home: frames, figures, bytes, ledger."""

from __future__ import annotations

import tempfile
from pathlib import Path

import fsspec.core  # noqa: F401
import lance  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401

from assets.capture.intake import Intake
from assets.ledger import Ledger
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.worker import name_worker
from bench.peers.figures import report


def run(folder: Path) -> int:
    """All images below a folder, of files or of a recording."""
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(f"{home}/tables")
        ledger = Ledger(f"sqlite:///{home}/ledger.db")
        intake = Intake(catalog, ledger, BlobStore(f"{home}/blobs"), name_worker())
        found = intake.ingest(Folder(str(folder)), "bench")
        assert (
            found.quarantined == 0
            and catalog.dataset("frame_quality").count_rows() == found.frames
        )
    return found.frames


if __name__ == "__main__":
    report(run)
