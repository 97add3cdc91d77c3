"""Which sessions a release or model rests on, under which terms; which models saw a session; what its end costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.comparison.pair import FindVersion, find_model
from assets.departures import list_departures
from assets.exclusions import list_wider
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.class_list import count_parts
from assets.tables.ids import begins_with, complete_id
from assets.tables.releases import tabulate_classes
from assets.tables.rows import DepartureRow
from assets.terms.judging import Part, find_purposes, judge_terms
from assets.terms.policy import Policy
from assets.terms.statements import Subject, read_statements, terms_of
from models.task_names import all_task_names

_MEMBERS = [
    *("release_id", "capture_id", "session", "split"),
    *("class_id", "box_class_ids", "mask_class_ids"),
]


@dataclass(frozen=True)
class LostRelease:
    """What a release would lack. `classes` would have no example in a part: "train: cup"."""

    release_id: str
    task: str
    num_frames: int
    num_lost: int
    by_part: dict[str, int]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class LostModel:
    """A model that learnt from, or was examined on, such a release. `slices` of its exam would be gone."""

    model_sha256: str
    task: str
    release_id: str
    is_champion: bool
    slices: tuple[str, ...]


@dataclass(frozen=True)
class Loss:
    """What would be lost if the consent of a subject ended: frames, releases as they are, and models of these."""

    subject: Subject
    num_frames: int
    releases: tuple[LostRelease, ...]
    models: tuple[LostModel, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


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
    model = find_model(catalog, name, find_version)
    found = describe_release(catalog, model["release_id"], policy)
    of_model = {"kind": "model", "task": model["task"]}
    return {**found, **of_model, "model_sha256": model["model_sha256"]}


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


def find_loss(catalog: Catalog, subject: Subject) -> Loss:
    """Looks and changes nothing. Raises ValueError for a subject without a capture."""
    captures = list_captures(catalog, subject)
    where = session_is(subject.session)
    frames = catalog.read_latest("frames", ["capture_id"], where)
    members = _read_members(catalog, subject, captures)
    ids = sorted(members["release_id"].unique().to_pylist())
    releases = catalog.read_latest("releases", where=is_in("release_id", ids))
    lost = [
        _count_lost(catalog, release, _of(members, release["release_id"]))
        for release in releases.sort_by("release_id").to_pylist()
    ]
    num_frames = pc.sum(pc.is_in(frames["capture_id"], value_set=captures)).as_py()
    models = tuple(_list_models(catalog, ids, subject))
    return Loss(subject, num_frames or 0, tuple(lost), models)


def list_captures(catalog: Catalog, subject: Subject) -> pa.Array:
    """Ids of the captures at or below the path of a subject. Raises ValueError where there is none."""
    columns = ["capture_id", "path"]
    rows = catalog.read_latest("captures", columns, session_is(subject.session))
    path = subject.path.rstrip("/")
    mine = [r for r in rows.to_pylist() if not path or path in list_wider(r["path"])]
    if not mine:
        known = sorted(set(rows["path"].to_pylist()))
        remedy = (
            f"its captures are {', '.join(known[:10]) or 'none'}"
            if len(rows)
            else "`daguerre status` lists the sessions"
        )
        raise ValueError(f"{subject} has no capture: {remedy}")
    return pa.array([row["capture_id"] for row in mine], pa.string())


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


def describe_release(
    catalog: Catalog, release_id: str, policy: Policy
) -> dict[str, Any]:
    """The sessions that a release rests on with their terms as of today, and what all of it may be used for."""
    columns = ["session", "capture_id"]
    where = f"release_id = {repr_sql(release_id)}"
    frames = catalog.read_latest("release_frames", columns, where)
    parts = judge_terms(catalog, frames, policy)
    return {
        "kind": "release",
        "release_id": release_id,
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


def _read_members(catalog: Catalog, subject: Subject, captures: pa.Array) -> pa.Table:
    rows = catalog.read_latest("release_frames", _MEMBERS, session_is(subject.session))
    return rows.filter(pc.is_in(rows["capture_id"], value_set=captures))


def _of(members: pa.Table, release_id: str) -> pa.Table:
    return members.filter(pc.equal(members["release_id"], release_id))


def _count_lost(
    catalog: Catalog, release: dict[str, Any], mine: pa.Table
) -> LostRelease:
    where = f"release_id = {repr_sql(release['release_id'])}"
    whole = catalog.read_latest("release_frames", _MEMBERS, where)
    before, gone = _count_classes(whole), _count_classes(mine)
    names = release["class_names"]
    classes = tuple(
        f"{part}: {names[c]}"
        for (part, c), count in sorted(gone.items())
        if before[part, c] == count
    )
    by_part = {part: count for part, count in count_parts(mine).items() if count}
    return LostRelease(
        release["release_id"],
        release["task"],
        len(whole),
        len(mine),
        by_part,
        classes,
    )


def _count_classes(frames: pa.Table) -> Counter[tuple[str, int]]:
    rows = tabulate_classes(frames)
    pairs = zip(rows["split"].to_pylist(), rows["class_id"].to_pylist(), strict=True)
    return Counter(pairs)


def _list_models(
    catalog: Catalog, release_ids: Sequence[str], subject: Subject
) -> list[LostModel]:
    where = is_in("release_id", release_ids)
    columns = ["model_sha256", "task", "release_id"]
    models = catalog.read_latest("models", columns, where).sort_by("model_sha256")
    titles = catalog.read_latest("champions", ["model_sha256"])
    champions = set(titles["model_sha256"].to_pylist())
    slices = _read_slices(catalog, models["model_sha256"].to_pylist(), subject)
    return [
        LostModel(
            row["model_sha256"],
            row["task"],
            row["release_id"],
            row["model_sha256"] in champions,
            slices.get(row["model_sha256"], ()),
        )
        for row in models.to_pylist()
    ]


def _read_slices(
    catalog: Catalog, hashes: Sequence[str], subject: Subject
) -> dict[str, tuple[str, ...]]:
    """By model the slices of its exam that are this session's; of a part of a session none is its own."""
    if subject.path:
        return {}
    where = (
        f"{is_in('model_sha256', hashes)} AND slice_by = 'session' AND slice_value = "
        f"{repr_sql(subject.session)}"
    )
    found = catalog.read_latest("scores", ["model_sha256"], where)
    name = (f"session = {subject.session}",)
    return dict.fromkeys(found["model_sha256"].to_pylist(), name)
