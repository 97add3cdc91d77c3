"""Gather what is stored about one model for its page: scores, pictures, rival, verdict, lineage, what came since.

Belongs here: reading across stages. Does not: how it is shown (assets/evaluation), or which models a report has.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from assets.choice import read_choice
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.champions import read_champion
from assets.tables.missed_classes import list_missed, tell_missed
from assets.tables.rows import EdgeFormRow, ModelRow, PromotionRow, ReleaseRow
from assets.tables.schemas.monitoring import WHOLE_SESSION
from orchestration.profiles import Settings
from orchestration.resources import build_tracker

if TYPE_CHECKING:
    from assets.evaluation.model_report import (
        EdgeReport,
        GateLine,
        ModelReport,
        Rivalry,
        SessionSince,
    )
    from assets.inference.package import PackageFacts
    from assets.registry.tracker import RegisteredModel

_SETTINGS_SAID = ("name", "task", "weights")  # of a recipe: the page has them elsewhere


def gather_model(
    settings: Settings, catalog: Catalog, model: ModelRow
) -> "ModelReport":
    """Raises ValueError for a model that was not scored on its own release, or whose task keeps no answers."""
    from assets.evaluation.gallery import gather_gallery
    from assets.evaluation.interval import measure_interval
    from assets.evaluation.model_report import ModelReport
    from assets.inference.model_store import open_copy
    from assets.inference.predict import StoredImages
    from assets.kinds import find_kind
    from assets.previews.gallery import name_subject
    from assets.retrieval.answers import read_operating_score
    from models.known_tasks import dataset_of

    task, sha256 = model["task"], model["model_sha256"]
    kind = find_kind(dataset_of(task))
    mine = is_in("model_sha256", [sha256])
    of_release = is_in("release_id", [model["release_id"]])
    scores = catalog.read_latest("scores", where=f"{mine} AND {of_release}").to_pylist()
    _require_page(model, kind.is_judged, bool(scores))
    release: ReleaseRow = catalog.read_latest("releases", where=of_release).to_pylist()[
        0
    ]
    frames = catalog.read_latest("release_frames", where=of_release)
    test = frames.filter(pc.equal(frames["split"], "test")).to_pylist()
    predictions = catalog.read_latest(
        "predictions", where=f"{mine} AND purpose = 'test'"
    ).to_pylist()
    version = find_version(settings, model)
    title = f"daguerre-{task}" + (f" v{version.version}" if version else "")
    package = open_copy(catalog.blobs, settings.home, model)
    pairs = kind.pair(predictions, test, release["class_names"])
    gallery = gather_gallery(
        pairs.at(read_operating_score(catalog, model)),
        test,
        StoredImages(catalog, release["frames_version"]),
        package.facts.history,
        name_subject(title, release["release_id"]),
    )
    decision = (
        build_tracker(settings).decision(task, version.version) if version else None
    )
    missed = tell_missed(list_missed(scores, sha256, release["release_id"]))
    acts = read_acts(catalog, task)
    return ModelReport(
        task=task,
        name=f"daguerre-{task}",
        release_id=release["release_id"],
        class_names=tuple(release["class_names"]),
        release_frames=frames,
        scores=scores,
        interval=measure_interval(catalog, sha256, model["release_id"]),
        gallery=gallery,
        version=version.version if version else None,
        alias=("champion" if "champion" in version.aliases else "challenger")
        if version and version.aliases
        else None,
        facts=_list_facts(model, release, package.facts),
        settings={
            name: value
            for name, value in package.facts.config.items()
            if name not in _SETTINGS_SAID and value is not None
        },
        gate=_list_rules(decision["results"]) if decision else (),
        is_accepted=decision["is_promoted"] if decision else None,
        weaknesses=[*(release["weaknesses"] or ()), *([missed] if missed else [])],
        rivalry=_find_rival(catalog, settings, model, acts),
        acts=[a for a in acts if sha256 in (a["before_sha256"], a["after_sha256"])],
        edge=_read_edge(catalog, sha256),
        since=list_since(catalog, f"daguerre-{task}", version.version)
        if version
        else (),
    )


def _require_page(model: ModelRow, is_judged: bool, is_scored: bool) -> None:
    name, task = model["model_sha256"][:16], model["task"]
    if not is_judged:
        raise ValueError(
            f"answers of {task} are not stored, so model {name} has no page: `daguerre results --task {task}` "
            "lists its figures"
        )
    if not is_scored:
        raise ValueError(
            f"model {name} was not scored on its release: `daguerre compare {task} {name} --score` lets it sit the exam"
        )


def find_version(settings: Settings, model: ModelRow) -> "RegisteredModel | None":
    """The registered version with these weights."""
    tracker = build_tracker(settings)
    known = tracker.versions(model["task"]) if tracker.is_there() else []
    return next((v for v in known if v.model_sha256 == model["model_sha256"]), None)


def _list_facts(
    model: ModelRow, release: ReleaseRow, package: "PackageFacts"
) -> dict[str, Any]:
    start = package.starts_from
    kept = next((r["epoch"] + 1 for r in package.history if r.get("is_kept")), None)
    spent = package.history[-1] if package.history else {}
    return {
        "chosen": read_choice(release["choice"]).summary,
        "recipe": model["recipe"],
        "seed": model["seed"],
        "epochs": len(package.history),
        "epoch kept": kept,
        "starts from": start["origin"] if start else "no weights learnt before",
        "device-hours": spent.get("device_hours"),
        "code version": model["code_version"],
        "weights sha256": model["model_sha256"],
        "Dagster run": model["run_id"],
    }


def _list_rules(results: Sequence[dict[str, Any]]) -> "list[GateLine]":
    from assets.evaluation.model_report import GateLine

    return [GateLine(r["claim"], r["detail"], r["is_passed"]) for r in results]


def read_acts(catalog: Catalog, task: str) -> list[PromotionRow]:
    """Every change of the task's champion, in order."""
    rows: list[PromotionRow] = catalog.read_latest(
        "promotions", where=is_in("task", [task])
    ).to_pylist()
    return sorted(rows, key=lambda row: row["at_ns"])


def _find_rival(
    catalog: Catalog, settings: Settings, model: ModelRow, acts: Sequence[PromotionRow]
) -> "Rivalry | None":
    """The champion whose place it took first; of a model that took none the champion of today."""
    from assets.evaluation.model_report import Rivalry
    from orchestration.compared import compare_on

    sha256, task = model["model_sha256"], model["task"]
    taken = next((act for act in acts if act["after_sha256"] == sha256), None)
    champion = read_champion(catalog, task)
    if taken is not None:
        rival, word = taken["before_sha256"], "the champion before"
    else:
        rival, word = champion["model_sha256"] if champion else None, "the champion"
    if rival is None or rival == sha256:
        return None
    found = compare_on(catalog, settings.home, rival, sha256, model["release_id"])
    command = f"daguerre compare {rival[:16]} {sha256[:16]}"
    if found is None:
        reason = (
            f"That one has no exam on this release: {command} --score lets it sit it."
        )
        return Rivalry(f"{word}, {rival[:16]}", None, reason)
    return Rivalry(f"{word}, {rival[:16]}", found, command=f"{command} --html FILE")


def _read_edge(catalog: Catalog, sha256: str) -> "list[EdgeReport]":
    from assets.evaluation.model_report import EdgeReport

    rows: list[EdgeFormRow] = catalog.read_latest(
        "edge_forms", where=is_in("model_sha256", [sha256])
    ).to_pylist()
    return [
        EdgeReport(
            row["edge_sha256"],
            row["is_accepted"],
            _list_rules(json.loads(row["verdict"])["rules"]),
        )
        for row in rows
    ]


def list_since(catalog: Catalog, name: str, version: int) -> "list[SessionSince]":
    """Each session that a version judged, by name."""
    from assets.evaluation.model_report import SessionSince

    mine = f"model_name = {repr_sql(name)} AND model_version = {version}"
    whole = f"{mine} AND statistic = {repr_sql(WHOLE_SESSION)}"
    images, answers = (
        {
            row["session"]: row
            for row in catalog.read_latest(
                table, ["session", "is_drifted", "reason"], whole
            ).to_pylist()
        }
        for table in ("drift", "answer_drift")
    )
    estimates = {
        row["session"]: row
        for row in catalog.read_latest("estimates", where=mine).to_pylist()
    }
    found = []
    for session in sorted({*images, *answers, *estimates}):
        verdict, estimate = images.get(session, {}), estimates.get(session, {})
        found.append(
            SessionSince(
                session,
                verdict.get("is_drifted"),
                answers.get(session, {}).get("is_drifted"),
                estimate.get("metric", ""),
                estimate.get("value"),
                estimate.get("error"),
                estimate.get("truth"),
                verdict.get("reason") or estimate.get("reason") or "",
            )
        )
    return found
