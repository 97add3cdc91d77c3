"""The gate of evaluation: the scores of the model that was trained last for a task."""

from __future__ import annotations

from checks.gate import Gate, TaskGate
from models.task_names import all_task_names

GATES = (Gate("scores"),)
TASK_GATES = (
    TaskGate(
        asset="{task}_scores",
        tables=("scores",),
        column="model_sha256",
        made="model",
        passed="scored",
        what="trained {task} models",
        list_tasks=all_task_names,
    ),
)
