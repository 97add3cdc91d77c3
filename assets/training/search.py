"""Search for better settings of a recipe: trials on Ray Tune, of which those that fall behind are stopped early.

A trial is a training in one process, by the same loop, on the same release and from the same seed; its weights are
thrown away, its figures are kept. Trials are compared by asynchronous successive halving (ASHA, Li et al. 2020, "A
System for Massively Parallel Hyperparameter Tuning"): at a quarter of the epochs, and at each threefold of that, a
trial goes on if it is among the best third of those that have come so far.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.abandoned import drop_abandoned
from assets.cluster.connection import open_ray
from assets.cluster.worker_lines import await_last_lines, speak_as
from assets.pixel_cache import CacheRoom
from assets.pretrained import find_weights
from assets.samples import ReleaseFacts, read_release
from assets.tracing import continued, span, traceparent
from assets.training.ray_train import RUNS, Lesson, Listeners, learn, trace_epochs
from assets.training.run_folder import own_folder
from assets.training.trials import OnTrial, Record, Trial

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from models.recipes import TrainConfig

_FIRST_RUNG = 4  # the part of the epochs after which trials are compared first
_REDUCTION = 3  # one in so many goes on from a rung
_TUNE_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # prints on stdout, whatever it is told
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the record is ours
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # not every epoch is scored
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",  # for a stopped trial to give back its process
}


@dataclass(frozen=True)
class _Job:
    """What every trial is told."""

    catalog: Catalog
    release_id: str
    config: TrainConfig
    settings: tuple[Mapping[str, str], ...]  # by number of the trial
    seed: int
    num_at_once: int
    pixels: CacheRoom | None
    tokens: tuple[str, ...]  # by number: the last word of a trial's process
    traceparent: str | None = None  # of the search's span


def search(
    catalog: Catalog,
    release: ReleaseFacts,
    config: TrainConfig,
    settings: Sequence[Mapping[str, str]],
    seed: int,
    models_dir: Path,
    num_workers: int,
    on_trial: OnTrial,
    pixels: CacheRoom | None = None,
    ray_address: str | None = None,
) -> list[Trial]:
    """Try `config` with each of the `settings`, as many at once as there are workers, or GPUs where there are some.

    Which trials are stopped depends on which come first, so on the machine. A trial that fails is told with its reason
    and does not end the search. The first Ctrl-C ends the trials and returns what they came to; the second raises.
    """
    import torch

    from models.tasks import find_task

    record = Record(settings, find_task(config.task).metric, config.epochs, on_trial)
    num_at_once = (
        torch.cuda.device_count() if torch.cuda.is_available() else num_workers
    )
    job = _Job(
        catalog,
        release.release_id,
        config,
        tuple(settings),
        seed,
        num_at_once,
        pixels,
        tuple(uuid.uuid4().hex for _ in settings),
    )
    runs = models_dir.resolve() / RUNS
    drop_abandoned(runs)
    for name, value in _TUNE_SETTINGS.items():
        os.environ.setdefault(name, value)
    told = {"task": config.task, "recipe": config.name, "release": release.release_id}
    with (
        own_folder(runs / f"search-{uuid.uuid4().hex}") as folder,
        span("search", **told),
        open_ray(num_workers, ray_address),
    ):
        try:
            with _quiet_tune():
                _run(replace(job, traceparent=traceparent()), record, folder)
            whole = [t.number for t in record.trials if t.status == "finished"]
            await_last_lines([job.tokens[n] for n in whole], is_any_dead=False)
        finally:
            record.interrupt()
            shutil.rmtree(folder, ignore_errors=True)
    return record.trials


def _run(job: _Job, record: Record, folder: Path) -> None:
    import torch
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler

    from models.tasks import find_task

    epochs = job.config.epochs
    asha = AsyncHyperBandScheduler(
        time_attr="epochs",
        metric=find_task(job.config.task).metric,
        mode="max",
        max_t=epochs,
        grace_period=max(1, epochs // _FIRST_RUNG),
        reduction_factor=_REDUCTION,
    )
    needs = {"cpu": 1.0, "gpu": float(torch.cuda.is_available())}
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(_try, job=job), needs),
        param_space={"number": tune.grid_search(list(range(len(job.settings))))},
        tune_config=tune.TuneConfig(
            scheduler=asha, max_concurrent_trials=job.num_at_once, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(folder),
            callbacks=[_listen(record)],
            verbose=0,
        ),
    )
    tuner.fit()


def _try(config: dict[str, Any], job: _Job) -> None:
    """One trial, in a process of Ray Tune, which ends one that is stopped by SystemExit."""
    number = config["number"]
    settings = " ".join(
        f"{name}={value}" for name, value in job.settings[number].items()
    )
    stopped: SystemExit | None = None
    with (
        speak_as(f"trial {number + 1}", job.tokens[number]),
        continued(job.traceparent),
        span("trial", trial=number + 1, settings=settings),
    ):
        try:
            _learn(number, job)
        except SystemExit as end:  # it has not failed
            stopped = end
    if stopped is not None:
        raise stopped


def _learn(number: int, job: _Job) -> None:
    import torch
    from ray import tune

    from models.recipes.settings import change_settings
    from models.tasks import find_task
    from models.training.workers import Alone

    recipe = change_settings(job.config, job.settings[number])
    metric = find_task(recipe.task).metric

    def report(event: dict[str, Any]) -> None:
        if event["kind"] == "epoch":
            row = {
                name: value
                for name, value in event.items()
                if name not in ("kind", "num_epochs")
            }
            if not math.isfinite(row.get(metric, 0.0)):
                raise ValueError(
                    f"{metric} is {row[metric]} in epoch {row['epoch']}: lower `lr`"
                )
            score = {metric: row[metric]} if metric in row else {}
            tune.report({"row": row, "epochs": row["epoch"] + 1, **score})

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // job.num_at_once))
    release = read_release(job.catalog, job.release_id, recipe.task)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = find_weights(recipe)
    lesson = Lesson(job.catalog, release, recipe, job.seed, weights, job.pixels)
    learn(lesson, Alone(), device, Listeners(trace_epochs(report)))


def _listen(record: Record) -> Any:
    from ray.tune import Callback

    class Listener(Callback):
        """Tells the record what Ray Tune tells; Ray, which stores callbacks, gets one without it."""

        def __init__(self, record: Record) -> None:
            self._record = record

        def __getstate__(self) -> dict[str, Any]:
            return {}

        def on_trial_start(
            self, iteration: int, trials: Any, trial: Any, **_: Any
        ) -> None:
            self._record.start(trial.config["number"])

        def on_trial_result(
            self,
            iteration: int,
            trials: Any,
            trial: Any,
            result: dict[str, Any],
            **_: Any,
        ) -> None:
            self._record.add_epoch(
                trial.config["number"], result["row"], bool(result.get("done"))
            )

        def on_trial_complete(
            self, iteration: int, trials: Any, trial: Any, **_: Any
        ) -> None:
            self._record.finish(trial.config["number"])

        def on_trial_error(
            self, iteration: int, trials: Any, trial: Any, **_: Any
        ) -> None:
            self._record.fail(trial.config["number"], _read_reason(trial))

    return Listener(record)


def _read_reason(trial: Any) -> str:
    """The first line of what went wrong, from the file that Ray Tune leaves beside a failed trial."""
    from ray import cloudpickle

    if not (path := Path(trial.pickled_error_file or "")).is_file():
        return "its process did not start, or Ray ended it: see the logs below the Ray session"
    error = cloudpickle.loads(path.read_bytes())
    cause = getattr(error, "cause", None) or error
    line = next(iter(str(cause).strip().splitlines()), "")
    return (
        line
        if isinstance(cause, ValueError) and line
        else f"{type(cause).__name__}: {line}"
    )


@contextmanager
def _quiet_tune() -> Iterator[None]:
    """Without Ray Tune's own words on failed and interrupted trials; its handler of Ctrl-C goes with it."""
    log = logging.getLogger("ray.tune")
    level = log.level
    handler = signal.getsignal(signal.SIGINT)
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)
