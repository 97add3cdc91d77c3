"""How many alarms do clean sessions raise, and how soon does a change? A simulation of the sequential control.

Recordings differ by scene, in a normal, heavy-tailed or skewed way, and figures share half of that. Two cameras have
eight figures each; a session is one recording. With --requests a day of requests takes its place: one source of eight
figures, from one or several places that partly stay the same all days. Run: python bench/alarms.py [--requests]
[--runs 300] [--json]
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


@dataclass(frozen=True)
class Asked:
    """Requests of a day come from so many places; `stays` is the share of the variance between recordings that is of
    the places, which are the same on all days. `by_sd`: `moved` figures move by so many deviations."""

    scatter: str = "normal"
    references: int = 8
    places: int = 1
    stays: float = 0.0
    moved: int = 0
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


CLEAN_DAYS = tuple(
    Asked(scatter, n, places, stays)
    for scatter in ("normal", "skewed")
    for n in (4, 8, 16)
    for places, stays in ((1, 0.0), (1, 0.5), (1, 0.9), (1, 1.0), (4, 0.9))
)


def draw_days(world: Asked, days: int, rng: np.random.Generator) -> Floats:
    """(days, FIGURES) distances of days of requests from one reference, moved from day QUIET on."""
    reference = _draw_recordings(rng, world.scatter, world.references)
    places = _draw_recordings(rng, world.scatter, world.places)
    fresh = _draw_recordings(rng, world.scatter, days * world.places)
    fresh = fresh.reshape(days, world.places, FIGURES)
    new = (np.sqrt(world.stays) * places + np.sqrt(1 - world.stays) * fresh).mean(
        axis=1
    )
    new[QUIET:, : world.moved] += world.by_sd
    return _measure(reference, new)


def count_day_alarms(world: Asked, runs: int, learns: bool) -> float:
    """Alarms in SESSIONS clean days, on average; `learns`: what an alarm was about is learnt, as it is of requests."""
    found = [_follow_days(world, SESSIONS, n, learns).sum() for n in range(runs)]
    return float(np.mean(found))


def find_day_delays(world: Asked, runs: int) -> Floats:
    """(runs,) days from the change to the alarm, as `find_delays`."""
    return _delays([_follow_days(world, QUIET + WATCHED, n, True) for n in range(runs)])


def _follow_days(world: Asked, days: int, run: int, learns: bool) -> NDArray[np.bool_]:
    distances = draw_days(world, days, np.random.default_rng([run, world.references]))
    references = np.full(FIGURES, world.references)
    no = np.zeros(FIGURES, bool)
    return chart(distances, references, no, learns_alarms=learns).is_alarm


def draw_distances(world: World, sessions: int, rng: np.random.Generator) -> Floats:
    """(sessions, CAMERAS * FIGURES) distances from one reference, moved from session QUIET on."""
    num = CAMERAS * FIGURES
    values = _draw_recordings(rng, world.scatter, world.references + sessions, num)
    reference, new = np.split(values, [world.references])
    push = np.zeros((CAMERAS, FIGURES))
    push[: world.cameras, : world.moved] = world.by_sd
    new[QUIET:] += push.ravel()
    return _measure(reference, new)


def count_alarms(world: World, runs: int, sessions: int = SESSIONS) -> float:
    """Alarms of a run of clean sessions, on average."""
    return float(np.mean([_follow(world, sessions, n).sum() for n in range(runs)]))


def find_delays(world: World, runs: int) -> Floats:
    """(runs,) sessions from the change to the alarm, 1 where the first one raises it; infinite where none does."""
    return _delays([_follow(world, QUIET + WATCHED, n) for n in range(runs)])


def _delays(alarms_of: list[NDArray[np.bool_]]) -> Floats:
    found = [np.flatnonzero(alarms) for alarms in alarms_of]
    after = [alarms[alarms >= QUIET] for alarms in found]
    return np.array([a[0] - QUIET + 1 if len(a) else np.inf for a in after])


def _follow(world: World, sessions: int, run: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng([run, world.references])
    distances = draw_distances(world, sessions, rng)
    num = distances.shape[1]
    references = np.full(num, world.references)
    return chart(distances, references, np.zeros(num, bool)).is_alarm


def _draw_recordings(
    rng: np.random.Generator, scatter: str, recordings: int, figures: int = FIGURES
) -> Floats:
    """(recordings, figures) of unit variance, which share SHARED of it."""
    both = np.sqrt(SHARED) * _draw(rng, scatter, (recordings, 1))
    own = _draw(rng, scatter, (recordings, figures))
    return np.asarray(both + np.sqrt(1 - SHARED) * own)


def _measure(reference: Floats, new: Floats) -> Floats:
    """Distances in deviations of the prediction."""
    deviation = np.sqrt(
        reference.var(axis=0, ddof=1) * (1 + 1 / len(reference)) + TOLERANCE_SD**2
    )
    return np.asarray((new - reference.mean(axis=0)) / deviation)


def _draw(rng: np.random.Generator, scatter: str, size: tuple[int, int]) -> Floats:
    if scatter == "heavy":
        return rng.standard_t(5, size) / np.sqrt(5 / 3)
    return (
        rng.exponential(size=size) - 1.0
        if scatter == "skewed"
        else rng.normal(size=size)
    )


def study_sessions(runs: int) -> tuple[dict[str, float], dict[str, Floats]]:
    """Alarms in clean sessions, and delays after changes, by world."""
    clean = {
        f"{w.scatter}, {w.references} reference recordings": count_alarms(w, runs)
        for w in CLEAN
    }
    delays = {
        f"{name}, {references} reference recordings": find_delays(
            replace(world, references=references), runs
        )
        for name, world in CHANGES.items()
        for references in (4, 8, 16)
    }
    return clean, delays


def study_requests(runs: int) -> tuple[dict[str, float], dict[str, Floats]]:
    """The same of days of requests; of clean ones also what would be without learning what was told."""
    clean = {}
    for w in CLEAN_DAYS:
        name = f"{w.scatter}, {w.references} recordings, {w.places} places, {w.stays} stays"
        clean[name] = count_day_alarms(w, runs, learns=True)
        if w.stays:
            told_again = count_day_alarms(w, runs, learns=False)
            clean[f"{name}, told again"] = told_again
    delays = {
        f"{name}, {references} recordings, {places} places": find_day_delays(
            Asked("normal", references, places, 0.5, world.moved, world.by_sd), runs
        )
        for name, world in CHANGES.items()
        if world.cameras == CAMERAS
        for references in (4, 8, 16)
        for places in (1, 4)
    }
    return clean, delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--requests", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    study = study_requests if arguments.requests else study_sessions
    clean, delays = study(arguments.runs)
    power = {
        name: {f"within {n}": float((found <= n).mean()) for n in (1, 2, 5, WATCHED)}
        for name, found in delays.items()
    }
    if arguments.json:
        figures = {"alarms_in_200_clean": clean, "power": power}
        print(json.dumps(figures, indent=1))
        return
    for name, rate in clean.items():
        print(f"{SESSIONS} clean, {name:58s} {rate:6.2f} alarms")
    for name, shares in power.items():
        told = "   ".join(f"{n} {share:.2f}" for n, share in shares.items())
        print(f"{name:58s} {told}")


if __name__ == "__main__":
    main()
