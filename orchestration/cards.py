"""The card of a model or a dataset as the home knows it now: the registry's own sections, and what came since.

Belongs here: reading across stages. Does not: what a card looks like (assets/cards), or the card of the day of release,
which MLflow keeps. Nothing in it is of the moment: the same home gives the same card.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from assets.cards import Block, Bullets, Card, Section, tabulate
from assets.evaluation.slices import tell_worse
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ModelRow, PromotionRow, ReleaseRow, ScoreRow
from orchestration.profiles import Settings
from orchestration.report_facts import find_version, list_since, read_acts
from orchestration.resources import build_catalog, build_tracker

if TYPE_CHECKING:
    from assets.evaluation.data_caveats import Fault
    from assets.registry.verdict import Decision

_MOST_CHECKS = 500


def card_of_model(settings: Settings, model: ModelRow) -> Card:
    """Raises Refusal for a model whose lineage is not stored, or whose files have changed."""
    from assets.inference.model_store import open_copy
    from assets.registry.card import CardFacts, build_card
    from assets.registry.lineage import find_lineage
    from assets.registry.promotion import read_own_evaluation
    from assets.terms.judging import read_terms

    catalog = build_catalog(settings)
    sha256, release_id = model["model_sha256"], model["release_id"]
    package = open_copy(catalog.blobs, settings.home, model)
    releases: list[ReleaseRow] = catalog.read_latest(
        "releases", where=is_in("release_id", [release_id])
    ).to_pylist()
    version = find_version(settings, model)
    number = version.version if version else None
    evaluation = read_own_evaluation(catalog, sha256, release_id)
    facts = CardFacts(
        package,
        find_lineage(package, releases, [model]),
        evaluation if evaluation.metrics else None,
        _read_decision(settings, model["task"], number),
        number,
        tuple(read_terms(catalog, release_id)),
    )
    card = build_card(facts)
    scores = _read_scores(catalog, model)
    more = (
        Section("How sure the figures are", tuple(_list_sure(scores, model["task"]))),
        Section("Labels it learnt from", tuple(_list_labels(catalog, releases[0]))),
        Section("Since it was trained", tuple(_list_since(catalog, model, number))),
        Section("Champion", tuple(_list_acts(catalog, model))),
    )
    return replace(card, sections=(*card.sections, *more))


def card_of_release(settings: Settings, release_id: str) -> Card:
    """Raises ValueError for a release that is gone or changed."""
    from assets.evaluation.data_card import build_data_card

    faults = tuple(_list_faults(settings))
    return build_data_card(build_catalog(settings), release_id, faults)


def _list_faults(settings: Settings) -> "Iterator[Fault]":
    """Claims on sessions that do not hold by their newest verdicts, and tables that are held."""
    from assets.evaluation.data_caveats import Fault
    from assets.retrieval.dagster_checks import list_failed_checks

    found = list_failed_checks(
        settings.dagster_home, settings.dagster_url, _MOST_CHECKS
    )
    for check in found:
        if check.session:
            yield Fault(check.session, f"{check.asset}: {check.check}", check.says)
    held = build_catalog(settings).read_latest("publications", where="is_held")
    for row in held.to_pylist():
        if row["session"]:
            yield Fault(row["session"], f"{row['table_name']} is held", row["reason"])


def _read_scores(catalog: Catalog, model: ModelRow) -> list[ScoreRow]:
    mine = is_in("model_sha256", [model["model_sha256"]])
    of_release = is_in("release_id", [model["release_id"]])
    where = f"{mine} AND {of_release} AND split = 'test'"
    rows: list[ScoreRow] = catalog.read_latest("scores", where=where).to_pylist()
    return sorted(rows, key=lambda r: (r["slice_by"], r["slice_value"], r["metric"]))


def _read_decision(
    settings: Settings, task: str, version: int | None
) -> "Decision | None":
    """What the gate said of a version; None where it was not asked."""
    from assets.registry.verdict import Decision, RuleResult

    said = build_tracker(settings).decision(task, version) if version else None
    if said is None:
        return None
    results = tuple(RuleResult(**rule) for rule in said["results"])
    thin = bool(said.get("accepts_thin_test"))
    return Decision(results, said.get("checks", {}), said.get("against"), thin)


def _list_sure(scores: list[ScoreRow], task: str) -> Iterator[Block]:
    from assets.evaluation.robustness import CORRUPTION
    from assets.kinds import find_kind
    from models.known_tasks import dataset_of

    rows = [
        (
            "all"
            if r["slice_by"] == "all"
            else f"{r['slice_by']} = {r['slice_value']}",
            r["metric"],
            r["value"],
            r["low"],
            r["high"],
            r["num_units"],
            r["p_value"],
        )
        for r in scores
        if r["low"] is not None or r["p_value"] is not None
    ]
    if not rows:
        yield "Nobody can tell: the test part has too few independent recordings, or was not examined."
        return
    yield "Bounds hold the figure in 95 % of draws of recordings; p is of a region that was found, among all of them."
    head = ("slice", "metric", "value", "low", "high", "recordings", "p")
    yield tabulate(head, rows)
    as_taken = [row for row in scores if row["slice_by"] != CORRUPTION]
    worse = tell_worse(as_taken, find_kind(dataset_of(task)).leading_metric)
    yield f"Surely worse than over all: {worse or 'no slice'}."


def _list_labels(catalog: Catalog, release: ReleaseRow) -> Iterator[Block]:
    from assets.evaluation.release_report import count_origins
    from assets.tables.releases import open_release

    frames = open_release(catalog, release["release_id"]).frames
    origins = count_origins(catalog, release, frames["frame_id"])
    if origins:
        yield tabulate(("made by", "labels"), origins)
    else:
        yield "No label has an origin that is stored."
    yield f"All else of its data: `daguerre card {release['release_id'][:16]}`."


def _list_since(
    catalog: Catalog, model: ModelRow, version: int | None
) -> Iterator[Block]:
    """What sessions since said of it: drift of pictures and of answers, estimates, figures by labels that came."""
    found = list_since(catalog, f"daguerre-{model['task']}", version) if version else []
    if not found:
        yield "No session has been judged by it."
        return
    drifted = sum(bool(one.images_drifted or one.answers_drifted) for one in found)
    yield f"It judged {len(found)} sessions, of which {drifted} have drifted."
    head = ("session", "pictures drifted", "answers drifted", "metric")
    yield tabulate(
        (*head, "estimate", "mean error", "by labels", "reason"),
        [
            (
                one.session,
                _tell(one.images_drifted),
                _tell(one.answers_drifted),
                one.metric,
                one.estimate,
                one.error,
                one.truth,
                one.reason,
            )
            for one in found
        ],
    )


def _tell(is_so: bool | None) -> str:
    return "no verdict" if is_so is None else "yes" if is_so else "no"


def _list_acts(catalog: Catalog, model: ModelRow) -> Iterator[Block]:
    from assets.registry.person import tell_act

    sha256 = model["model_sha256"]
    acts: list[PromotionRow] = [
        act
        for act in read_acts(catalog, model["task"])
        if sha256 in (act["before_sha256"], act["after_sha256"])
    ]
    if not acts:
        yield "It has never been champion."
        return
    yield Bullets(tuple(tell_act(act) for act in acts))
