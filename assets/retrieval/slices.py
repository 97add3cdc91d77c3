"""What models score on slices of their test part, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assets.evaluation.slices import FIGURES_OF_CLASSES
from assets.registry.release import rules_of
from assets.tables.catalog import Catalog, is_in
from assets.tables.ids import complete_id
from assets.tables.rows import ScoreRow
from models.known_tasks import all_task_names, dataset_of

OF_OBJECTS = "recall50"  # slices of objects tell what share of them was found
_WHOLE = ("all", "all")


@dataclass(frozen=True)
class SliceScore:
    """One slice: `gap` is to the same figure over all; `low`, `high`, `num_units` are None where nobody can tell.

    `is_worse`: the whole interval lies below the figure over all; of regions that were looked for, by their p-value.
    """

    task: str
    model_sha256: str
    release_id: str
    slice_by: str
    slice_value: str
    metric: str
    value: float | None
    gap: float | None
    low: float | None
    high: float | None
    num_units: int | None
    num_samples: int
    p_value: float | None
    is_worse: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def read_slices(
    catalog: Catalog, task: str | None = None, models: Sequence[str] = ()
) -> list[SliceScore]:
    """Slices of these models, by beginnings of their ids, each on its own release; of none the champions, or what was
    scored last of a task without one.

    Raises ValueError for an unknown task, a model that there is not, and where none was scored.
    """
    if task is not None:
        dataset_of(task)
    chosen = _choose(catalog, task, models)
    rows: list[ScoreRow] = catalog.read_latest(
        "scores", where=is_in("model_sha256", sorted(chosen))
    ).to_pylist()
    found = []
    for sha256, (its_task, release_id) in chosen.items():
        mine = [
            row
            for row in rows
            if (row["model_sha256"], row["release_id"]) == (sha256, release_id)
        ]
        found += list_slices(mine, its_task)
    if not found:
        raise ValueError(
            "no model has scores of slices: `daguerre train TASK` trains and scores one"
        )
    return found


def list_slices(rows: list[ScoreRow], task: str) -> list[SliceScore]:
    """Of the rows of one exam, a slice each, worst first; slices in which nothing was measured come last."""
    leading = rules_of(task).metric
    whole = {
        row["metric"]: row["value"]
        for row in rows
        if (row["slice_by"], row["slice_value"]) == _WHOLE
    }
    found = [
        _describe(row, task, whole.get(leading if _is_of_class(row) else row["metric"]))
        for row in rows
        if (row["metric"] in (leading, OF_OBJECTS) or _is_of_class(row))
        and (row["slice_by"], row["slice_value"]) != _WHOLE
    ]
    return sorted(
        found,
        key=lambda one: (
            one.gap is None,
            one.gap or 0.0,
            one.slice_by,
            one.slice_value,
        ),
    )


def _is_of_class(row: ScoreRow) -> bool:
    """Whether it is a figure of one class that the leading metric is the mean of."""
    return row["slice_by"] == "class" and row["metric"] in FIGURES_OF_CLASSES


def _describe(row: ScoreRow, task: str, whole: float | None) -> SliceScore:
    value = row["value"]
    gap = None if value is None or whole is None else value - whole
    is_below = row["high"] is not None and whole is not None and row["high"] < whole
    return SliceScore(
        task=task,
        model_sha256=row["model_sha256"],
        release_id=row["release_id"],
        slice_by=row["slice_by"],
        slice_value=row["slice_value"],
        metric=row["metric"],
        value=value,
        gap=gap,
        low=row["low"],
        high=row["high"],
        num_units=row["num_units"],
        num_samples=row["num_samples"],
        p_value=row["p_value"],
        is_worse=is_below if row["p_value"] is None else True,
    )


def _choose(
    catalog: Catalog, task: str | None, models: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """model -> its task and release."""
    wanted = [complete_id(catalog, "models", text) for text in models]
    if not models:
        tasks = all_task_names() if task is None else (task,)
        wanted = [sha256 for one in tasks if (sha256 := _find_current(catalog, one))]
    rows: list[Mapping[str, Any]] = catalog.read_latest(
        "models",
        ["model_sha256", "task", "release_id"],
        is_in("model_sha256", wanted),
    ).to_pylist()
    return {
        row["model_sha256"]: (row["task"], row["release_id"])
        for row in rows
        if task in (None, row["task"])
    }


def _find_current(catalog: Catalog, task: str) -> str | None:
    """The champion, else what was scored last."""
    rows = catalog.read_latest("champions", ["model_sha256"], is_in("task", [task]))
    found = rows["model_sha256"].to_pylist()
    return found[0] if found else catalog.pointed(f"scored/{task}")
