"""How many alarms do clean sessions raise, and how soon does a change? A simulation of the sequential control.

Recordings differ by scene, in a normal, heavy-tailed or skewed way, and figures share half of that. Two cameras have
eight figures each; a session is one recording. Run: python bench/alarms.py [--runs 300] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from models.metrics.sequential import SESSIONS, chart

CAMERAS = 2
FIGURES = 8
SHARED = 0.5  # of the variance between recordings
TOLERANCE_SD = 0.3  # of a figure, in deviations between recordings
QUIET = 10  # clean sessions before a change
WATCHED = 20  # sessions after it

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """How recordings scatter, how many are reference, and how many figures of a camera move by how many deviations."""

    scatter: str = "normal"
    references: int = 8
    moved: int = 0
    cameras: int = CAMERAS
    by_sd: float = 0.0


CLEAN = tuple(
    World(scatter, n)
    for scatter in ("normal", "heavy", "skewed")
    for n in (4, 6, 8, 16)
)
# as measured on simulated recordings: motion blur moves crispness by 9 (whole) to 3 (a quarter) deviations,
# noise two figures by about 8, dusk four by about 5
CHANGES = {
    "motion blur, whole": World(moved=1, by_sd=9.0),
    "motion blur, half": World(moved=1, by_sd=6.0),
    "motion blur, a quarter": World(moved=1, by_sd=3.0),
    "motion blur, half, of one camera": World(moved=1, by_sd=6.0, cameras=1),
    "sensor noise": World(moved=2, by_sd=8.0),
    "dusk": World(moved=4, by_sd=5.0),
    "a little less light": World(moved=2, by_sd=2.0),
}


def draw_distances(world: World, sessions: int, rng: np.random.Generator) -> Floats:
    """(sessions, CAMERAS * FIGURES) distances from one reference, moved from session QUIET on."""
    num = CAMERAS * FIGURES
    both = np.sqrt(SHARED) * _draw(rng, world.scatter, (world.references + sessions, 1))
    own = _draw(rng, world.scatter, (world.references + sessions, num))
    values = both + np.sqrt(1 - SHARED) * own
    reference, new = np.split(values, [world.references])
    push = np.zeros((CAMERAS, FIGURES))
    push[: world.cameras, : world.moved] = world.by_sd
    new[QUIET:] += push.ravel()
    variance = reference.var(axis=0, ddof=1)
    deviation = np.sqrt(variance * (1 + 1 / world.references) + TOLERANCE_SD**2)
    return np.asarray((new - reference.mean(axis=0)) / deviation)


def count_alarms(world: World, runs: int, sessions: int = SESSIONS) -> float:
    """Alarms of a run of clean sessions, on average."""
    return float(np.mean([_follow(world, sessions, n).sum() for n in range(runs)]))


def find_delays(world: World, runs: int) -> Floats:
    """(runs,) sessions from the change to the alarm, 1 where the first one raises it; infinite where none does."""
    found = [np.flatnonzero(_follow(world, QUIET + WATCHED, n)) for n in range(runs)]
    after = [alarms[alarms >= QUIET] for alarms in found]
    return np.array([a[0] - QUIET + 1 if len(a) else np.inf for a in after])


def _follow(world: World, sessions: int, run: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng([run, world.references])
    distances = draw_distances(world, sessions, rng)
    num = distances.shape[1]
    references = np.full(num, world.references)
    return chart(distances, references, np.zeros(num, bool)).is_alarm


def _draw(rng: np.random.Generator, scatter: str, size: tuple[int, int]) -> Floats:
    if scatter == "heavy":
        return rng.standard_t(5, size) / np.sqrt(5 / 3)
    return (
        rng.exponential(size=size) - 1.0
        if scatter == "skewed"
        else rng.normal(size=size)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    clean = {
        f"{w.scatter}, {w.references} reference recordings": count_alarms(
            w, arguments.runs
        )
        for w in CLEAN
    }
    power = {}
    for name, world in CHANGES.items():
        for references in (4, 8, 16):
            delays = find_delays(replace(world, references=references), arguments.runs)
            shares = {
                f"within {n}": float((delays <= n).mean()) for n in (1, 2, 5, WATCHED)
            }
            power[f"{name}, {references} reference recordings"] = shares
    if arguments.json:
        print(
            json.dumps(
                {"alarms_in_200_clean_sessions": clean, "power": power}, indent=1
            )
        )
        return
    for name, rate in clean.items():
        print(f"{SESSIONS} clean sessions, {name:35s} {rate:6.2f} alarms")
    for name, shares in power.items():
        told = "   ".join(f"{n} {share:.2f}" for n, share in shares.items())
        print(f"{name:58s} {told}")


if __name__ == "__main__":
    main()
