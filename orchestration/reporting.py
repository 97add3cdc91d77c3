"""Gather the stored facts of one home into the report and the demo's summary.

Belongs here: reading across stages. Does not: drawing (assets/evaluation) or deciding (checks, registry).
"""

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from assets.choice import read_choice
from assets.tables.catalog import Catalog, is_in
from assets.tables.missed_classes import list_missed, tell_missed
from models.task_names import TASK_NAMES
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, build_tracker


def write_home_report(
    settings: Settings,
    out: Path | None = None,
    sessions: Sequence[str] | None = None,
    enter: Callable[[str], None] = lambda _: None,
) -> str:
    """Write the report of the models scored last; where it lies. `enter` hears what goes on.

    It goes to `out`, or else to the pages of the home. Raises ValueError when there is no model.
    """
    from assets.evaluation.report import ReportData, write_report

    catalog = build_catalog(settings)
    enter("reading the home")
    facts = summarise_home(settings, sessions, TASK_NAMES)
    models = []
    for task in TASK_NAMES:
        if catalog.pointed(f"scored/{task}"):
            enter(f"drawing {task}")
            models.append(_model_report(settings, catalog, task))
    if sessions is not None:
        models = [m for m in models if set(m.list_sessions()) & set(sessions)]
    data = ReportData(
        title="Daguerre report",
        models=models,
        made_on=datetime.date.today().isoformat(),
        drift_rows=_of(catalog, "drift", sessions),
        quarantine_rows=_of(catalog, "quarantine", sessions),
        totals={
            name: facts[name] for name in ("sessions", "captures", "frames", "labels")
        },
    )
    enter("drawing charts and writing the page")
    path = write_report(out or settings.workspace.reports / "report.html", data)
    if out is not None or settings.workspace.store is None:
        return str(path)
    return settings.workspace.pages.put(path.name, path.read_bytes())


def summarise_home(
    settings: Settings, sessions: Sequence[str] | None, tasks: Sequence[str]
) -> dict[str, Any]:
    """Counts, quarantine, releases, models and drift of the given sessions, None for all, as the tables hold them."""
    catalog = build_catalog(settings)
    captures = _of(
        catalog,
        "captures",
        sessions,
        ["capture_id", "session", "num_frames", "num_labels"],
    )
    quarantine = _of(catalog, "quarantine", sessions)
    models = [model for task in tasks for model in _models(settings, task)]
    releases = catalog.read_latest(
        "releases", where=is_in("release_id", [m["release_id"] for m in models])
    ).to_pylist()
    verdicts = [
        r for r in _of(catalog, "drift", sessions) if r["statistic"] == "session"
    ]
    requests = catalog.read_latest("retraining_requests").to_pylist()
    return {
        "sessions": len({c["session"] for c in captures}),
        "captures": len(captures),
        "frames": sum(c["num_frames"] for c in captures),
        "labels": sum(c["num_labels"] for c in captures),
        "quarantined": [
            {
                "session": q["session"],
                "path": q["source_path"],
                "offset": q["source_offset"],
                "reader": q["reader"],
                "reason": q["reason"],
                "remedy": q["remedy"],
            }
            for q in quarantine
        ],
        "releases": [
            {
                k: r[k]
                for k in (
                    "release_id",
                    "task",
                    "class_names",
                    "num_frames",
                    "num_labels",
                    "sessions",
                )
            }
            for r in releases
        ],
        "models": models,
        "drift": {
            session: {
                "is_drifted": _any([v["is_drifted"] for v in mine]),
                "reasons": {v["model_name"]: v["reason"] for v in mine},
            }
            for session in sorted({v["session"] for v in verdicts})
            if (mine := [v for v in verdicts if v["session"] == session])
        },
        "retraining_requests": [
            {k: r[k] for k in ("task", "session", "reason")}
            for r in requests
            if sessions is None or r["session"] in sessions
        ],
    }


def _models(settings: Settings, task: str) -> list[dict[str, Any]]:
    """The versions that carry an alias now."""
    found = []
    tracker = build_tracker(settings)
    for model in tracker.versions(task) if tracker.is_there() else ():
        if model.aliases:
            found.append(
                {
                    "task": task,
                    "name": model.name,
                    "version": model.version,
                    "aliases": list(model.aliases),
                    "alias": "champion"
                    if "champion" in model.aliases
                    else "challenger",
                    "metrics": dict(model.metrics),
                    "model_sha256": model.model_sha256,
                    "release_id": model.release_id,
                    "mlflow_run": model.run_id,
                }
            )
    return found


def _model_report(settings: Settings, catalog: Catalog, task: str) -> Any:
    from assets.evaluation.gallery import gather_gallery
    from assets.evaluation.interval import measure_interval
    from assets.evaluation.report import GateLine, ModelReport
    from assets.inference.model_store import open_copy
    from assets.inference.predict import StoredImages
    from assets.kinds import find_kind
    from assets.previews.gallery import name_subject

    model_sha256 = str(catalog.pointed(f"scored/{task}"))
    mine = is_in("model_sha256", [model_sha256])
    model = catalog.read_latest("models", where=mine).to_pylist()[0]
    release = catalog.read_latest(
        "releases", where=is_in("release_id", [model["release_id"]])
    ).to_pylist()[0]
    frames = catalog.read_latest(
        "release_frames", where=is_in("release_id", [model["release_id"]])
    )
    test = frames.filter(pc.equal(frames["split"], "test")).to_pylist()
    predictions = catalog.read_latest(
        "predictions", where=f"{mine} AND purpose = 'test'"
    ).to_pylist()
    tracker = build_tracker(settings)
    known = tracker.versions(task) if tracker.is_there() else []
    version = next((v for v in known if v.model_sha256 == model_sha256), None)
    title = f"daguerre-{task}" + (f" v{version.version}" if version else "")
    package = open_copy(catalog.blobs, settings.home, model)
    images = StoredImages(catalog, release["frames_version"])
    gallery = gather_gallery(
        find_kind(task).pair(predictions, test, release["class_names"]),
        test,
        images,
        package.facts.history,
        name_subject(title, release["release_id"]),
    )
    decision = tracker.decision(task, version.version) if version else None
    scores = catalog.read_latest("scores", where=mine).to_pylist()
    missed = tell_missed(list_missed(scores, model_sha256, release["release_id"]))
    return ModelReport(
        task=task,
        name=f"daguerre-{task}",
        release_id=release["release_id"],
        class_names=tuple(release["class_names"]),
        release_frames=frames,
        scores=scores,
        interval=measure_interval(catalog, model_sha256, model["release_id"]),
        gallery=gallery,
        version=version.version if version else None,
        alias=("champion" if "champion" in version.aliases else "challenger")
        if version and version.aliases
        else None,
        facts={
            "recipe": model["recipe"],
            "seed": model["seed"],
            "weights sha256": model_sha256,
            "release": release["release_id"],
            "chosen": read_choice(release["choice"]).summary,
            "code version": model["code_version"],
            "Dagster run": model["run_id"],
        },
        gate=[
            GateLine(r["claim"], r["detail"], r["is_passed"])
            for r in decision["results"]
        ]
        if decision
        else (),
        is_accepted=decision["is_promoted"] if decision else None,
        weaknesses=[*(release["weaknesses"] or ()), *([missed] if missed else [])],
    )


def _of(
    catalog: Catalog,
    table: str,
    sessions: Sequence[str] | None,
    columns: list[str] | None = None,
) -> list[Any]:
    where = None if sessions is None else is_in("session", sessions)
    return catalog.read_latest(table, columns, where).to_pylist()


def _any(values: Sequence[bool | None]) -> bool | None:
    """True if one is, None if none is and one is unknown."""
    return True if True in values else (None if None in values else False)
