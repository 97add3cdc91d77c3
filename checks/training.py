"""The gate of training: the row of the model that was trained last for a task, and the package that it names."""

from __future__ import annotations

from pathlib import Path

from assets.tables.catalog import Catalog
from checks.gate import Gate, TaskGate
from checks.models import MODEL_RULES, read_facts, read_history, read_weights
from checks.stored_rows import Others, Scope, StoredRows
from models.known_tasks import all_task_names


def _read_package(catalog: Catalog, scope: Scope, home: Path) -> Others:
    """What the package of the model's row holds."""

    def folder() -> Path:
        from assets.inference.model_store import bring_copy

        columns = ("model_sha256", "folder", "facts_sha256")
        rows = StoredRows(catalog, "models", scope).read("models", columns)
        return bring_copy(catalog.blobs, home, rows.to_pylist()[0])

    return {
        "package": lambda: read_facts(folder()),
        "package history": lambda: read_history(folder()),
        "package weights": lambda: read_weights(folder()),
    }


GATES = (Gate("models", MODEL_RULES),)
TASK_GATES = (
    TaskGate(
        asset="{task}",
        tables=("models",),
        column="model_sha256",
        made="model",
        passed="trained",
        what="trained {task} models",
        list_tasks=all_task_names,
        others=_read_package,
    ),
)
