"""Search for better settings of a recipe in this process: a dataset, trials on Ray Tune, their runs in MLflow.

Belongs here: how search, MLflow and terminal come together. Does not: any of them.
"""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assets.choice import Choice
from models.known_tasks import dataset_of
from models.recipes import TrainConfig, space_of
from models.recipes.space import draw_settings, narrow_space
from orchestration.chosen import configure_dataset, find_release
from orchestration.console import RunConsole
from orchestration.jobs import train_jobs
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, build_tracker
from orchestration.ticks import LocalEngine
from orchestration.train import choose_recipe, complete_sessions

if TYPE_CHECKING:
    from assets.registry.search import SearchRuns
    from assets.training.trials import Trial

_ENDED = ("finished", "stopped", "failed", "interrupted")


def tune_here(
    home: Settings,
    task: str,
    recipe: str | None,
    release_id: str | None,
    num_trials: int,
    changes: Mapping[str, str],
    searched: Mapping[str, str],
    seed: int,
    choice: Choice | None = None,
) -> dict[str, Any]:
    """Search and return what came of it: `trials` best first, the `best` one or None, the `command` that trains it.

    `changes` hold for every trial; `searched` are added to the recipe's own space. Without a release the published data
    of `choice` make one, None: as the champion's was chosen. Raises ValueError for what cannot be searched or trained
    on, before a trial starts.
    """
    release_id = find_release(home, release_id, choice)
    config = choose_recipe(task, recipe, changes)
    settings = draw_trials(config, num_trials, changes, searched, seed)
    console = RunConsole()
    release_id = release_id or _make_release(home, task, choice, console)
    trials, run_ids, metric = _search(home, config, settings, release_id, seed, console)
    facts = [_describe(trial, run_ids[trial.number]) for trial in sort_trials(trials)]
    best = facts[0] if facts and facts[0]["metric"] is not None else None
    return {
        "task": task,
        "recipe": config.name,
        "release_id": release_id,
        "metric": metric,
        "trials": facts,
        "best": best,
        "command": best
        and write_command(config, release_id, {**changes, **best["settings"]}, seed),
        "is_interrupted": len(facts) < len(settings)
        or any(f["status"] == "interrupted" for f in facts),
    }


def draw_trials(
    config: TrainConfig,
    num_trials: int,
    changes: Mapping[str, str],
    searched: Mapping[str, str],
    seed: int,
) -> list[dict[str, Any]]:
    """The settings of each trial, as `tune_here` searches them. Raises ValueError for what cannot be searched."""
    space = narrow_space(config, space_of(config), searched, changes)
    return draw_settings(config, space, num_trials, seed)


def sort_trials(trials: "Sequence[Trial]") -> "list[Trial]":
    """Those that began, best first; of equals the one that was drawn first, those without a score last."""
    began = [t for t in trials if t.status != "waiting"]
    return sorted(began, key=lambda t: (t.metric is None, -(t.metric or 0.0), t.number))


def write_command(
    config: TrainConfig, release_id: str, settings: Mapping[str, str], seed: int
) -> str:
    """The command that trains with these settings on this release."""
    words = [
        "daguerre",
        "train",
        config.task,
        "--recipe",
        config.name,
        "--release",
        release_id,
    ]
    words += [
        word
        for name, value in settings.items()
        for word in ("--set", f"{name}={value}")
    ]
    return shlex.join([*words, *(["--seed", str(seed)] if seed else [])])


def _make_release(
    home: Settings, task: str, choice: Choice | None, console: RunConsole
) -> str:
    """A dataset, as `daguerre train` makes it."""
    dataset = dataset_of(task)
    with LocalEngine(home) as engine:
        complete_sessions(engine, console)
        with console.step(f"make a {dataset} dataset"):
            keys = [
                ["curation", "unique_frames"],
                ["curation", "splits"],
                ["curation", f"{dataset}_dataset"],
            ]
            outcome = engine.execute(
                train_jobs[task].name,
                ops=configure_dataset(task, choice),
                only=keys,
                on_stage=console.enter,
            )
            console.report(outcome)
    release_id = build_catalog(home).pointed(f"release/{dataset}")
    if not outcome.success or outcome.failed_checks or release_id is None:
        reason = outcome.error or ", ".join(outcome.failed_checks)
        raise ValueError(f"there is no {dataset} dataset to search on: {reason}")
    return release_id


def _search(
    home: Settings,
    config: TrainConfig,
    settings: Sequence[Mapping[str, str]],
    release_id: str,
    seed: int,
    console: RunConsole,
) -> "tuple[list[Trial], dict[int, str], str]":
    """Run the trials, with a run in MLflow for each. Returns them, the ids of their runs, and the metric's name."""
    from assets.registry.search import log_search
    from assets.samples import read_release
    from assets.tables.catalog import is_in
    from assets.training.search import search
    from models.tasks import find_task

    catalog = build_catalog(home)
    metric = find_task(config.task).metric
    release = read_release(catalog, release_id, config.task)
    row = catalog.read_latest(
        "releases", where=is_in("release_id", [release_id])
    ).to_pylist()[0]
    shared = {
        n: v
        for n, v in asdict(config).items()
        if n not in (*settings[0], "name", "task")
    }
    params = {
        "recipe": config.name,
        "release_id": release_id,
        "seed": seed,
        "trials": len(settings),
        **shared,
    }
    with (
        console.step(f"tune {config.task} with {config.name}: {len(settings)} trials"),
        log_search(build_tracker(home), config.task, row, params) as runs,
    ):
        watch = _Watch(console, runs, metric, config.epochs, len(settings))
        trials = search(
            catalog,
            release,
            config,
            settings,
            seed,
            home.workspace.models,
            home.workspace.num_workers[1],
            watch,
            home.workspace.pixels,
            home.workspace.ray_address,
        )
        best = next((t for t in sort_trials(trials) if t.metric is not None), None)
        is_interrupted = any(t.status in ("waiting", "interrupted") for t in trials)
        runs.conclude(
            "interrupted" if is_interrupted else "finished" if best else "failed",
            {f"best_{metric}": best.metric} if best and best.metric is not None else {},
            {"best_run_id": runs.run_ids[best.number]} if best else {},
        )
    return trials, runs.run_ids, metric


class _Watch:
    """Hands what happens to trials on to MLflow and to the person who looks on."""

    def __init__(
        self,
        console: RunConsole,
        runs: "SearchRuns",
        metric: str,
        num_epochs: int,
        num_trials: int,
    ) -> None:
        self._console = console
        self._runs = runs
        self._metric = metric
        self._num_epochs = num_epochs
        self._num_trials = num_trials
        self._best = float("-inf")
        self._began_s = time.monotonic()

    def __call__(self, trial: "Trial", row: Mapping[str, Any] | None) -> None:
        name = f"trial {trial.number + 1} of {self._num_trials}"
        if row is not None:
            self._runs.log_epoch(trial.number, row)
            if trial.metric is not None:
                self._best = max(self._best, trial.metric)
            self._console.tell(f"{name}, {self._tell_epoch(row)}")
        elif trial.status in _ENDED:
            figures = (
                {} if trial.metric is None else {f"best_{self._metric}": trial.metric}
            )
            self._runs.end(trial.number, trial.status, figures, trial.error)
            reason = f": {trial.error}" if trial.error else ""
            self._console.tell(
                f"{name} {trial.status} after {trial.epochs} epochs, {trial.seconds:.0f} s{reason}"
            )
        else:
            self._runs.start(trial.number, trial.settings)
            self._console.tell(
                f"{name}: {', '.join(f'{k}={v}' for k, v in trial.settings.items())}"
            )

    def _tell_epoch(self, row: Mapping[str, Any]) -> str:
        """'epoch 2 of 5: val_map50 0.512, best of all 0.634, after 1:20'."""
        score = (
            f"{self._metric} {row[self._metric]:.3f}"
            if self._metric in row
            else f"loss {row['train_loss']:.3f}"
        )
        best = f", best of all {self._best:.3f}" if self._best > float("-inf") else ""
        seconds = round(time.monotonic() - self._began_s)
        place = f"epoch {row['epoch'] + 1} of {self._num_epochs}"
        return f"{place}: {score}{best}, after {seconds // 60}:{seconds % 60:02d}"


def _describe(trial: "Trial", run_id: str) -> dict[str, Any]:
    return {
        "trial": trial.number + 1,
        "settings": dict(trial.settings),
        "metric": trial.metric,
        "epochs": trial.epochs,
        "status": trial.status,
        "seconds": round(trial.seconds, 1),
        "error": trial.error,
        "mlflow_run_id": run_id,
    }
