"""Measure what small work costs: ten pictures by `daguerre ingest`, and a simulated session by its job in Dagster.

Each is a process of its own, with all that it loads, on a home that holds a session already. With `--against`, a former
build does the same in turns. `seconds` and `cpu_s` are medians; `ratio_today` is the median, of each round, of the
former build's processor time by this one's.

Run: `python -m bench.session --against CHECKOUT --rounds 5 --json`, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from assets.capture.simulate import SimulationSpec, simulate
from bench.intake import write_small_images

NUM_PICTURES = 10
_SESSION = SimulationSpec(1, 6.0, seed=21)  # as long as one of the demo
_JOB = """
import sys
from orchestration.profiles import load_settings
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.ticks import LocalEngine
from dataclasses import replace
with LocalEngine(replace(load_settings(), partial_wait_s=0)) as engine:
    requests = [r for _ in range(2) for r in engine.tick(landing_zone_sensor)]
    outcomes = [engine.execute("ingest_session", r.partition_key) for r in requests]
if [o.success for o in outcomes] != [True]:
    sys.exit(f"the job did not take the session in: {outcomes}")
"""


@dataclass(frozen=True)
class Cost:
    """Of one process with its children."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Build:
    """A checkout, and the home that it works on."""

    checkout: Path
    home: Path

    def run(self, *arguments: str) -> Cost:
        """Run Python with these arguments. Raises CalledProcessError where it fails."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.checkout),
            "DAGUERRE_HOME": str(self.home),
        }
        # what is installed is compiled once, not by each process
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.checkout,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        complaints = process.stderr.read() if process.stderr else ""
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(complaints[-2000:])
        return Cost(wall_s, used.ru_utime + used.ru_stime)

    def take_in(self, folder: Path) -> Cost:
        """By `daguerre ingest`."""
        return self.run("-m", "orchestration.cli", "ingest", str(folder))

    def run_job(self, number: int) -> Cost:
        """Land a session, and run the job that the landing sensor asks for."""
        simulate(
            self.home / "landing" / f"desk-{number}",
            replace(_SESSION, seed=21 + number),
        )
        return self.run("-c", _JOB)


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder), asked.rounds, asked.against)
    if asked.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:8.3f}")


def measure(folder: Path, rounds: int, against: Path | None) -> dict[str, float]:
    """All figures; what a build needs once (its environment's caches, its tables) is made before."""
    builds = {"": Build(Path.cwd(), folder / "home")}
    if against:
        builds["former_"] = Build(against.resolve(), folder / "former-home")
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds + 1):
        pictures = folder / f"pictures-{number}"
        write_small_images(pictures, NUM_PICTURES, seed=number)
        for prefix, build in builds.items():
            found = {
                f"{prefix}pictures": build.take_in(pictures),
                f"{prefix}session": build.run_job(number),
            }
            for name, cost in found.items() if number else ():
                costs.setdefault(name, []).append(cost)
    figures = {}
    for name, found_costs in costs.items():
        figures[f"{name}_seconds"] = median(c.wall_s for c in found_costs)
        figures[f"{name}_cpu_s"] = median(c.cpu_s for c in found_costs)
    for name in ("pictures", "session") if against else ():
        pairs = zip(costs[name], costs[f"former_{name}"], strict=True)
        figures[f"{name}_ratio_today"] = median(b.cpu_s / a.cpu_s for a, b in pairs)
    return figures


if __name__ == "__main__":
    main()
