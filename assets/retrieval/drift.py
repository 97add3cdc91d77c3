"""How the world moves under the champions, as plain values: readings, estimates, feeds, alarms. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from assets.monitoring.control import (
    REQUESTS,
    SUBJECTS,
    TABLES_OF,
    Reading,
    follow,
    follow_requests,
)
from assets.monitoring.feeds import Feed, read_feeds
from assets.monitoring.pending import champions
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.rows import ChampionRow
from assets.tables.schemas.monitoring import WHOLE_SESSION
from models.metrics.sequential import THRESHOLD

Row = dict[str, Any]
_WINDOW = (
    "window",
    "start_ns",
    "end_ns",
    "task",
    "num_images",
    "num_judged",
    "metric",
    "estimate",
    "error",
    "reference",
    "estimate_reason",
)
_ESTIMATE = (
    "session",
    "task",
    "model_version",
    "metric",
    "value",
    "error",
    "value_of_labelled",
    "truth",
    "num_labelled",
    "reference",
    "reason",
)


class _Verdict(NamedTuple):
    """On one session or window."""

    drifted: bool | None
    p_value: float | None
    reason: str


def read_drift(catalog: Catalog, sessions: Sequence[str] = ()) -> dict[str, list[Row]]:
    """Of champions, and of the sessions that match one of these names, or all: in the order in which they were judged.

    Windows of requests and feeds are all there are. Alarms are those that were to be told, the newest first. Raises
    ValueError for a name that no stored session matches.
    """
    _require_stored(catalog, sessions)
    promoted = champions(catalog)
    readings = [
        row
        for champion in promoted
        for row in _list_readings(catalog, champion)
        if _is_asked(row, sessions)
    ]
    mine = {(c["model_name"], c["model_version"]) for c in promoted}
    estimates = [
        {name: row[name] for name in _ESTIMATE}
        for row in catalog.read_latest("estimates").to_pylist()
        if (row["model_name"], row["model_version"]) in mine
        and _is_asked(row, sessions)
    ]
    alarms = catalog.read_latest("alarms", where="is_told").to_pylist()
    return {
        "readings": readings,
        "estimates": sorted(estimates, key=lambda r: (r["session"], r["task"])),
        "requests": [
            row for champion in promoted for row in _list_windows(catalog, champion)
        ],
        "feeds": [describe_feed(feed) for feed in read_feeds(catalog)],
        "alarms": sorted(alarms, key=lambda row: -row["raised_ns"]),
    }


def _require_stored(catalog: Catalog, names: Sequence[str]) -> None:
    if not names:
        return
    stored = catalog.read_latest("frames", ["session"])["session"].unique().to_pylist()
    for name in names:
        if not any(fnmatchcase(session, name) for session in stored):
            raise ValueError(
                f"session '{name}' has no frames: `daguerre status` lists the sessions"
            )


def _is_asked(row: Row, sessions: Sequence[str]) -> bool:
    return not sessions or any(fnmatchcase(row["session"], name) for name in sessions)


def describe_feed(feed: Feed) -> Row:
    """A feed as plain values."""
    return {
        "sensor": feed.sensor,
        "state": feed.state,
        "num_recordings": feed.num_recordings,
        "newest_ns": feed.newest_ns,
        "limit_ns": feed.limit_ns,
        "reason": feed.reason,
    }


def _list_readings(catalog: Catalog, champion: ChampionRow) -> list[Row]:
    """A row a session that was judged, of images and of answers; without evidence where no figure could be tested."""
    rows: list[Row] = []
    for subject, table in TABLES_OF.items():
        columns = ["session", "is_drifted", "p_value", "reason"]
        where = (
            f"statistic = {repr_sql(WHOLE_SESSION)} AND model_name = {repr_sql(champion['model_name'])} "
            f"AND model_version = {champion['model_version']}"
        )
        verdicts = {
            row["session"]: row
            for row in catalog.read_latest(table, columns, where).to_pylist()
        }
        for reading in follow(catalog, champion, subject):
            verdict = verdicts[reading.session]
            found = _Verdict(
                verdict["is_drifted"], verdict["p_value"], verdict["reason"]
            )
            row = _describe_reading(champion, subject, found, reading)
            rows.append({"session": reading.session, **row})
    return rows


def _list_windows(catalog: Catalog, champion: ChampionRow) -> list[Row]:
    """A row a window of requests and subject, with the window's estimate; evidence is None where nothing was tested."""
    mine = f"model_name = {repr_sql(champion['model_name'])} AND model_version = {champion['model_version']}"
    windows = catalog.read_latest("request_windows", where=mine).sort_by("end_ns")
    rows: list[Row] = []
    for subject in SUBJECTS:
        reading_of = {
            reading.session: reading
            for reading in follow_requests(catalog, champion, subject)
        }
        for window in windows.to_pylist():
            found = _Verdict(
                *(window[f"{subject}_{name}"] for name in _Verdict._fields)
            )
            told = {name: window[name] for name in _WINDOW}
            reading = reading_of.get(window["window"])
            row = _describe_reading(champion, REQUESTS + subject, found, reading)
            rows.append(told | row)
    return sorted(rows, key=lambda row: row["end_ns"])


def _describe_reading(
    champion: ChampionRow, subject: str, verdict: _Verdict, reading: Reading | None
) -> Row:
    return {
        "subject": subject,
        "model_name": champion["model_name"],
        "model_version": champion["model_version"],
        "is_drifted": verdict.drifted,
        "p_value": verdict.p_value,
        "verdict": verdict.reason,
        "evidence": reading and reading.evidence,
        "threshold": THRESHOLD,
        "is_alarm": bool(reading and reading.is_alarm),
        "sensor": reading and reading.sensor,
        "statistic": reading and reading.statistic,
        "distance": reading and reading.distance,
    }
