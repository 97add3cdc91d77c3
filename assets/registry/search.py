"""A search for settings in MLflow: one run for the search and, nested in it, one for each trial, written as it goes on.

They lie in the experiment `daguerre-<task>-tuning`, apart from the runs of registered models.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assets.registry.runs import log_release
from assets.registry.store import require_experiment
from assets.registry.tracker import Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PARENT = "mlflow.parentRunId"  # what MLflow nests runs by
_ENDS = {
    "finished": "FINISHED",
    "stopped": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
_TAG_CHARS = 5000  # width of MLflow's column


class SearchRuns:
    """The runs of one search. A trial is known by its number."""

    def __init__(
        self, client: MlflowClient, experiment_id: str, search_run_id: str
    ) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self.search_run_id = search_run_id
        self.run_ids: dict[int, str] = {}
        self._open: set[int] = set()
        self._end = "FINISHED"

    def start(self, trial: int, settings: Mapping[str, str]) -> None:
        """A run for the trial, with its settings as parameters."""
        from mlflow.entities import Param

        tags = {_PARENT: self.search_run_id, "mlflow.source.name": "daguerre"}
        run = self._client.create_run(
            self._experiment_id, tags=tags, run_name=f"trial {trial + 1}"
        )
        self.run_ids[trial] = run.info.run_id
        self._open.add(trial)
        self._client.log_batch(
            run.info.run_id,
            params=[Param(key, value) for key, value in settings.items()],
        )

    def log_epoch(self, trial: int, row: Mapping[str, Any]) -> None:
        """The figures of a history row, at its epoch."""
        self._log(
            self.run_ids[trial],
            {k: v for k, v in row.items() if k != "epoch"},
            row["epoch"],
        )

    def end(
        self, trial: int, status: str, figures: Mapping[str, float], reason: str = ""
    ) -> None:
        """`status`: finished, stopped (early), interrupted or failed. `figures` are the trial's last word."""
        run_id = self.run_ids[trial]
        self._client.set_tag(run_id, "outcome", status)
        if reason:
            self._client.set_tag(run_id, "reason", reason[:_TAG_CHARS])
        self._log(run_id, figures, 0)
        self._client.set_terminated(run_id, _ENDS[status])
        self._open.discard(trial)

    def conclude(
        self, status: str, figures: Mapping[str, float], tags: Mapping[str, str]
    ) -> None:
        """What came of the search; it ends with the context."""
        self._end = _ENDS[status]
        for key, value in tags.items():
            self._client.set_tag(self.search_run_id, key, value)
        self._log(self.search_run_id, figures, 0)

    def close(self, is_whole: bool) -> None:
        """End the search's run, and as killed the trials that still run."""
        for trial in sorted(self._open):
            self._client.set_terminated(self.run_ids[trial], "KILLED")
        self._client.set_terminated(
            self.search_run_id, self._end if is_whole else "KILLED"
        )

    def _log(self, run_id: str, figures: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            [Metric(key, float(value), now_ms, step) for key, value in figures.items()],
        )


@contextmanager
def log_search(
    tracker: Tracker,
    task: str,
    release: Mapping[str, Any],
    params: Mapping[str, object],
) -> Iterator[SearchRuns]:
    """Runs of one search on a release (its row of `releases`), with what all trials share as parameters.

    No run is left open: what still runs at the end, or after an error, is KILLED.
    """
    client = tracker.open_client()
    from mlflow.entities import Param

    experiment_id = require_experiment(
        client, f"daguerre-{task}-tuning", tracker.artifact_root
    )
    tags = {
        "task": task,
        "release_id": str(release["release_id"]),
        "mlflow.source.name": "daguerre",
    }
    run = client.create_run(
        experiment_id, tags=tags, run_name=f"search {params['recipe']}"
    )
    runs = SearchRuns(client, experiment_id, run.info.run_id)
    is_whole = False
    try:
        client.log_batch(
            run.info.run_id,
            params=[Param(key, str(value)) for key, value in params.items()],
        )
        log_release(client, run.info.run_id, release)
        yield runs
        is_whole = True
    finally:
        runs.close(is_whole)
