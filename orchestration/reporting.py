"""Gather the stored facts of one home into the report, the page of a model, a release or a session, and the demo's
summary.

Belongs here: reading across stages. Does not: drawing (assets/evaluation) or deciding (checks, registry).
"""

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import ModelRow
from models.task_names import TASK_NAMES
from orchestration.profiles import Settings
from orchestration.report_facts import gather_model
from orchestration.resources import build_catalog, build_tracker
from orchestration.session_facts import gather_session

if TYPE_CHECKING:
    from assets.evaluation.report import ReportData


def write_home_report(
    settings: Settings,
    out: Path | None = None,
    sessions: Sequence[str] | None = None,
    enter: Callable[[str], None] = lambda _: None,
) -> str:
    """Write the report of the models scored last, and of their releases; where it lies. `enter` hears what goes on.

    It goes to `out`, or else to the pages of the home. Raises ValueError when there is no model.
    """
    from assets.evaluation.release_report import read_release_report
    from assets.evaluation.report import ReportData

    catalog = build_catalog(settings)
    enter("reading the home")
    facts = summarise_home(settings, sessions, TASK_NAMES)
    models = []
    for task in TASK_NAMES:
        if sha256 := catalog.pointed(f"scored/{task}"):
            enter(f"drawing {task}")
            models.append(gather_model(settings, catalog, _read_model(catalog, sha256)))
    if sessions is not None:
        models = [m for m in models if set(m.list_sessions()) & set(sessions)]
    data = ReportData(
        title="Daguerre report",
        models=models,
        releases=[
            read_release_report(catalog, release_id)
            for release_id in dict.fromkeys(m.release_id for m in models)
        ],
        made_on=_today(),
        drift_rows=_of(catalog, "drift", sessions),
        quarantine_rows=_of(catalog, "quarantine", sessions),
        totals={
            name: facts[name] for name in ("sessions", "captures", "frames", "labels")
        },
    )
    return _write(settings, data, "report.html", out, enter)


def write_model_page(
    settings: Settings,
    model: ModelRow,
    out: Path | None = None,
    enter: Callable[[str], None] = lambda _: None,
) -> str:
    """Write the page of one model, with its release; where it lies. Raises ValueError as `gather_model` does."""
    from assets.evaluation.release_report import read_release_report
    from assets.evaluation.report import ReportData

    catalog = build_catalog(settings)
    enter(f"drawing {model['task']}")
    found = gather_model(settings, catalog, model)
    name, version = repr_sql(found.name), found.version or 0
    judged = f"model_name = {name} AND model_version = {version}"
    data = ReportData(
        title=f"{found.title}, {model['model_sha256'][:12]}",
        models=[found],
        releases=[read_release_report(catalog, found.release_id)],
        made_on=_today(),
        drift_rows=catalog.read_latest("drift", where=judged).to_pylist(),
        is_of_home=False,
    )
    return _write(
        settings, data, f"model-{model['model_sha256'][:16]}.html", out, enter
    )


def write_release_page(
    settings: Settings,
    release_id: str,
    out: Path | None = None,
    enter: Callable[[str], None] = lambda _: None,
) -> str:
    """Write the page of one release; where it lies. Raises ValueError for one that is gone or changed."""
    from assets.evaluation.release_report import read_release_report
    from assets.evaluation.report import ReportData

    enter("reading the release")
    release = read_release_report(build_catalog(settings), release_id)
    title = f"Dataset for {release.row['task']}, {release_id[:12]}"
    data = ReportData(title, [], _today(), releases=[release], is_of_home=False)
    return _write(settings, data, f"release-{release_id[:16]}.html", out, enter)


def write_session_page(
    settings: Settings,
    session: str,
    out: Path | None = None,
    enter: Callable[[str], None] = lambda _: None,
) -> str:
    """Write the page of one session; where it lies. Raises ValueError for one without recordings."""
    from assets.evaluation.report import ReportData

    enter("reading the session")
    found = gather_session(build_catalog(settings), session, enter)
    data = ReportData(session, [], _today(), sessions=[found], is_of_home=False)
    return _write(settings, data, f"session-{session}.html", out, enter)


def _write(
    settings: Settings,
    data: "ReportData",
    name: str,
    out: Path | None,
    enter: Callable[[str], None],
) -> str:
    from assets.evaluation.report import write_report

    enter("drawing charts and writing the page")
    path = write_report(out or settings.workspace.reports / name, data)
    if out is not None or settings.workspace.store is None:
        return str(path)
    return settings.workspace.pages.put(path.name, path.read_bytes())


def _read_model(catalog: Catalog, model_sha256: str) -> ModelRow:
    rows = catalog.read_latest("models", where=is_in("model_sha256", [model_sha256]))
    return cast(ModelRow, rows.to_pylist()[0])


def _today() -> str:
    return datetime.date.today().isoformat()


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
