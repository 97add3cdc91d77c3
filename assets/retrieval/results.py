"""Every model that was trained, with its scores on the test split: one row a model."""

from __future__ import annotations

from typing import Any

from assets.registry.release import RULES
from assets.tables.catalog import Catalog, is_in


def read_results(catalog: Catalog, task: str | None = None) -> list[dict[str, Any]]:
    """Rows of `models` by task, best by the gate's metric first; `scores`: metric -> value, None if not measured.

    Scores are those on the test split of the model's own release: models of different releases sat different tests.
    Raises ValueError for an unknown task.
    """
    if task is not None and task not in RULES:
        raise ValueError(f"there is no task '{task}': choose one of {', '.join(sorted(RULES))}")
    models = catalog.read_latest("models", where=is_in("task", [task]) if task else None).to_pylist()
    scores: dict[tuple[str, str], dict[str, float | None]] = {}
    whole_test = f"slice_by = 'all' AND split = 'test' AND {is_in('model_sha256', [m['model_sha256'] for m in models])}"
    for row in catalog.read_latest("scores", where=whole_test).to_pylist():
        scores.setdefault((row["model_sha256"], row["release_id"]), {})[row["metric"]] = row["value"]
    champions = set(catalog.read_latest("champions", ["model_sha256"])["model_sha256"].to_pylist())
    rows = [
        {**{k: m[k] for k in ("task", "recipe", "model_sha256", "release_id", "seed", "run_id")},
         "is_champion": m["model_sha256"] in champions, "scores": scores.get((m["model_sha256"], m["release_id"]), {})}
        for m in models
    ]  # fmt: skip
    return sorted(rows, key=lambda r: (r["task"], -_headline(r), r["model_sha256"]))


def _headline(row: dict[str, Any]) -> float:
    value = row["scores"].get(RULES[row["task"]].metric)
    return float("-inf") if value is None else float(value)
