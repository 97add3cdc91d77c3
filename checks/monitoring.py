"""What is asked of a model at work: its predictions are whole, and the world still looks as it did in training."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from checks.verdicts import MAX_EXAMPLES, Rule, Verdict, judge_share, nothing_checked

ALL_SENSORS = "all"  # the sensor of the row that holds the session's verdict


def session_has_not_drifted(drift: pa.Table) -> Verdict:
    """The session looks like the release that the newest champions were trained on. Never blocks: a drifted session is
    news for labelling and retraining, not a fault of its rows; nor does a session without a verdict pass."""
    rows = _newest_versions(drift)
    sessions = [r for r in rows if r["sensor"] == ALL_SENSORS]
    alarms = [r for r in rows if r["is_drifted"] and r["sensor"] != ALL_SENSORS]
    sensors = sorted({r["sensor"] for r in alarms})
    figures: dict[str, float | int | str] = {"drifted_sensors": ", ".join(sensors) or "none"}
    p_values = [r["p_value"] for r in sessions if r["p_value"] is not None]
    if p_values:
        figures |= {"p_value": min(p_values), "false_alarm_rate": max(r["threshold"] for r in sessions)}
    name = "session_has_not_drifted"
    if not sessions:
        return nothing_checked(name, "drift verdicts on a session")
    passed = all(r["is_drifted"] is False for r in sessions)
    summary = "; ".join(f"{r['model_name']} version {r['model_version']}: {r['reason']}" for r in sessions)
    return Verdict(name, passed, False, summary, len(rows), figures, tuple(map(_describe, alarms[:MAX_EXAMPLES])))


def predictions_are_whole(predictions: pa.Table) -> Verdict:
    """Every prediction has one class per score, scores in [0, 1], and four numbers a box or a mask a class."""
    faults = [(r["prediction_id"], _find_fault(r)) for r in predictions.to_pylist()]
    return judge_share(
        "predictions_are_whole", num_checked=len(faults), offenders=[f"{i}: {f}" for i, f in faults if f],
        of="predictions", fault="do not fit together",
    )  # fmt: skip


_DRIFT = (
    "sensor", "statistic", "value", "p_value", "threshold", "is_drifted", "model_name", "model_version", "reason",
)  # fmt: skip
DRIFT_RULES = (Rule(session_has_not_drifted, {"drift": _DRIFT}),)
PREDICTION_RULES = (
    Rule(
        predictions_are_whole,
        {"predictions": ("prediction_id", "task", "boxes_xyxy", "class_names", "scores", "mask_rles")},
    ),
)


def _newest_versions(drift: pa.Table) -> list[dict[str, Any]]:
    rows = drift.to_pylist()
    newest: dict[str, int] = {}
    for row in rows:
        newest[row["model_name"]] = max(newest.get(row["model_name"], 0), row["model_version"])
    return [r for r in rows if r["model_version"] == newest[r["model_name"]]]


def _describe(row: dict[str, Any]) -> str:
    distance = "" if row["value"] is None else f" by {row['value']:.3g} standard deviations"
    return f"{row['sensor']}: {row['statistic']}{distance}, p {row['p_value']:.3g}, threshold {row['threshold']:.3g}"


def _find_fault(row: dict[str, Any]) -> str | None:
    num_scores, num_boxes = len(row["scores"]), len(row["boxes_xyxy"])
    if num_scores != len(row["class_names"]):
        return f"{num_scores} scores for {len(row['class_names'])} classes"
    if any(not 0 <= s <= 1 for s in row["scores"]):
        return "a score outside of [0, 1]"
    if row["task"] == "detection" and num_boxes != 4 * num_scores:
        return f"{num_boxes} numbers for {num_scores} boxes"
    if row["task"] != "detection" and not num_scores:
        return "no class"
    if row["task"] == "segmentation" and len(row["mask_rles"] or ()) != num_scores:
        return f"{len(row['mask_rles'] or ())} masks for {num_scores} classes"
    return None
