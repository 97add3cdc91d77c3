"""Drift as a page shows it: the verdict on each session, its tests, and a chart a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assets.previews.drawing import as_data_uri
from assets.previews.drift import drift_plot
from assets.previews.gallery import Draw, name_subject
from assets.tables.rows import DriftRow
from assets.tables.schemas.monitoring import WHOLE_SESSION

MAX_DRIFT_LINES = 60


def describe_drift(drift_rows: Sequence[DriftRow]) -> dict[str, Any]:
    """Verdict per session and model, every test below it, and the chart."""
    rows = sorted(drift_rows, key=_place_drift)
    groups: dict[tuple[str, str], list[DriftRow]] = {}
    for row in rows:
        groups.setdefault(
            (row["session"], f"{row['model_name']} v{row['model_version']}"), []
        ).append(row)
    sessions = [
        {
            "session": session,
            "model": name,
            "is_drifted": join_verdicts(tests),
            "num_frames": tests[0]["num_frames"],
            "reason": tests[0].get("reason") or "",
            "num_alarms": sum(bool(t["is_drifted"]) for t in tests),
            "tests": tests,
            "p_value": tests[0]["p_value"]
            if tests[0]["statistic"] == WHOLE_SESSION
            else None,
        }
        for (session, name), tests in groups.items()
    ]
    charts = []
    for name in dict.fromkeys(name for _, name in groups):
        mine = {session: tests for (session, of), tests in groups.items() if of == name}
        drawn = _choose_drawn(mine)
        first = next(iter(mine.values()))[0]
        subject = name_subject(name, first["release_id"])
        draw = _draw_drift([row for session in drawn for row in mine[session]], subject)
        charts.append(
            {
                "name": name,
                "pair": draw_both(draw),
                "num_drawn": len(drawn),
                "num_sessions": len(mine),
            }
        )
    return {"sessions": sessions, "charts": charts}


def _choose_drawn(tests_of: Mapping[str, Sequence[DriftRow]]) -> list[str]:
    """The sessions that fit into the picture, whole: those that drifted first, then the last in order."""
    names = sorted(
        tests_of, key=lambda s: (bool(join_verdicts(tests_of[s])), s), reverse=True
    )
    drawn: list[str] = []
    num_lines = 0
    for session in names:
        num_lines += len({row["sensor"] for row in tests_of[session]})
        if drawn and num_lines > MAX_DRIFT_LINES:
            break
        drawn.append(session)
    return sorted(drawn)


def _place_drift(row: DriftRow) -> tuple[str, str, bool, str]:
    """By session and model, the verdict on the whole session first."""
    return (
        row["session"],
        row["model_name"],
        row["statistic"] != WHOLE_SESSION,
        row["sensor"],
    )


def _draw_drift(rows: Sequence[DriftRow], subject: str) -> Draw:
    return lambda theme: drift_plot(rows, subject, theme)


def join_verdicts(tests: Sequence[DriftRow]) -> bool | None:
    """The verdict on the whole session where there is one, else an alarm if any test raised one."""
    if tests[0]["statistic"] == WHOLE_SESSION:
        return tests[0]["is_drifted"]
    known = [bool(t["is_drifted"]) for t in tests if t["is_drifted"] is not None]
    return any(known) if known else None


def draw_both(draw: Draw) -> dict[str, str]:
    """A chart for light and for dark pages, as data URIs."""
    return {theme: as_data_uri(draw(theme)) for theme in ("light", "dark")}
