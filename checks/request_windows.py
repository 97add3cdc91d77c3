"""Are windows of requests apart, and did the newest look like what champions know? Verdicts on `request_windows`."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pyarrow as pa

from checks.stored_rows import StoredRows
from checks.verdicts import MAX_EXAMPLES, Rule, Verdict, nothing_checked

_MODEL = ("model_name", "model_version")


def nothing_is_over(_: StoredRows) -> str | None:
    """No rows are right where no day of requests is over."""
    return "no day in which a champion was asked about enough images is over"


def windows_are_apart(request_windows: pa.Table) -> Verdict:
    """No request is in two windows of one champion: each window ends before the next begins."""
    if not len(request_windows):
        return nothing_checked("windows_are_apart", "windows of requests")
    faults = [
        f"{before['model_name']} v{before['model_version']}: {before['window']} and {after['window']}"
        for rows in _by_model(request_windows).values()
        for before, after in pairwise(sorted(rows, key=lambda row: row["start_ns"]))
        if before["end_ns"] > after["start_ns"]
    ]
    summary = f"{len(faults)} windows of one champion overlap with the one before"
    return Verdict(
        "windows_are_apart",
        not faults,
        bool(faults),
        summary,
        len(request_windows),
        examples=tuple(faults[:MAX_EXAMPLES]),
    )


def requests_have_not_drifted(request_windows: pa.Table) -> Verdict:
    """The newest window of each task looks like its release, images and answers. Never blocks: drift is news for
    labelling and retraining; a window without a verdict does not pass."""
    if not len(request_windows):
        return nothing_checked("requests_have_not_drifted", "windows of requests")
    newest: dict[str, dict[str, Any]] = {
        row["model_name"]: row
        for row in sorted(request_windows.to_pylist(), key=lambda row: row["end_ns"])
    }
    told = "; ".join(
        f"{row['model_name']} v{row['model_version']}, {row['window']}: images {row['images_reason']}, "
        f"answers {row['answers_reason']}"
        for row in newest.values()
    )
    passed = all(
        row[name] is False
        for row in newest.values()
        for name in ("images_drifted", "answers_drifted")
    )
    return Verdict("requests_have_not_drifted", passed, False, told, len(newest))


def _by_model(rows: pa.Table) -> dict[tuple[str, int], list[dict[str, Any]]]:
    found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        found[row["model_name"], row["model_version"]].append(row)
    return found


_TIMES = (*_MODEL, "window", "start_ns", "end_ns")
_VERDICTS = (
    *_TIMES,
    *("images_drifted", "images_reason", "answers_drifted", "answers_reason"),
)
WINDOW_RULES = (
    Rule(windows_are_apart, {"request_windows": _TIMES}),
    Rule(requests_have_not_drifted, {"request_windows": _VERDICTS}),
)
