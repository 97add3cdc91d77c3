"""Measure what `daguerre backfill` costs beside its work: quality figures of synthetic sessions, from call to verdict.

Each is a process of its own, on a home of so many sessions of four tiny frames, whose figures were taken away.
`seconds_5` is by the clock for five sessions, `seconds_a_session_200` for each of 200; `cpu_s_5` the processor's.

Run: `python -m bench.backfill --sessions 5 200 --json`, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from assets.tables.catalog import Catalog
from bench.session import Build, Cost
from bench.synthetic_home import fill, name_sessions

_NUM_FRAMES = 4
_ASSET = "frame_quality"


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sessions", type=int, nargs="+", default=[5, 200])
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    for number in asked.sessions:
        with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
            cost = measure(Path(folder), number)
        figures[f"seconds_{number}"] = cost.wall_s
        figures[f"seconds_a_session_{number}"] = cost.wall_s / number
        figures[f"cpu_s_{number}"] = cost.cpu_s
    if asked.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:8.3f}")


def measure(home: Path, num_sessions: int) -> Cost:
    """Of one backfill. Raises RuntimeError where its verdict is not that all is good."""
    catalog = Catalog(str(home / "tables"))
    fill(catalog, name_sessions(num_sessions), _NUM_FRAMES)
    catalog.delete(_ASSET, "true")
    cost = Build(Path.cwd(), home).run(
        "-m", "orchestration.cli", "backfill", "--select", _ASSET
    )
    made = len(catalog.read(_ASSET, ["frame_id"]))
    if made != num_sessions * _NUM_FRAMES:
        raise RuntimeError(f"{made} rows for {num_sessions * _NUM_FRAMES} frames")
    return cost


if __name__ == "__main__":
    main()
