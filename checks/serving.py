"""The gate of serving: the requests that were sampled, judged as a whole; a home that nobody asks has none."""

from __future__ import annotations

from checks.gate import Gate
from checks.stored_rows import StoredRows


def nobody_asked(_: StoredRows) -> str | None:
    """No rows are right where no server runs, or none samples."""
    return "no request was sampled, or all are older than they are kept"


GATES = (
    Gate("requests", may_be_empty=nobody_asked, has_readers=False),
    Gate("canary_returns", has_readers=False),
)
WHOLE_ASSETS = {"requests": ("requests",)}
