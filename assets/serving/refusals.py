"""Why a request gets no answer: an HTTP status, the reason with its value, and the remedy."""

from __future__ import annotations

import math


class Refused(Exception):
    """A request that is not answered. `retry_s` says after how long another try is worth it."""

    def __init__(
        self, status: int, reason: str, remedy: str, retry_s: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.status = status
        self.reason = reason
        self.remedy = remedy
        self.retry_s = None if retry_s is None else max(1, math.ceil(retry_s))


def busy(reason: str, retry_s: float) -> Refused:
    """More is asked than can be answered in time."""
    return Refused(503, reason, "ask again later, or start more replicas", retry_s)


def too_large(most_bytes: int) -> Refused:
    """More bytes than one image may have."""
    return Refused(
        413, f"more than {most_bytes} bytes", "scale the image, or compress it more"
    )


def too_late(budget_s: float) -> Refused:
    """The time of a request is over."""
    return Refused(
        504,
        f"no answer within {budget_s:g} s",
        "ask again later, or give `daguerre serve` a longer --timeout",
    )
