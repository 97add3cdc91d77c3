"""Daft, storing what Daguerre stores of each image: its bytes, its place, its figures, as Parquet that is on disk then.

Daft syncs nothing that it writes, so this does, file by file. Neither ids, EXIF nor a ledger are made.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import daft

from bench.peers.daft import measure
from bench.peers.figures import report


def run(folder: Path) -> int:
    """All images of a folder into one new Parquet data set."""
    frame = daft.from_glob_path(f"{folder}/*.jpg").with_column(
        "payload", daft.col("path").download()
    )
    rows = frame.select(
        "path", "payload", measure(daft.col("payload")).alias("figures")
    )
    with tempfile.TemporaryDirectory() as out:
        # JPEGs are compressed already
        rows.write_parquet(out, compression="none")
        sync_below(Path(out))
        return int(daft.read_parquet(f"{out}/*.parquet").count_rows())


def sync_below(folder: Path) -> None:
    """Put all files of a folder on disk, then their names."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    report(run)
    sys.stdout.flush()
    os._exit(0)  # threads of Daft outlive Python at times, and abort the process
