"""Measure what a frame costs, and memory, while the tables grow to a million frames, session by session.

Every session is a folder of the same 10,000 small images, under another name: its rows are its own. One process takes
all of them in. `ratio` is the cost of a frame in the last ten sessions against the first ten (medians).

Run: `python -m bench.growth --json`. `bench.intake --growth` measures one large session instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from assets.capture.intake import Intake
from assets.ledger import Ledger
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.worker import name_worker
from bench.intake import write_small_images
from bench.printing import print_figures

PER_SESSION = 10_000
COMPARED = 10  # sessions at each end


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--frames", type=int, default=1_000_000, help="in all; at least 200,000"
    )
    options = parser.parse_args()
    if options.frames < 2 * COMPARED * PER_SESSION:
        parser.error(f"--frames takes at least {2 * COMPARED * PER_SESSION}")
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder), options.frames // PER_SESSION)
    print_figures(figures, options.json)


def measure(folder: Path, num_sessions: int) -> dict[str, object]:
    """Milliseconds a frame and resident MiB at the start and at the end."""
    write_small_images(folder / "source", PER_SESSION)
    (folder / "home").mkdir()
    catalog = Catalog(str(folder / "home" / "tables"))
    ledger = Ledger(f"sqlite:///{folder / 'home' / 'ledger.db'}")
    intake = Intake(
        catalog, ledger, BlobStore(str(folder / "home" / "blobs")), name_worker()
    )
    cost_ms = []
    resident_mib = []
    for number in range(num_sessions):
        start = time.perf_counter()
        found = intake.ingest(Folder(str(folder / "source")), f"session-{number:04d}")
        cost_ms.append((time.perf_counter() - start) * 1e3 / PER_SESSION)
        resident_mib.append(_measure_resident_mib())
        assert (found.new, found.frames, found.quarantined) == (
            PER_SESSION,
            PER_SESSION,
            0,
        ), found
        print(f"session {number + 1} of {num_sessions}", end="\r", file=sys.stderr)
    first = median(cost_ms[:COMPARED])
    last = median(cost_ms[-COMPARED:])
    return {
        "frames": catalog.dataset("frames").count_rows(),
        "sessions": num_sessions,
        "first_ms_per_frame": round(first, 3),
        "last_ms_per_frame": round(last, 3),
        "ratio": round(last / first, 2),
        "first_mib": round(median(resident_mib[:COMPARED])),
        "last_mib": round(median(resident_mib[-COMPARED:])),
        "peak_mib": max(resident_mib),
    }


def _measure_resident_mib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 >> 20


if __name__ == "__main__":
    main()
