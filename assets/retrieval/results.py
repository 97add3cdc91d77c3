"""Every model that was trained, with its scores on the test split: one row a model."""

from __future__ import annotations

from typing import Any

from assets.registry.release import rules_of
from assets.tables.catalog import Catalog, is_in
from models.task_names import all_task_names, dataset_of


def read_results(catalog: Catalog, task: str | None = None) -> list[dict[str, Any]]:
    """Rows of `models` by task, best by the gate's metric first; `scores`: metric -> value, None if not measured.

    Scores are those on the test split of the model's own release: models of different releases sat different tests.
    Raises ValueError for an unknown task.
    """
    if task is not None:
        dataset_of(task)
    models = catalog.read_latest(
        "models", where=is_in("task", [task]) if task else None
    ).to_pylist()
    scores: dict[tuple[str, str], dict[str, float | None]] = {}
    whole_test = f"slice_by = 'all' AND split = 'test' AND {is_in('model_sha256', [m['model_sha256'] for m in models])}"
    for row in catalog.read_latest("scores", where=whole_test).to_pylist():
        scores.setdefault((row["model_sha256"], row["release_id"]), {})[
            row["metric"]
        ] = row["value"]
    champions = set(
        catalog.read_latest("champions", ["model_sha256"])["model_sha256"].to_pylist()
    )
    rows = [
        {
            **{
                k: m[k]
                for k in (
                    "task",
                    "recipe",
                    "model_sha256",
                    "release_id",
                    "seed",
                    "run_id",
                )
            },
            "is_champion": m["model_sha256"] in champions,
            "scores": scores.get((m["model_sha256"], m["release_id"]), {}),
        }
        for m in models
    ]
    return sorted(rows, key=lambda r: (r["task"], -_headline(r), r["model_sha256"]))


def _headline(row: dict[str, Any]) -> float:
    # a user's own task may have been taken away
    is_known = row["task"] in all_task_names()
    value = row["scores"].get(rules_of(row["task"]).metric) if is_known else None
    return float("-inf") if value is None else float(value)
