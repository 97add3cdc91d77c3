"""The floor: what no intake can go without, by bare threads. Read, sha256, one decoding, figures, one Lance write."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.peers.figures import measure_payload, report


def run(folder: Path) -> int:
    """All images of a folder into one new Lance dataset."""
    import lance
    import pyarrow as pa

    def take(path: str) -> dict[str, Any]:
        payload = Path(path).read_bytes()
        return {"path": path, **measure_payload(payload), "payload": payload}

    paths = sorted(entry.path for entry in os.scandir(folder))
    with (
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool,
        tempfile.TemporaryDirectory() as out,
    ):
        rows = list(pool.map(take, paths, chunksize=64))
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        kinds = {"payload": pa.large_binary()}
        table = pa.table(
            {
                name: pa.array(values, kinds.get(name))
                for name, values in columns.items()
            }
        )
        lance.write_dataset(table, f"{out}/floor.lance")
    return len(rows)


if __name__ == "__main__":
    import lance  # noqa: F401

    report(run)
