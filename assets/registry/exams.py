"""Exams of the agent as runs of MLflow, in an experiment of their own.

Belongs here: what is logged of one. Does not: the exam.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from assets.registry.store import require_experiment

if TYPE_CHECKING:
    from assets.registry.tracker import Tracker

EXPERIMENT = "daguerre-agent"


def log_exam(
    tracker: Tracker, name: str, tags: Mapping[str, str], metrics: Mapping[str, float]
) -> str:
    """The id of a finished run with these figures; of an exam (tag `exam_id`) that was logged before, that run."""
    from mlflow.entities import Metric

    client = tracker.open_client()
    experiment = require_experiment(client, EXPERIMENT, tracker.artifact_root)
    where = f"tags.exam_id = '{tags['exam_id']}'"
    found = client.search_runs([experiment], where, max_results=1)
    run = (
        found[0]
        if found
        else client.create_run(experiment, run_name=name, tags=dict(tags))
    )
    now_ms = int(time.time() * 1000)
    told = [Metric(key, value, now_ms, 0) for key, value in metrics.items()]
    client.log_batch(run.info.run_id, metrics=told)
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)
