"""One trained model's way through the registry: lineage, challenger, gate, card, champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.inference.package import read_package
from assets.registry.card import CardFacts, render_card
from assets.registry.lineage import find_lineage
from assets.registry.release import (
    Decision,
    Evaluation,
    GateRules,
    decide,
    read_evaluation,
    rules_of,
)
from assets.registry.tracker import RegisteredModel, RunRef, Tracker
from assets.tables.catalog import Catalog, is_in


@dataclass(frozen=True)
class Promotion:
    """What became of a model. `champion_row` is its row for `champions`; None when it was not promoted."""

    run: RunRef
    decision: Decision
    card: str
    champion_row: dict[str, Any] | None


def submit(
    catalog: Catalog,
    tracker: Tracker,
    folder: Path,
    checks: Mapping[str, bool | None],
    dagster_run_id: str,
    plots: Mapping[str, bytes] | None = None,
    rules: GateRules | None = None,
) -> Promotion:
    """Register the model in `folder` as challenger, judge it, and make it champion if every rule holds.

    `checks` are the outcomes of the asset checks upstream, by name. Submitting a model again changes nothing but the
    decision; a model without an evaluation on its release is not promoted. Raises Refusal for no lineage or changed
    bytes.
    """
    package = read_package(folder)
    models = catalog.read_latest(
        "models", where=is_in("model_sha256", [package.model_sha256])
    ).to_pylist()
    releases = catalog.read_latest(
        "releases", where=is_in("release_id", [package.release_id])
    ).to_pylist()
    lineage = find_lineage(package, releases, models)
    champion = tracker.champion(package.task)
    evaluation, rival = _read_evaluations(
        catalog, package.model_sha256, package.release_id, champion
    )
    params = {
        "release_id": package.release_id,
        "seed": package.facts.seed,
        "recipe": package.facts.recipe,
    }
    run = tracker.log_training(
        package, lineage, evaluation.metrics, plots or {}, dagster_run_id, params
    )
    decision = decide(evaluation, rival, rules or rules_of(package.task), checks)
    card = render_card(
        CardFacts(package, lineage, evaluation, decision, run.model_version)
    )
    tracker.describe(package.task, run.model_version, card)
    if not decision.is_promoted:
        tracker.record(package.task, run.model_version, decision)
        return Promotion(run, decision, card, None)
    tracker.promote(package.task, run.model_version, decision)
    row = {
        "task": package.task,
        "model_name": f"daguerre-{package.task}",
        "model_version": run.model_version,
        "model_sha256": package.model_sha256,
        "release_id": package.release_id,
    }
    return Promotion(run, decision, card, row)


def _read_evaluations(
    catalog: Catalog,
    model_sha256: str,
    release_id: str,
    champion: RegisteredModel | None,
) -> tuple[Evaluation, Evaluation | None]:
    """The model's evaluation, and the champion's: on the same release if it has one there, else on its own."""
    models = [model_sha256, *([champion.model_sha256] if champion else [])]
    rows = catalog.read_latest(
        "scores", where=is_in("model_sha256", models)
    ).to_pylist()
    evaluation = read_evaluation(rows, model_sha256, release_id) or Evaluation(
        model_sha256, release_id, 0, {}
    )
    if champion is None or not _have_equal_classes(
        catalog, release_id, champion.release_id
    ):
        return evaluation, None  # figures over other classes do not compare
    same = read_evaluation(rows, champion.model_sha256, release_id)
    own = read_evaluation(rows, champion.model_sha256, champion.release_id)
    return evaluation, same or own or Evaluation(
        champion.model_sha256, champion.release_id, 0, {}
    )


def _have_equal_classes(catalog: Catalog, *release_ids: str) -> bool:
    rows = catalog.read_latest(
        "releases", ["class_names"], is_in("release_id", release_ids)
    ).to_pylist()
    return len({tuple(row["class_names"]) for row in rows}) == 1
