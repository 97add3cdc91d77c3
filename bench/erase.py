"""Measure how long it takes to erase captures of a home of many frames: until they are hidden, and until they are gone.

The home is synthetic (`bench.synthetic_home`), with a row of the ledger for each file that goes; sessions to be erased,
each one capture, are spread over it, so that something goes of every fragment. `hidden_s` is until no reader sees them,
`gone_s` until the certificate is written; `peak_mb` is the most memory of the process, `filled_mb` that before erasing.

Run: `python -m bench.erase --frames 100000 --erased 1000 --json`.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from assets.capture.forgetting import Target
from assets.erasure.erase import begin, go_on
from assets.erasure.plan import Home, make_plan
from assets.erasure.subject import find_subject
from assets.landing import LandingZone
from assets.ledger import FileOutcome, Ledger
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog, is_in
from assets.workspace import Workspace
from bench.printing import make_parser, print_figures
from bench.synthetic_home import fill, name_sessions

_ID = "e" * 32


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--of-session", type=int, default=10, help="frames")
    parser.add_argument("--erased", type=int, default=10_000, help="captures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(
            Path(folder), options.frames, options.of_session, options.erased
        )
    print_figures(figures, options.json)


def measure(
    folder: Path, num_frames: int, of_session: int, num_erased: int
) -> dict[str, object]:
    """Fill a home, erase, and tell seconds and memory."""
    home = open_home(folder)
    sessions = name_sessions(num_frames // of_session)
    fill(home.catalog, sessions, of_session, is_labelled=True)
    print(f"{len(sessions)} sessions", file=sys.stderr)
    doomed = sessions[:: max(1, len(sessions) // num_erased)][:num_erased]
    _record_files(home, doomed)
    filled_mb, start = _peak_mb(), time.perf_counter()
    targets = [Target(name, "") for name in doomed]
    subject = find_subject(
        home.catalog, home.ledger, targets, _ID, "bench", "bench", "now"
    )
    begin(home, subject, make_plan(home, subject))
    planned_s = time.perf_counter() - start
    steps, tell = _watch()
    go_on(home, _ID, tell)
    tell("")
    left = home.catalog.dataset("frames").count_rows()
    assert left == num_frames - len(doomed) * of_session, left
    return {
        "frames": num_frames,
        "captures_erased": len(doomed),
        "planned_s": round(planned_s, 1),
        "hidden_s": round(steps["hide"] + steps["rows"], 1),
        "gone_s": round(sum(steps.values()), 1),
        **{f"{name}_s": round(took, 1) for name, took in steps.items()},
        "filled_mb": round(filled_mb),
        "peak_mb": round(_peak_mb()),
    }


def open_home(folder: Path) -> Home:
    """All stores of a new home; no gate judges."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    (folder / "landing").mkdir()
    return Home(
        Catalog(str(folder / "tables")),
        ledger,
        BlobStore(str(folder / "blobs")),
        LandingZone(Folder(str(folder / "landing")), ledger),
        Workspace(folder),
        f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}",
        str(folder / "mlflow" / "artifacts"),
        None,
        lambda session: None,
    )


def _record_files(home: Home, sessions: list[str]) -> None:
    columns = ["frame_id", "session", "capture_id", "sha256"]
    for start in range(0, len(sessions), 10_000):
        mine = is_in("session", sessions[start : start + 10_000])
        home.ledger.record(
            FileOutcome(
                row["session"],
                f"{row['frame_id']}.png",
                "1",
                100,
                "ingested",
                row["capture_id"],
                "image_folder",
                row["sha256"],
            )
            for row in home.catalog.read_latest("frames", columns, mine).to_pylist()
        )


def _watch() -> tuple[dict[str, float], Callable[[str], None]]:
    """Seconds by step, and what is told of the next one."""
    took: dict[str, float] = {}
    last: list[tuple[str, float]] = []

    def tell(name: str) -> None:
        now = time.perf_counter()
        if last:
            before, since = last.pop()
            took[before] = now - since
        last.append((name, now))

    return took, tell


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
