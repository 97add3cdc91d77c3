"""Does the world still look as it did in training? What is claimed of the drift verdicts on a session."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from checks.verdicts import MAX_EXAMPLES, Rule, Verdict, nothing_checked

ALL_SENSORS = "all"  # the sensor of the row that holds the session's verdict


def session_has_not_drifted(drift: pa.Table) -> Verdict:
    """The session looks like the release that the newest champions were trained on. Never blocks: a drifted session is
    news for labelling and retraining, not a fault of its rows; nor does a session without a verdict pass."""
    rows = _newest_versions(drift)
    sessions = [r for r in rows if r["sensor"] == ALL_SENSORS]
    alarms = [r for r in rows if r["is_drifted"] and r["sensor"] != ALL_SENSORS]
    sensors = sorted({r["sensor"] for r in alarms})
    figures: dict[str, float | int | str] = {
        "drifted_sensors": ", ".join(sensors) or "none"
    }
    p_values = [r["p_value"] for r in sessions if r["p_value"] is not None]
    if p_values:
        figures |= {
            "p_value": min(p_values),
            "false_alarm_rate": max(r["threshold"] for r in sessions),
        }
    name = "session_has_not_drifted"
    if not sessions:
        return nothing_checked(name, "drift verdicts on a session")
    passed = all(r["is_drifted"] is False for r in sessions)
    summary = "; ".join(
        f"{r['model_name']} version {r['model_version']}: {r['reason']}"
        for r in sessions
    )
    return Verdict(
        name,
        passed,
        False,
        summary,
        len(rows),
        figures,
        tuple(map(_describe, alarms[:MAX_EXAMPLES])),
    )


_DRIFT = (
    "sensor",
    "statistic",
    "value",
    "p_value",
    "threshold",
    "is_drifted",
    "model_name",
    "model_version",
    "reason",
)
DRIFT_RULES = (Rule(session_has_not_drifted, {"drift": _DRIFT}),)


def _newest_versions(drift: pa.Table) -> list[dict[str, Any]]:
    rows = drift.to_pylist()
    newest: dict[str, int] = {}
    for row in rows:
        newest[row["model_name"]] = max(
            newest.get(row["model_name"], 0), row["model_version"]
        )
    return [r for r in rows if r["model_version"] == newest[r["model_name"]]]


def _describe(row: dict[str, Any]) -> str:
    distance = (
        "" if row["value"] is None else f" by {row['value']:.3g} standard deviations"
    )
    return f"{row['sensor']}: {row['statistic']}{distance}, p {row['p_value']:.3g}, threshold {row['threshold']:.3g}"
