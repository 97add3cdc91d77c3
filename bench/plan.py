"""Measure `daguerre plan` over a home of thousands of sessions, whose rows are synthetic.

Every session has one capture of colour frames, with quality figures, vectors, clusters and splits; of every tenth the
vectors are by another encoder.

Run: `python -m bench.plan --sessions 10000 --frames 10 --json`.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.printing import make_parser, print_figures
from bench.synthetic_home import fill, name_sessions
from orchestration.plan.making import make_plan
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog, build_landing_zone


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10, help="of a session")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder) / "home", options.sessions, options.frames)
    print_figures(figures, options.json)


def measure(home: Path, num_sessions: int, num_frames: int) -> dict[str, float]:
    """Seconds of one plan, by the clock and of the processor, and what it found."""
    os.environ["DAGUERRE_HOME"] = str(home)
    settings = load_settings()
    build_landing_zone(settings)
    fill(build_catalog(settings), name_sessions(num_sessions), num_frames)
    start, start_cpu = time.perf_counter(), time.process_time()
    plan = make_plan(settings)
    return {
        "sessions": num_sessions,
        "frames": num_sessions * num_frames,
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - start_cpu, 2),
        "lines": len(plan.lines),
        "stale_embeddings": sum(
            line.num_rows or 0
            for line in plan.lines
            if line.asset == "curation/frame_embeddings"
        ),
    }


if __name__ == "__main__":
    main()
