"""Which sessions have no tracks of what the champion of detection found, or such that would be made otherwise now."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from assets.retrieval.stale_reasons import CODE, INPUT, MAX_HASHED, MISSING
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import ModelRef
from assets.tracking.method_of_asset import choose_asset_method
from assets.tracking.recordings import read_recordings
from assets.tracking.rows import Method
from assets.tracking.tracked import (
    Stored,
    find_difference,
    name_version,
    read_stored,
)
from models.task_names import DETECTION

_ANSWERS = "predictions"
_BESIDE = ("frames", "signals", "calibrations", "labels")
_NOT_JOINED = "the champion's answers are not joined to tracks"


@dataclass(frozen=True)
class DueTracks:
    """A session whose tracks a run would make, for one reason. `num_rows`: boxes that would be made anew; None where
    that is not known before."""

    session: str
    reason: str
    why: str
    num_rows: int | None


def list_due(
    catalog: Catalog, sessions: Collection[str] | None = None
) -> tuple[list[DueTracks], bool]:
    """By session and reason, and whether inputs were compared too, which reads all answers of the champion.

    `sessions` None: all.
    """
    asked = choose_asset_method(catalog)
    if asked is None:
        return [], True
    model, method = asked
    where = (
        f"task = '{DETECTION}' AND purpose = 'monitoring' "
        f"AND model_sha256 = {repr_sql(model['model_sha256'])}"
    )
    if sessions is not None:
        where = f"{where} AND {is_in('session', sorted(sessions))}"
    answers = catalog.read("predictions", ["session"], where)["session"]
    is_compared = len(answers) <= MAX_HASHED
    find = _find_due if is_compared else _find_other_code
    due = [
        one
        for session in sorted(answers.unique().to_pylist())
        for one in find(catalog, session, model, method)
    ]
    return due, is_compared


def is_due(catalog: Catalog, session: str) -> bool:
    """Whether a run would make tracks of the session anew."""
    asked = choose_asset_method(catalog)
    return asked is not None and any(_find_due(catalog, session, *asked))


def list_tokens(catalog: Catalog) -> dict[str, str]:
    """session -> what its tracks follow from, in 16 digits: champion, code, and which rows were published.

    Where that is as it was, its tracks are due as they were. Sessions with answers of any model are there.
    """
    asked = choose_asset_method(catalog)
    if asked is None:
        return {}
    model, method = asked
    published: dict[str, dict[str, int]] = defaultdict(dict)
    for table in (_ANSWERS, *_BESIDE):
        for row in catalog.publications(table):
            if not row["is_held"]:
                published[row["session"]][table] = row["version"]
    made_by = (model["model_sha256"], name_version(method))
    return {
        session: hashlib.sha256(repr((made_by, versions)).encode()).hexdigest()[:16]
        for session, versions in sorted(published.items())
        if _ANSWERS in versions
    }


def _find_due(
    catalog: Catalog, session: str, model: ModelRef, method: Method
) -> Iterator[DueTracks]:
    sha256 = model["model_sha256"]
    stored = read_stored(catalog, session, sha256, method)
    version = name_version(method)
    rows: dict[tuple[str, str], int | None] = {}
    for recording in read_recordings(catalog, session, sha256):
        if not recording.answers:
            continue
        before = stored.find(recording, sha256, method)
        if before is None:
            rows[MISSING, _NOT_JOINED] = None
        elif why := find_difference(before, recording, version):
            key = (INPUT if before["code_version"] == version else CODE, why)
            rows[key] = (rows.get(key) or 0) + len(stored.rows_of(before))
    for (reason, why), count in rows.items():
        yield DueTracks(session, reason, why, count)


def _find_other_code(
    catalog: Catalog, session: str, model: ModelRef, method: Method
) -> Iterator[DueTracks]:
    stored: Stored = read_stored(catalog, session, model["model_sha256"], method)
    version = name_version(method)
    made_by = {one["code_version"] for one in stored.known.values()} - {version}
    for code in sorted(made_by):
        count = sum(
            len(stored.rows_of(one))
            for one in stored.known.values()
            if one["code_version"] == code
        )
        yield DueTracks(session, CODE, f"{code} made them, {version} would", count)
