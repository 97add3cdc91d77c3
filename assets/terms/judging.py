"""Hold what was stated of the sessions of a release against the policy: what of it stands against the release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import ConsentRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.terms.policy import Policy
from assets.terms.statements import (
    Subject,
    read_standing,
    terms_of,
    today,
)
from assets.terms.terms import Terms

_MOST_NAMED = 5
UNKNOWN = "nothing is stated of its licence and consent"


@dataclass(frozen=True)
class Part:
    """Frames of a release that the same statement counts for, and what stands against them; "" for nothing."""

    subject: Subject  # as the statement names it; of none: the session
    num_frames: int
    said: ConsentRow | None
    objection: str = ""
    is_refused: bool = False

    @property
    def terms(self) -> Terms | None:
        """None where nothing is stated, and where the consent has ended."""
        return terms_of(self.said) if self.said else None

    @property
    def line(self) -> str:
        """In one line, for people."""
        told = self.terms.summary if self.terms else UNKNOWN
        against = self.objection or told
        return f"{self.subject}: {self.num_frames} frames: {against}"


def judge_terms(
    catalog: Catalog, frames: pa.Table, policy: Policy, day: date | None = None
) -> list[Part]:
    """The parts of rows with `session` and `capture_id`, by session and path, as of a day, None: today."""
    parts = _find_parts(catalog, frames)
    allowed = _choose_group([p.terms.licence for p in parts if p.terms], policy)
    return [_judge(part, policy, day or today(), allowed) for part in parts]


def list_refused(parts: Sequence[Part]) -> list[str]:
    """What refuses a release, a line a session or capture."""
    return [part.line for part in parts if part.is_refused]


def warn_of(parts: Sequence[Part]) -> list[str]:
    """What is only warned of, in one sentence; nothing where there is nothing."""
    found = [str(p.subject) for p in parts if p.objection and not p.is_refused]
    if not found:
        return []
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    named = f"{', '.join(found[:_MOST_NAMED])}{more}"
    return [
        f"nothing is stated of licence and consent of {len(found)} of {len(parts)} sessions: {named}: "
        "`daguerre consent SESSION` states it"
    ]


def find_purposes(parts: Sequence[Part], day: date | None = None) -> list[str]:
    """What all of the parts may be used for on a day, None: today; nothing where of one nothing is known, or its
    consent has ended."""
    on = day or today()
    each = [
        set(terms.purposes if (terms := part.terms) and not terms.is_over(on) else ())
        for part in parts
    ]
    return sorted(set.intersection(*each)) if each else []


def write_terms(
    catalog: Catalog, release_id: str, frames: pa.Table, policy: Policy
) -> list[Part]:
    """Keep with a release under which terms its frames are, as judged now. Writing the same again changes nothing."""
    parts = judge_terms(catalog, frames, policy)
    rows = [_to_row(release_id, part, policy) for part in parts]
    known = {row["row_id"]: row for row in read_terms(catalog, release_id)}
    new = [row for row in rows if known.get(row["row_id"]) != row]
    gone = sorted(known.keys() - {row["row_id"] for row in rows})
    if new:
        catalog.upsert("release_terms", to_table(TABLES["release_terms"], new))
    if gone:
        catalog.delete_keys("release_terms", gone)
    return parts


def read_terms(catalog: Catalog, release_id: str) -> list[dict[str, Any]]:
    """Rows of `release_terms`, by session and path; none of a release from before they were kept."""
    where = f"release_id = {repr_sql(release_id)}"
    rows = catalog.read_latest("release_terms", where=where).to_pylist()
    return sorted(rows, key=lambda row: (row["session"], row["path"]))


def _find_parts(catalog: Catalog, frames: pa.Table) -> list[Part]:
    sessions = sorted(frames["session"].unique().to_pylist())
    standing = read_standing(catalog, sessions)
    paths = _read_paths(catalog, sessions)
    counts = frames.group_by(["session", "capture_id"]).aggregate([([], "count_all")])
    num_frames = Counter[Subject]()
    said: dict[Subject, ConsentRow | None] = {}
    for row in counts.to_pylist():
        session, path = row["session"], paths.get(row["capture_id"], "")
        found = standing.find(session, path)
        subject = Subject(session, found["path"] if found else "")
        num_frames[subject] += row["count_all"]
        said[subject] = found
    return [
        Part(subject, num_frames[subject], said[subject])
        for subject in sorted(said, key=str)
    ]


def _read_paths(catalog: Catalog, sessions: Sequence[str]) -> Mapping[str, str]:
    columns = ["capture_id", "path"]
    rows = catalog.read_latest("captures", columns, is_in("session", sessions))
    return {row["capture_id"]: row["path"] for row in rows.to_pylist()}


def _choose_group(licences: Sequence[str], policy: Policy) -> frozenset[str] | None:
    """The licences that may be in the release: the group that most of its parts are of; None: all may."""
    found = Counter(licences)
    if not policy.mixed or len(found) < 2:
        return None
    groups = [*policy.mixed, *(frozenset([licence]) for licence in found)]
    return max(groups, key=lambda g: (sum(found[name] for name in g), sorted(g)))


def _judge(
    part: Part, policy: Policy, day: date, allowed: frozenset[str] | None
) -> Part:
    terms = part.terms
    if part.said is None:
        return _object(part, UNKNOWN, policy.refuses_unknown)
    if terms is None:
        return _object(part, "its consent has ended")
    if terms.is_over(day):
        return _object(part, f"its consent ended with {terms.until}")
    lacking = sorted(set(policy.purposes) - set(terms.purposes))
    if lacking:
        told = f"it is for {', '.join(terms.purposes)} and not for {', '.join(lacking)}"
        return _object(part, told)
    if allowed is not None and terms.licence not in allowed:
        others = ", ".join(sorted(allowed))
        return _object(part, f"{terms.licence} may not be mixed with {others}")
    return part


def _object(part: Part, objection: str, is_refused: bool = True) -> Part:
    return Part(part.subject, part.num_frames, part.said, objection, is_refused)


def _to_row(release_id: str, part: Part, policy: Policy) -> dict[str, Any]:
    subject, terms = part.subject, part.terms
    return {
        "row_id": content_id("terms", release_id, subject.session, subject.path),
        "release_id": release_id,
        "session": subject.session,
        "path": subject.path,
        "num_frames": part.num_frames,
        "consent_id": part.said["consent_id"] if part.said else None,
        "licence": terms.licence if terms else None,
        "purposes": list(terms.purposes) if terms else None,
        "until_day": terms.until.isoformat() if terms and terms.until else None,
        "objection": part.objection or None,
        "is_refused": part.is_refused,
        "policy": policy.text,
    }
