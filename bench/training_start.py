"""Measure what a training costs beside its steps: Ray's start and end, the way to the first, what follows the last.

A process trains twice on one Ray of two workers, by another seed each time, on a release of a simulated session: the
second training finds Ray started. With `--against`, a former build does the same in turns; both must end with the
same weights, to the bit. Seconds are medians of the rounds; `cpu_s` is processor time of the process and all below it.
`ratio` is the median, of each round, of this build's figure by the former one's. Needs nothing beside the checkouts.

Run: `python -m bench.training_start --against CHECKOUT --rounds 5 --json`, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

_TASK = "recognition"
_SEEDS = (5, 6)
_LOOK_S = 0.1  # how often processor time is noted: that of a process that has ended is as it was last seen


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    parser.add_argument("--part", choices=("prepare", "train"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        print(json.dumps({"prepare": _prepare, "train": _train}[asked.part]()))
        return
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder), asked.rounds, asked.against)
    if asked.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name:40} {value:8.2f}")


def measure(folder: Path, rounds: int, against: Path | None) -> dict[str, float]:
    """All figures. Raises SystemExit where two trainings that should be equal end with other weights."""
    builds = {"": Path.cwd()}
    if against:
        builds["former_"] = against.resolve()
    for prefix, checkout in builds.items():
        _run(checkout, folder / f"{prefix}home", "prepare")
    found: dict[str, list[dict[str, Any]]] = {prefix: [] for prefix in builds}
    for number in range(rounds):
        # the order changes, so that neither build always follows the other
        for prefix in sorted(builds, reverse=bool(number % 2)):
            found[prefix].append(
                _run(builds[prefix], folder / f"{prefix}home", "train")
            )
    models = {tuple(run.pop("models")) for runs in found.values() for run in runs}
    if len(models) != 1:
        raise SystemExit(f"trainings end with other weights: {sorted(models)}")
    figures = {
        f"{prefix}{name}": median(run[name] for run in runs)
        for prefix, runs in found.items()
        for name in runs[0]
    }
    for name in found[""][0] if against else ():
        pairs = zip(found[""], found["former_"], strict=True)
        figures[f"{name}_ratio"] = median(a[name] / b[name] for a, b in pairs)
    return figures


def _run(checkout: Path, home: Path, part: str) -> dict[str, Any]:
    """This file, with the product of the checkout."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "DAGUERRE_HOME": str(home),
        "DAGUERRE_WORKERS": "2",
    }
    command = [sys.executable, str(Path(__file__).resolve()), "--part", part]
    done = subprocess.run(
        command,
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _prepare() -> dict[str, Any]:
    from bench.training import prepare_home

    return {"release_id": prepare_home()}


def _train() -> dict[str, Any]:
    import torch  # noqa: F401  # what follows is not to pay for it

    try:
        from assets.cluster.connection import open_ray
    except ImportError:  # a former build
        from assets.training.cluster import local_ray as open_ray

    use = _ProcessorTime()
    began = _Moment(use)
    ray = open_ray(2)
    ray.__enter__()
    found = began.since("ray_start")
    models = []
    for seed, name in zip(_SEEDS, ("first", "next"), strict=True):
        model, figures = _train_once(seed, name, use)
        models.append(model)
        found |= figures
    began = _Moment(use)
    ray.__exit__(None, None, None)
    found |= began.since("ray_end")
    fixed = [name for name in found if name.endswith("_s") and "cpu" not in name]
    return {
        **found,
        "together_s": sum(found[name] for name in fixed if "next" not in name),
        "models": models,
    }


def _train_once(
    seed: int, name: str, use: _ProcessorTime
) -> tuple[str, dict[str, float]]:
    """The model's id; seconds from the call to the first step and from the last epoch's end to the package."""
    from assets.training.ray_train import train
    from assets.training.spec import Place, TrainingSpec
    from models.recipes import get_recipe
    from models.recipes.settings import change_settings
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    release_id = catalog.pointed(f"release/{_TASK}")
    assert release_id is not None
    config = change_settings(get_recipe(f"tiny_{_TASK}"), {"epochs": "1"})
    steps: list[dict[str, float]] = []
    ends: list[_Moment] = []
    began = _Moment(use)

    def hear(event: dict[str, Any]) -> None:
        if event["kind"] == "step" and not steps:
            steps.append(began.since(f"{name}_placement"))
            steps[0][f"{name}_placement_s"] -= event["seconds"]
        if event["kind"] == "epoch":
            ends.append(_Moment(use))

    place = Place(catalog, settings.home / "bench-models")
    package = train(TrainingSpec(release_id, config, seed, (2, 2)), place, hear)
    return package.model_sha256, {**steps[0], **ends[-1].since(f"{name}_package")}


class _ProcessorTime:
    """Of this process and all below it, those that have ended among them."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], float] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def read(self) -> float:
        import psutil

        with self._lock:
            for process in psutil.Process().children(recursive=True):
                try:
                    times = process.cpu_times()
                    self._seen[process.pid, process.create_time()] = (
                        times.user + times.system
                    )
                except psutil.NoSuchProcess:
                    continue
            return time.process_time() + sum(self._seen.values())

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            self.read()


class _Moment:
    def __init__(self, use: _ProcessorTime) -> None:
        self._use = use
        self._at, self._cpu_s = time.monotonic(), use.read()

    def since(self, name: str) -> dict[str, float]:
        return {
            f"{name}_s": time.monotonic() - self._at,
            f"{name}_cpu_s": self._use.read() - self._cpu_s,
        }


if __name__ == "__main__":
    main()
