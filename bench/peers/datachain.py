"""DataChain: read_storage and a map with parallel processes. Its own metadata database holds the figures."""

import os
from pathlib import Path

import datachain

from bench.peers.figures import report

ROOT = str(Path(__file__).resolve().parents[2])


def measure(file: datachain.File) -> str:
    import json
    import sys

    sys.path.insert(0, ROOT)  # its workers do not see PYTHONPATH
    from bench.peers.figures import measure_payload

    return json.dumps(measure_payload(file.read()))


def run(folder: Path) -> int:
    """All images of a folder."""
    chain = datachain.read_storage(f"file://{folder}", anon=True).settings(
        parallel=len(os.sched_getaffinity(0))
    )
    return int(chain.map(figures=measure).persist().count())


if __name__ == "__main__":
    report(run)
