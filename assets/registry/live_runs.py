"""The MLflow run of a training: begun when it begins, written while it goes on, ended when it ends, however that is.

Registering a model takes up the run that it was trained in (see `Tracker.log_training`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assets.addresses import hide
from assets.registry.runs import log_epoch, log_params
from assets.registry.store import require_experiment
from assets.registry.tracker import Tracker
from assets.run_log import LiveRun, RunStart
from assets.tracing import trace_id
from assets.worker import is_gone, name_worker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY = "training_key"
_OWNER = "training_owner"  # the process that trains
_RESUMABLE = "training_resumable"  # whether what failed can go on
_REASON = "reason"
_NOTE = "mlflow.note.content"  # what MLflow shows as the run's description
_REASON_CHARS = 4000
_log = logging.getLogger("daguerre.training")


class LiveRuns:
    """Runs of trainings in one MLflow store."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    @contextmanager
    def open_run(self, start: RunStart) -> Iterator[LiveRun]:
        """The run of a training: a new one, or that of the same training, where it was interrupted.

        An error makes it FAILED with the reason as tag and description, an interruption KILLED. Runs whose process was
        killed are ended first.
        """
        client = self._tracker.open_client()
        name = f"daguerre-{start.task}"
        experiment_id = require_experiment(client, name, self._tracker.artifact_root)
        _end_abandoned(client, experiment_id)
        run_id = _begin(client, experiment_id, start)

        def finish(model_sha256: str) -> None:
            client.set_tag(run_id, "model_sha256", model_sha256)
            client.update_run(run_id, name=f"{start.recipe}-{model_sha256[:8]}")

        try:
            yield LiveRun(lambda row: _log_quietly(client, run_id, row), finish)
        except Exception as error:
            # what a user mended is another training; anything else can go on
            is_resumable = not isinstance(error, ValueError)
            _end(client, run_id, "FAILED", _describe(error), is_resumable)
            raise
        except BaseException as error:
            _end(client, run_id, "KILLED", f"interrupted: {_describe(error)}", True)
            raise
        client.set_terminated(run_id, "FINISHED")

    def end_abandoned(self) -> int:
        """End the runs of trainings whose process was killed; how many. Nothing is made where there is no store."""
        if not self._tracker.is_there():
            return 0
        client = self._tracker.open_client()
        found = client.search_experiments(filter_string="name LIKE 'daguerre-%'")
        return sum(_end_abandoned(client, e.experiment_id) for e in found)


def _begin(client: MlflowClient, experiment_id: str, start: RunStart) -> str:
    known = client.search_runs(
        [experiment_id],
        f"tags.{KEY} = '{start.key}' and tags.{_RESUMABLE} = 'true'",
        max_results=1,
    )
    owner = {_OWNER: name_worker(), "dagster_run_id": start.dagster_run_id}
    trace = trace_id()
    if trace is not None:
        owner["trace_id"] = trace
    if known:
        run_id = str(known[0].info.run_id)
        for name in (_REASON, _NOTE):
            if name in known[0].data.tags:
                client.delete_tag(run_id, name)
        for name, value in {**owner, _RESUMABLE: "false"}.items():
            client.set_tag(run_id, name, value)
        client.update_run(run_id, status="RUNNING")
        return run_id
    tags = {
        KEY: start.key,
        **owner,
        "task": start.task,
        "recipe": start.recipe,
        "release_id": start.release_id,
        "seed": str(start.seed),
        "mlflow.source.name": "daguerre",
    }
    run = client.create_run(experiment_id, tags=tags, run_name=start.recipe)
    run_id = str(run.info.run_id)
    facts = {"release_id": start.release_id, "seed": start.seed, "recipe": start.recipe}
    log_params(client, run_id, start.config, facts)
    return run_id


def _end_abandoned(client: MlflowClient, experiment_id: str) -> int:
    running: list[Run] = list(
        client.search_runs([experiment_id], "attributes.status = 'RUNNING'")
    )
    gone = [run for run in running if is_gone(run.data.tags.get(_OWNER, ""))]
    for run in gone:
        reason = (
            "its process was killed: the same training goes on from its last snapshot"
        )
        _end(client, run.info.run_id, "KILLED", reason, True)
    return len(gone)


def _end(
    client: MlflowClient, run_id: str, status: str, reason: str, is_resumable: bool
) -> None:
    client.set_tag(run_id, _RESUMABLE, str(is_resumable).lower())
    client.set_tag(run_id, _REASON, reason)
    client.set_tag(run_id, _NOTE, reason)
    client.set_terminated(run_id, status)


def _log_quietly(client: MlflowClient, run_id: str, row: Mapping[str, Any]) -> None:
    """What is lost here is written when the model is registered: no training ends for it."""
    from mlflow.exceptions import MlflowException

    try:
        log_epoch(client, run_id, row)
    except MlflowException as error:
        _log.warning(f"MLflow did not take the figures of an epoch: {_describe(error)}")


def _describe(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return hide(text)[:_REASON_CHARS]
