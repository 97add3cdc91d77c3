"""One trained model's way through the registry: lineage, challenger, gate, card, champion.

Which model is champion the table `champions` says. A challenger takes the place of the champion that it was judged
against, or is judged again; MLflow's alias follows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assets.comparison.models import compare_models
from assets.inference.package import ONNX, ModelPackage, Refusal, read_package
from assets.registry.audit import find_misnamed
from assets.registry.card import CardFacts, render_card
from assets.registry.cost import Cost, measure_costs
from assets.registry.lineage import Lineage, find_lineage
from assets.registry.person import Ruling, read_ruling
from assets.registry.release import (
    decide,
    find_spent,
    read_evaluation,
    rules_of,
)
from assets.registry.seals import seal_version
from assets.registry.tracker import (
    CHALLENGER,
    CHAMPION,
    RegisteredModel,
    RunRef,
    Tracker,
)
from assets.registry.verdict import Decision, Evaluation, Evidence, GateRules
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import crown, mark_followed, read_champion
from assets.tables.erased_from import tell_taught
from assets.tables.rows import ChampionRow
from assets.terms.judging import read_terms


@dataclass(frozen=True)
class Promotion:
    """What became of a model. `champion_row` is its row of `champions`; None when it was not promoted."""

    run: RunRef
    decision: Decision
    card: str
    champion_row: ChampionRow | None


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

    `checks` are the outcomes of the asset checks upstream, by name; `rules` None are those of its task. Submitting a
    model again changes nothing but the decision; a model without an evaluation on its release is not promoted. Raises
    Refusal for no lineage or changed bytes.
    """
    package = read_package(folder)
    lineage = _find_lineage(catalog, package)
    follow_table(catalog, tracker, package.task)
    evaluation, _ = _read_evaluations(
        catalog, package.model_sha256, package.release_id, None
    )
    params = {
        "release_id": package.release_id,
        "seed": package.facts.seed,
        "recipe": package.facts.recipe,
    }
    run = tracker.log_training(
        package, lineage, evaluation.metrics, plots or {}, dagster_run_id, params
    )
    model = tracker.verify(package.task, run.model_version)
    row = make_row(model, spent=None)
    decision, row = _compete(
        catalog, tracker, package, row, rules or rules_of(row["task"]), checks
    )
    card = publish_verdict(catalog, tracker, package, model, decision)
    follow_table(catalog, tracker, package.task)
    return Promotion(run, decision, card, row if decision.is_promoted else None)


def make_row(model: RegisteredModel, spent: float | None) -> ChampionRow:
    """The row of `champions` that a registered version would be."""
    return {
        "task": model.task,
        "model_name": model.name,
        "model_version": model.version,
        "model_sha256": model.model_sha256,
        "release_id": model.release_id,
        "spent": spent,
        "promotion_id": None,
    }


def judge(
    catalog: Catalog,
    tracker: Tracker,
    package: ModelPackage,
    row: ChampionRow,
    champion: ChampionRow | None,
    rules: GateRules,
    checks: Mapping[str, bool | None],
    ruling: Ruling,
) -> tuple[Decision, ChampionRow]:
    """What the gate says of a model in the place of `champion`, and its row with what it would spend."""
    evaluation, rival = _read_evaluations(
        catalog, row["model_sha256"], row["release_id"], champion
    )
    start = (package.facts.starts_from or {}).get("sha256")
    erased = tell_taught(catalog, row["model_sha256"], row["release_id"], start)
    evidence = Evidence(ruling=ruling, erased=erased)
    if champion is not None and rival is not None:
        comparison = compare_models(
            catalog,
            champion["model_sha256"],
            row["model_sha256"],
            row["release_id"],
            classes=_read_classes(catalog, champion["release_id"])
            if evaluation.new_classes
            else None,
        )
        costs = _measure_costs(tracker, champion, package)
        evidence = Evidence(comparison, costs, ruling, erased)
    decision = decide(evaluation, rival, rules, checks, evidence)
    spent = find_spent(evaluation, rival, rules, evidence)
    return decision, {**row, "spent": spent}


def _measure_costs(
    tracker: Tracker, champion: ChampionRow, package: ModelPackage
) -> tuple[Cost, Cost] | None:
    """Of the champion and of a package; None where MLflow does not have the champion's files any more."""
    try:
        model = tracker.version(champion["task"], champion["model_version"])
        with tracker.open_package(model) as former:
            one, other = measure_costs([former.folder / ONNX, package.folder / ONNX])
    except (LookupError, Refusal):
        return None
    return one, other


def publish_verdict(
    catalog: Catalog,
    tracker: Tracker,
    package: ModelPackage,
    model: RegisteredModel,
    decision: Decision,
) -> str:
    """Keep a verdict with its version in MLflow, and write its model card, which is returned."""
    task, version = model.task, model.version
    lineage = _find_lineage(catalog, package)
    evaluation, _ = _read_evaluations(
        catalog, package.model_sha256, package.release_id, None
    )
    terms = tuple(read_terms(catalog, package.release_id))
    facts = CardFacts(package, lineage, evaluation, decision, version, terms)
    card = render_card(facts)
    tracker.describe(task, version, card)
    tracker.record(task, version, decision)
    seal_version(catalog, tracker.reader, task, version)
    return card


def read_own_evaluation(
    catalog: Catalog, model_sha256: str, release_id: str
) -> Evaluation:
    """What a model scored on a release, with what that cannot tell; without figures where it did not sit that exam."""
    return _read_evaluations(catalog, model_sha256, release_id, None)[0]


def follow_table(catalog: Catalog, tracker: Tracker, task: str) -> None:
    """Let MLflow's champion be that of the table, also where another is crowned meanwhile.

    A champion that MLflow has lost cannot be followed, and stays marked so.
    """
    while True:
        row = read_champion(catalog, task)
        named = tracker.champion(task)
        if row is None:
            if named is None:
                return
            tracker.drop_alias(task, CHAMPION)
        elif named is not None and named.model_sha256 == row["model_sha256"]:
            mark_followed(catalog, task, row["model_sha256"])
            if read_champion(catalog, task) == row:
                return
        elif not _follow(tracker, row):
            mark_followed(catalog, task, "")
            return


def follow_home(catalog: Catalog, tracker: Tracker, dry_run: bool = False) -> list[str]:
    """Let the registry be where this home lies now, and name the champions of the tables; what that takes, by line."""
    reader = tracker.reader
    if not reader.is_readable:
        return []
    moves = reader.find_moves()
    misnamed = find_misnamed(catalog, reader)
    if not dry_run and (moves or misnamed):
        tracker.follow_place()
        for task in misnamed:
            follow_table(catalog, tracker, task)
    return [
        *(f"MLflow: {former} lies at {now} by now" for former, now in moves.items()),
        *(f"champion of {task}: {reason}" for task, reason in misnamed.items()),
    ]


def _follow(tracker: Tracker, row: ChampionRow) -> bool:
    try:
        model = tracker.version(row["task"], row["model_version"])
        if model.model_sha256 != row["model_sha256"]:
            return False
        tracker.set_alias(row["task"], CHAMPION, row["model_version"])
        waiting = tracker.challenger(row["task"])
        if waiting is not None and waiting.version == row["model_version"]:
            tracker.drop_alias(row["task"], CHALLENGER)
    except (LookupError, Refusal):
        return False
    return True


def _find_lineage(catalog: Catalog, package: ModelPackage) -> Lineage:
    models = catalog.read_latest(
        "models", where=is_in("model_sha256", [package.model_sha256])
    ).to_pylist()
    releases = catalog.read_latest(
        "releases", where=is_in("release_id", [package.release_id])
    ).to_pylist()
    return find_lineage(package, releases, models)


def _compete(
    catalog: Catalog,
    tracker: Tracker,
    package: ModelPackage,
    row: ChampionRow,
    rules: GateRules,
    checks: Mapping[str, bool | None],
) -> tuple[Decision, ChampionRow]:
    """Judge against the champion and take its place; judge again where another took it in between.

    Returns the decision, and the row with what the model would spend.
    """
    task = row["task"]
    name = f"{task}/{row['model_version']}"
    while True:
        champion = read_champion(catalog, task)
        is_champion = champion and champion["model_sha256"] == row["model_sha256"]
        is_asked = task in tracker.asks_person and not is_champion
        ruling = read_ruling(catalog, name, row["model_sha256"], is_asked)
        decision, row = judge(
            catalog, tracker, package, row, champion, rules, checks, ruling
        )
        if not decision.is_promoted:
            return decision, row
        if crowned := crown(catalog, row, champion):
            return decision, crowned


def _read_evaluations(
    catalog: Catalog,
    model_sha256: str,
    release_id: str,
    champion: ChampionRow | None,
) -> tuple[Evaluation, Evaluation | None]:
    """The model's evaluation, and the champion's: on the same release if it has one there, else on its own.

    No champion's where it knows classes that the release lacks, and where the release has new ones whose exam the
    champion did not sit: such figures do not compare.
    """
    models = [model_sha256, *([champion["model_sha256"]] if champion else [])]
    rows = catalog.read_latest(
        "scores", where=is_in("model_sha256", models)
    ).to_pylist()
    evaluation = replace(
        read_evaluation(rows, model_sha256, release_id)
        or Evaluation(model_sha256, release_id, 0, {}),
        weaknesses=_read_weaknesses(catalog, release_id),
    )
    if champion is None:
        return evaluation, None
    known = _read_classes(catalog, champion["release_id"])
    asked = _read_classes(catalog, release_id)
    if not set(known) <= set(asked):
        return evaluation, None
    new = tuple(name for name in asked if name not in known)
    evaluation = replace(evaluation, new_classes=new)
    best_sha256 = champion["model_sha256"]
    own_release = champion["release_id"]
    same = read_evaluation(rows, best_sha256, release_id)
    if new and same is None:
        return evaluation, None
    own = read_evaluation(rows, best_sha256, own_release)
    rival = same or own or Evaluation(best_sha256, own_release, 0, {})
    return evaluation, replace(rival, spent=champion["spent"] or 0.0)


def _read_weaknesses(catalog: Catalog, release_id: str) -> tuple[str, ...]:
    """What the test part of a release cannot tell; nothing for one from before that was looked for."""
    where = is_in("release_id", [release_id])
    rows = catalog.read_latest("releases", ["weaknesses"], where).to_pylist()
    return tuple(text for row in rows for text in row["weaknesses"] or ())


def _read_classes(catalog: Catalog, release_id: str) -> tuple[str, ...]:
    where = is_in("release_id", [release_id])
    rows = catalog.read_latest("releases", ["class_names"], where).to_pylist()
    return tuple(rows[0]["class_names"]) if rows else ()
