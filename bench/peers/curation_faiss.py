"""faiss-cpu: an exact range search of each vector among all, then the hash, then components."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import faiss
import numpy as np

from assets.curation.components import Components
from assets.curation.dedup import MIN_COSINE
from assets.curation.hamming import is_near

_QUERIES = 512  # at once: of a camera that stands still each finds tens of thousands


def main() -> None:
    """Write the first frame of each frame's cluster; print seconds without imports, of processor, and the peak."""
    home = Path(sys.argv[1])
    start = time.perf_counter(), time.process_time()
    vectors = np.load(home / "vectors.npy")
    bits = np.load(home / "bits.npy")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    components = Components(len(bits))
    for begin in range(0, len(vectors), _QUERIES):
        ends, _, columns = index.range_search(
            vectors[begin : begin + _QUERIES], MIN_COSINE
        )
        rows = begin + np.repeat(
            np.arange(len(ends) - 1), np.diff(ends).astype(np.int64)
        )
        is_later = columns > rows
        rows = rows[is_later]
        columns = columns[is_later]
        near = is_near(bits[rows], bits[columns])
        components.join(rows[near], columns[near])
    roots = components.find(np.arange(len(bits)))
    _, first, place = np.unique(roots, return_index=True, return_inverse=True)
    np.save(home / "clusters.npy", first[place])
    seconds = time.perf_counter() - start[0]
    lines = Path("/proc/self/status").read_text().splitlines()
    peak_mib = (
        int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) >> 10
    )
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_s": time.process_time() - start[1],
                "peak_mib": peak_mib,
            }
        )
    )


if __name__ == "__main__":
    main()
