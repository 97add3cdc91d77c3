"""When drift becomes a request for retraining: once a session and model, and not sooner than the cool-down allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from assets.tables.rows import DriftRow, RetrainingRequestRow
from assets.tables.schemas import content_id
from assets.tables.schemas.monitoring import WHOLE_SESSION


def needs_retraining(
    drift_rows: Iterable[DriftRow],
    task: str,
    last_request_ns: int | None,
    now_ns: int,
    cooldown_s: float,
    filed: Collection[str] = (),
    model_version: int | None = None,
) -> RetrainingRequestRow | None:
    """A row for `retraining_requests`; None when nothing drifted, all is asked for, or the last request is fresh.

    `filed` are request ids that exist; `model_version` leaves out verdicts on other versions. The session first in
    order is named and the others counted. A cool-down runs from `last_request_ns` (UTC).
    """
    verdicts = [
        r
        for r in drift_rows
        if r["statistic"] == WHOLE_SESSION
        and r["is_drifted"]
        and model_version in (None, r["model_version"])
        and _request_id(task, r) not in filed
    ]
    if not verdicts or (
        last_request_ns is not None and now_ns - last_request_ns < cooldown_s * 1e9
    ):
        return None
    verdicts.sort(key=lambda r: (-r["model_version"], r["session"]))
    first = verdicts[0]
    others = len(verdicts) - 1
    reason = first["reason"] + (f"; {others} more drifted sessions" if others else "")
    return {
        "request_id": _request_id(task, first),
        "task": task,
        "session": first["session"],
        "reason": reason,
        "model_version": first["model_version"],
        "requested_ns": now_ns,
    }


def _request_id(task: str, row: DriftRow) -> str:
    return content_id("retraining", task, row["session"], row["model_version"])
