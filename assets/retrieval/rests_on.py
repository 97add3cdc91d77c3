"""Which sessions a release or model rests on, under which terms; what was stated of a session, and what rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from assets.comparison.pair import FindVersion, find_model
from assets.departures import list_departures
from assets.exclusions import list_wider
from assets.retrieval.ancestors import Ancestry
from assets.retrieval.losses import find_loss
from assets.tables.catalog import Catalog, is_in
from assets.tables.ids import begins_with, complete_id
from assets.tables.rows import DepartureRow, ModelRow
from assets.terms.judging import Part, find_purposes, judge_terms
from assets.terms.policy import Policy
from assets.terms.statements import Subject, read_statements, terms_of
from models.known_tasks import all_task_names


def describe_rests(
    catalog: Catalog, name: str, policy: Policy, find_version: FindVersion
) -> dict[str, Any]:
    """What is named: a session, SESSION/PATH of captures, a release or model by its id or a beginning of it,
    TASK/VERSION, or TASK, which is its champion. Raises ValueError for a name that is none of these."""
    subject = find_subject(catalog, name)
    if subject is not None:
        return describe_subject(catalog, subject)
    if name not in all_task_names() and "/" not in name:
        release_id = _find_release(catalog, name)
        if release_id is not None:
            return describe_release(catalog, release_id, policy)
    return describe_model(catalog, find_model(catalog, name, find_version), policy)


def list_sessions(catalog: Catalog, policy: Policy) -> list[dict[str, Any]]:
    """Every stored session, and captures with statements of their own, as a release of all would have them."""
    frames = catalog.read_latest("frames", ["session", "capture_id"])
    alone = replace(policy, mixed=())  # not all of them meet in one release
    return [_describe(part) for part in judge_terms(catalog, frames, alone)]


def find_departures(
    catalog: Catalog, name: str | None, find_version: FindVersion
) -> list[DepartureRow]:
    """What left of a session, release or model, None: everything; also in releases that hold the session, and models
    that learnt from it. Raises ValueError as `describe_rests` does."""
    if name is None:
        return list_departures(catalog)
    found = describe_rests(catalog, name, Policy(), find_version)
    if found["kind"] == "session":
        releases = {one["release_id"] for one in found["releases"]}
        models = {one["model_sha256"] for one in found["models"]}
        return list_departures(catalog, found["subject"]["session"], releases, models)
    if found["kind"] == "model":
        return list_departures(catalog, model_sha256s={found["model_sha256"]})
    return list_departures(catalog, release_ids={found["release_id"]})


def find_subject(catalog: Catalog, name: str) -> Subject | None:
    """The session, or the captures at or below SESSION/PATH; None where no session is called so."""
    session, _, path = name.partition("/")
    rows = catalog.read_latest("captures", ["session"])["session"].unique()
    return Subject(session, path.rstrip("/")) if session in rows.to_pylist() else None


def _find_release(catalog: Catalog, name: str) -> str | None:
    """The release that begins so; None where a model does. Raises ValueError where neither does."""
    try:
        starts = begins_with("models", name)
        if len(catalog.read_latest("models", ["model_sha256"], starts)):
            return None
        return complete_id(catalog, "releases", name)
    except ValueError as error:
        raise ValueError(f"no session is called '{name}', and {error}") from error


def describe_subject(catalog: Catalog, subject: Subject) -> dict[str, Any]:
    """Everything that was ever stated of it, the newest first, and what rests on it."""
    said = [
        {**row, "summary": terms.summary if (terms := terms_of(row)) else "ended"}
        for row in reversed(read_statements(catalog, [subject.session]))
        if not subject.path or row["path"] in list_wider(subject.path)
    ]
    return {
        "kind": "session",
        "statements": said,
        **find_loss(catalog, subject).to_dict(),
    }


def describe_model(catalog: Catalog, model: ModelRow, policy: Policy) -> dict[str, Any]:
    """The sessions of its release, and of the releases of models whose weights it started from; weights from elsewhere
    are named in `starts_from`, and their terms are not known here."""
    ancestry = Ancestry(catalog)
    above = ancestry.list_above(model["model_sha256"])
    own = [ancestry.models[s.sha256] for s in above if s.sha256 in ancestry.models]
    releases = [model["release_id"], *(row["release_id"] for row in own)]
    return {
        "kind": "model",
        "task": model["task"],
        "model_sha256": model["model_sha256"],
        "release_id": model["release_id"],
        "starts_from": [asdict(start) for start in above],
        **_describe_frames(catalog, releases, policy),
    }


def describe_release(
    catalog: Catalog, release_id: str, policy: Policy
) -> dict[str, Any]:
    """The sessions that a release rests on with their terms as of today, and what all of it may be used for."""
    found = _describe_frames(catalog, [release_id], policy)
    return {"kind": "release", "release_id": release_id, **found}


def _describe_frames(
    catalog: Catalog, release_ids: Sequence[str], policy: Policy
) -> dict[str, Any]:
    columns = ["session", "capture_id"]
    where = is_in("release_id", list(release_ids))
    frames = catalog.read_latest("release_frames", columns, where)
    parts = judge_terms(catalog, frames, policy)
    return {
        "licences": sorted({part.terms.licence for part in parts if part.terms}),
        "purposes": find_purposes(parts),
        "parts": [_describe(part) for part in parts],
    }


def _describe(part: Part) -> dict[str, Any]:
    terms = part.terms
    return {
        "session": part.subject.session,
        "path": part.subject.path,
        "num_frames": part.num_frames,
        "licence": terms.licence if terms else None,
        "purposes": list(terms.purposes) if terms else None,
        "until": terms.until.isoformat() if terms and terms.until else None,
        "objection": part.objection or None,
        "is_refused": part.is_refused,
        "summary": part.line,
    }
