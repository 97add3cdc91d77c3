"""Daguerre: clusters of the frames in a home, from its tables into its tables. Former builds run it too."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import lance  # noqa: F401
import scipy.sparse.csgraph  # noqa: F401

from assets.curation.clusters import update_clusters
from assets.tables.catalog import Catalog


def main() -> None:
    """Print seconds without imports, seconds of processor, and the most memory that the process held."""
    catalog = Catalog(f"{sys.argv[1]}/tables")
    start = time.perf_counter(), time.process_time()
    done = update_clusters(catalog)
    seconds = time.perf_counter() - start[0]
    found = {
        "seconds": seconds,
        "cpu_s": time.process_time() - start[1],
        "peak_mib": read_peak_mib(),
        "computed": done.computed,
    }
    catalog.publish("unique_frames", None, done.version)
    print(json.dumps(found))


def read_peak_mib() -> int:
    """The most memory of this process, without that of who started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return (
        int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) >> 10
    )


if __name__ == "__main__":
    main()
