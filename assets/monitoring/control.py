"""When drift is an alarm: the verdicts on sessions, one after the other, with a bound on false alarms.

A verdict on one session errs once in a hundred. What is followed here is the evidence of all sessions that a champion
has judged, in that order: of its images, and of its answers (`models/metrics/sequential.py`). Windows of requests are
followed by themselves. Where they come from tends to stay, so that what differs is told once, and is learnt then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from assets.monitoring.drift import EMBEDDING
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ChampionRow, DriftRow
from assets.tables.schemas.monitoring import WHOLE_SESSION
from models.metrics.drift import MIN_UNITS
from models.metrics.sequential import THRESHOLD, Floats, chart

Subject = Literal["images", "answers"]
SUBJECTS: tuple[Subject, ...] = ("images", "answers")
TABLES_OF: dict[Subject, str] = {"images": "drift", "answers": "answer_drift"}
REQUESTS = "request_"  # before a subject, where both are told of
_COLUMNS = [
    "session",
    "sensor",
    "statistic",
    "value",
    "raw_p_value",
    "num_reference",
    "judged_ns",
]


@dataclass(frozen=True)
class Reading:
    """The evidence of a change after one session, what speaks most for it, and whether it suffices for an alarm."""

    session: str
    judged_ns: int
    evidence: float
    threshold: float
    is_alarm: bool
    sensor: str
    statistic: str
    distance: float  # standard deviations of the prediction, of this session


def follow(catalog: Catalog, champion: ChampionRow, subject: Subject) -> list[Reading]:
    """A reading a session, as the champion judged them; those without a verdict of any figure are left out."""
    where = _judged_by(champion)
    rows = catalog.read_latest(TABLES_OF[subject], _COLUMNS, where).to_pylist()
    return read_evidence(rows)


def follow_requests(
    catalog: Catalog, champion: ChampionRow, subject: Subject
) -> list[Reading]:
    """The same of windows of requests; `session` is the window's name."""
    columns = ["window", *_COLUMNS[1:]]
    where = f"{_judged_by(champion)} AND {is_in('subject', [subject])}"
    rows = catalog.read_latest("request_drift", columns, where).to_pylist()
    named = [{**row, "session": row["window"]} for row in rows]
    return read_evidence(cast(list[DriftRow], named), learns_alarms=True)


def _judged_by(champion: ChampionRow) -> str:
    return " AND ".join(
        (
            is_in("model_name", [champion["model_name"]]),
            f"model_version = {champion['model_version']}",
            is_in("release_id", [champion["release_id"]]),
        )
    )


def read_evidence(
    rows: Sequence[DriftRow], learns_alarms: bool = False
) -> list[Reading]:
    """A reading a session of drift rows by one champion. Sessions are in the order of `judged_ns`, then by name.

    Of two champions with few sessions each as many false alarms are to be expected as of one with all of them.
    """
    tests = [
        row
        for row in rows
        if row["statistic"] != WHOLE_SESSION
        and row["raw_p_value"] is not None
        and row["num_reference"] >= MIN_UNITS
    ]
    when = {row["session"]: row["judged_ns"] or 0 for row in tests}
    sessions = sorted(when, key=lambda session: (when[session], session))
    figures = sorted({(row["sensor"], row["statistic"]) for row in tests})
    distances = np.full((len(sessions), len(figures)), np.nan)
    references = np.full(len(figures), MIN_UNITS)
    row_of = {session: k for k, session in enumerate(sessions)}
    column_of = {figure: k for k, figure in enumerate(figures)}
    for row in tests:
        column = column_of[row["sensor"], row["statistic"]]
        distances[row_of[row["session"]], column] = _find_distance(row)
        references[column] = max(references[column], row["num_reference"])
    one_sided = np.array([name == EMBEDDING for _, name in figures], bool)
    found = chart(distances, references, one_sided, learns_alarms=learns_alarms)
    return [
        _read(
            session,
            when[session],
            figures,
            distances[k],
            found.evidence[k],
            bool(found.is_alarm[k]),
            float(found.total[k]),
        )
        for k, session in enumerate(sessions)
    ]


def _read(
    session: str,
    judged_ns: int,
    figures: Sequence[tuple[str, str]],
    distances: Floats,
    evidence: Floats,
    is_alarm: bool,
    total: float,
) -> Reading:
    # what the session does not have cannot be what it shows
    farthest = int(np.argmax(np.where(np.isnan(distances), -1.0, evidence)))
    sensor, statistic = figures[farthest]
    distance = float(distances[farthest])
    return Reading(
        session, judged_ns, total, THRESHOLD, is_alarm, sensor, statistic, distance
    )


def _find_distance(row: DriftRow) -> float:
    """The distance of one figure, on the scale of a normal deviation where it has no sign, or none that is finite."""
    from scipy import special

    p_value = row["raw_p_value"]
    assert p_value is not None
    if row["statistic"] == EMBEDDING:
        # of a p-value of 1 it would be infinite
        return -float(special.ndtri(min(p_value, 1.0 - 1e-9)))
    if row["value"] is None:
        return -float(special.ndtri(p_value / 2))
    return row["value"]
