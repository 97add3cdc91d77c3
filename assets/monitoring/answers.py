"""What answers a retraining request: the runs that were made for it, in words for a person; and with which recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ChampionRow

RETRY_S = 6 * 3600  # before a run that failed is asked for again
REQUEST = "daguerre/request"  # tag of a run: the id of the request that it answers
SENSOR = "drift_sensor"


@dataclass(frozen=True)
class AnsweringRun:
    """A run for a request. Times in seconds since 1970, 0 where it did not come to that; `status` is Dagster's word."""

    run_id: str
    status: str
    created_s: float
    started_s: float = 0.0
    ended_s: float = 0.0
    reason: str = ""  # why it failed, where that is known


def describe_answer(task: str, runs: Sequence[AnsweringRun], obstacle: str = "") -> str:
    """Which run answers an open request of the task, or when one will.

    `obstacle` is what keeps runs from being asked for and started, with the remedy; "" where nothing does.
    """
    if not runs:
        return obstacle or f"{SENSOR} asks for a run of train_{task} within a minute"
    newest = max(runs, key=lambda run: run.created_s)
    name = f"run {newest.run_id[:8]} of train_{task}"
    if newest.status == "SUCCESS":
        return (
            f"{name} ended {_tell_time(newest.ended_s)}, and its model did not become champion: "
            f"registry/{task}_release says why"
        )
    if newest.status == "FAILURE":
        why = f" ({newest.reason})" * bool(newest.reason)
        again = _tell_time(newest.ended_s + RETRY_S)
        return f"{name} failed {_tell_time(newest.ended_s)}{why}: asked for again after {again}, but for a failed check"
    if newest.status in ("CANCELING", "CANCELED"):
        return f"{name} was ended by a person: `daguerre train {task}` trains another"
    is_begun = newest.status == "STARTED"
    doing = "is under way" if is_begun else "waits for its turn"
    since = _tell_time(newest.started_s if is_begun else newest.created_s)
    return f"{name} {doing} since {since}" + f"; {obstacle}" * bool(obstacle)


def describe_cooldown(
    task: str, session: str, last_request_ns: int, cooldown_s: float
) -> str:
    """Why a session that drifted makes no request yet. `last_request_ns`: UTC, of the task's newest request."""
    until = _tell_time(last_request_ns / 1e9 + cooldown_s)
    return f"{task}: {session} drifted, and waits for the cool-down until {until}"


def choose_training(
    catalog: Catalog, home: Path, champion: ChampionRow
) -> dict[str, Any]:
    """The champion's own recipe, what was changed of it, and its seed, as config of a training; {} where unknown.

    A retraining is the same training on the sessions of today: what a person chose once holds.
    """
    from assets.inference.model_store import open_copy
    from assets.inference.package import Refusal
    from models.recipes import get_recipe
    from models.recipes.settings import list_changes

    mine = is_in("model_sha256", [champion["model_sha256"]])
    for model in catalog.read_latest("models", where=mine).to_pylist():
        try:
            recipe = get_recipe(model["recipe"])
            trained_by = open_copy(catalog.blobs, home, model).facts.config
        except (Refusal, ValueError, FileNotFoundError):
            return {}
        changes = list_changes(trained_by, recipe)
        return {"recipe": recipe.name, "settings": changes, "seed": model["seed"]}
    return {}


def _tell_time(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%d %b %H:%M UTC")
