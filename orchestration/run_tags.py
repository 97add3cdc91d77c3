"""Tags of runs, by which Dagster's queue counts them: the kind of a run, and the tasks that it trains.

Belongs here: names and values. Does not: how many go on at once, which `instance.py` says.
"""

from collections.abc import Iterable

CONCURRENCY_KEY = "dagster/concurrency_key"
INTAKE, MONITORING, TRAINING = "intake", "monitoring", "training"
TRAINS = "daguerre/trains_"  # and the task


def tag_training(tasks: Iterable[str]) -> dict[str, str]:
    """The tags of a run that trains these tasks."""
    return {CONCURRENCY_KEY: TRAINING, **{TRAINS + task: "true" for task in tasks}}
