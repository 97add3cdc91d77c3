"""Measure what a session of one small picture costs, and leaves behind, while a home grows by hundreds of them.

Every session goes the whole way of `daguerre ingest`: taken in, checked, published, measured, embedded, sealed; one
process takes all of them in, so that nothing is imported twice. `ratio` is the processor time of the last session
against that of the second, each the median of the ten around it.

Run: `python -m bench.sessions --sessions 400 --json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

from assets.storage import Folder
from bench.intake import write_small_images
from bench.peers.processor import measure_cpu_s
from bench.printing import print_figures
from orchestration.cli.intake import take_in
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog, build_landing_zone

AT = (2, 50, 100, 200, 400)  # sessions in the home, where it is looked at
AROUND = 10  # sessions that a median is of
_READ = (
    "import resource, sys; from assets.tables.catalog import Catalog; import lance;"
    "start = resource.getrusage(resource.RUSAGE_SELF);"
    "num = len(Catalog(sys.argv[1]).read('frames', ['frame_id']));"
    "end = resource.getrusage(resource.RUSAGE_SELF);"
    "print(num, end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)"
)


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sessions", type=int, default=400, help="in all")
    parser.add_argument(
        "--commands",
        action="store_true",
        help="take in one more session by a process of its own at each look",
    )
    parser.add_argument("--keep", type=Path, help="the home, to be looked at later")
    options = parser.parse_args()
    if options.sessions < 2 * AROUND:
        parser.error(f"--sessions takes at least {2 * AROUND}")
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        home = options.keep or Path(folder) / "home"
        figures = measure(Path(folder), home, options.sessions, options.commands)
    print_figures(figures, options.json)


def measure(
    folder: Path, home: Path, num_sessions: int, with_commands: bool
) -> dict[str, object]:
    """CPU seconds of a session, files and bytes, by the number of sessions in the home."""
    os.environ["DAGUERRE_HOME"] = str(home)
    write_small_images(folder / "pictures", num_sessions)
    pictures = sorted((folder / "pictures").iterdir())
    cost_s: list[float] = []
    figures: dict[str, object] = {}
    for number, picture in enumerate(pictures, start=1):
        source = folder / f"session-{number:05d}"
        source.mkdir()
        picture.rename(source / picture.name)
        start = measure_cpu_s()
        ingest(source)
        cost_s.append(measure_cpu_s() - start)
        print(f"session {number} of {num_sessions}", end="\r", file=sys.stderr)
        if number in {*AT, num_sessions}:
            found = {f"{k}_at_{number}": v for k, v in look(home).items()}
            print(json.dumps(found), file=sys.stderr)
            figures |= found
            if with_commands:
                figures[f"command_s_at_{number}"] = run_command(source, number)
    shown = [n for n in AT if n <= num_sessions]
    around = {n: _median_around(cost_s, n) for n in {*shown, num_sessions}}
    figures |= {f"cpu_s_at_{n}": round(s, 3) for n, s in sorted(around.items())}
    figures["ratio"] = round(around[num_sessions] / around[2], 2)
    # of which the sessions that tidy the tables are a part
    figures["most_s"] = round(max(cost_s[1:]), 3)
    figures["mean_s"] = round(sum(cost_s[1:]) / len(cost_s[1:]), 3)
    return figures


def ingest(source: Path) -> None:
    """One session, as the command takes it in. Raises AssertionError where it is not published."""
    settings = load_settings()
    folder = Folder(str(source))
    build_landing_zone(settings).register(source.name, folder)
    facts, text = take_in(settings, folder, source.name)
    assert facts["published"] and facts["new"] == 1, text


def look(home: Path) -> dict[str, object]:
    """What the home holds by now, and what it costs a new process to read the published frames."""
    catalog = build_catalog(load_settings())
    files = [path for path in home.rglob("*") if path.is_file()]
    tables = Path(catalog.uri)
    kinds = Counter[str]()
    for path in files:
        below = path.relative_to(tables).parts if path.is_relative_to(tables) else ()
        kinds[below[1] if len(below) > 2 and below[0] != "_seals" else "others"] += 1
    command = [sys.executable, "-c", _READ, str(tables)]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        "files": len(files),
        "mib": round(sum(path.stat().st_size for path in files) / 2**20, 1),
        **{f"files_in_{kind}": count for kind, count in sorted(kinds.items())},
        "most_fragments": max(
            len(catalog.open_stored(name).get_fragments()) for name in catalog.names()
        ),
        "read_s": round(float(read.stdout.split()[1]), 3),
    }


def run_command(source: Path, number: int) -> float:
    """CPU seconds of `daguerre ingest` in a process of its own, imports and all, of a session with another name."""
    start = measure_cpu_s()
    command = [sys.executable, "-m", "orchestration.cli", "ingest", str(source)]
    subprocess.run(
        [*command, "--session", f"command-{number}"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return round(measure_cpu_s() - start, 3)


def _median_around(cost_s: list[float], number: int) -> float:
    """Of the ten sessions around one; the first makes the tables and is left out."""
    start = max(1, min(number - AROUND // 2, len(cost_s) - AROUND))
    return median(cost_s[start : start + AROUND])


if __name__ == "__main__":
    main()
