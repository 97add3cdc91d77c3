"""Measure what the gates of a session cost in a home of 10,000 sessions, against one of 100, and what lies in it.

The sessions before are synthetic rows that are written and published by the tables' own calls. Then ten more come one
by one, each judged by its gates; a `gate_ms` is the processor time of all gates of a session, the median of the ten.
The homes grow side by side and take turns, so that what else the machine does meets both. `gate_ratio` is the one
figure over the other. In the end both homes are maintained, a minute after the last commit, since what is out of date
for less stays: `files` are those of the home before and after.

Run: `python -m bench.gates --sessions 10000 --frames 10 --json`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time

from assets.ledger import Ledger
from assets.maintenance.home import Stores, maintain
from assets.tables.catalog import Catalog
from assets.tables.upkeep import ALONE_S
from bench.printing import make_parser, print_figures
from bench.synthetic_home import fill, name_sessions, write
from checks.gates import gate_session
from checks.verdicts import stops_flow

BASE = 100  # sessions in the home that is compared with
ROUNDS = 10  # sessions that come
KEEP_DAYS = 7.0
GATED = (
    "captures",
    "frames",
    "labels",
    "annotated_frames",
    "frame_quality",
    "frame_embeddings",
)


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10, help="of a session")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder), options.sessions, options.frames)
    print_figures(figures, options.json)


def measure(folder: Path, num_sessions: int, num_frames: int) -> dict[str, object]:
    """Milliseconds of the gates of a session in both homes, in all and by table, and the files of both."""
    homes = {
        number: Catalog(str(folder / f"home-{number}" / "tables"))
        for number in (BASE, num_sessions)
    }
    for number, catalog in homes.items():
        os.makedirs(catalog.uri)
        print(f"{number} sessions", file=sys.stderr)
        fill(catalog, name_sessions(number), num_frames, is_labelled=True)
    costs: dict[tuple[int, str], list[float]] = {}
    for session in name_sessions(ROUNDS + 1, num_sessions):
        for number, catalog in homes.items():
            write(catalog, [session], num_frames, is_labelled=True)
            for table, cost_s in _judge(catalog, session):
                costs.setdefault((number, table), []).append(1000 * cost_s)
    # the first of a home meets tables that this process has not synced
    rounds = {key: found[1:] for key, found in costs.items()}
    figures: dict[str, object] = {"sessions": num_sessions, "frames": num_frames}
    total = {n: _sum_up(rounds, n) for n in homes}
    for number in homes:
        figures[f"gate_ms_at_{number}"] = round(total[number], 1)
    figures["gate_ratio"] = round(total[num_sessions] / total[BASE], 2)
    time.sleep(ALONE_S)
    for number, catalog in homes.items():
        figures |= _maintain(catalog, number)
    for table in GATED:
        one, other = (median(rounds[n, table]) for n in (num_sessions, BASE))
        figures[f"ratio_of_{table}"] = round(one / other, 2)
    return figures


def _judge(catalog: Catalog, session: str) -> Iterator[tuple[str, float]]:
    """Seconds of each gate. Raises AssertionError where one holds the session."""
    for table in GATED:
        start = process_time()
        verdicts = gate_session(catalog, table, session)
        yield table, process_time() - start
        wrong = [v.summary for v in verdicts if not v.passed]
        assert not stops_flow(verdicts), wrong


def _maintain(catalog: Catalog, number: int) -> dict[str, object]:
    """Files of the home before and after, and what it took. Raises AssertionError where something could not be done."""
    home = Path(catalog.uri).parent
    before = sum(path.is_file() for path in home.rglob("*"))
    start = process_time()
    care = maintain(
        Stores(catalog, Ledger(f"sqlite:///{home / 'ledger.db'}"), home, KEEP_DAYS)
    )
    assert not care.failed, care.failed
    return {
        f"files_at_{number}": before,
        f"files_after_at_{number}": sum(path.is_file() for path in home.rglob("*")),
        f"maintain_s_at_{number}": round(process_time() - start, 1),
    }


def _sum_up(rounds: dict[tuple[int, str], list[float]], number: int) -> float:
    """The median over the sessions of what all gates took."""
    return median(map(sum, zip(*(rounds[number, t] for t in GATED), strict=True)))


if __name__ == "__main__":
    main()
