"""Who asked which tool what, how much came back and how long it took: a bounded file of the home, a JSON object a line.

Belongs here: writing and reading it. Answers are not kept, only their sizes; of arguments short texts, without the
passwords of addresses. So no value of a column, restricted or not, gets there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.addresses import hide
from orchestration.agent.answer import Answer
from orchestration.agent.bounded_log import MAX_BYTES, BoundedLog

_MAX_ARGUMENT = 200  # characters


@dataclass(frozen=True)
class Call:
    """One call. `num_facts`, `num_rows` and `num_characters` are of the answer; `error` names what was raised."""

    who: str
    tool: str
    arguments: Mapping[str, Any]
    at: str = ""
    took_s: float = 0.0
    num_facts: int = 0
    num_rows: int = 0
    num_characters: int = 0
    error: str = ""

    def end(self, answer: Answer | None, took_s: float, error: str) -> "Call":
        """The call with what came of it."""
        ended = replace(self, at=tell_now(), took_s=round(took_s, 4), error=error)
        if answer is None:
            return ended
        return replace(
            ended,
            num_facts=len(answer.facts),
            num_rows=sum(len(rows.rows) for rows in answer.rows),
            num_characters=len(json.dumps(answer.to_dict(), default=str)),
        )


class CallLog:
    """The log of one home. Several processes may write it."""

    def __init__(self, home: Path, max_bytes: int = MAX_BYTES) -> None:
        self._log = BoundedLog(home, "tool_calls", max_bytes)
        self.path = self._log.path

    def note(self, call: Call) -> None:
        """Add a call, or warn."""
        self._log.try_to_add(asdict(call) | {"arguments": shorten(call.arguments)})

    def read(self, limit: int) -> list[dict[str, Any]]:
        """The newest calls, the newest first."""
        return self._log.read(limit)


def shorten(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a log keeps them."""
    return {
        str(name)[:_MAX_ARGUMENT]: hide(str(value))[:_MAX_ARGUMENT]
        for name, value in arguments.items()
    }


def tell_now() -> str:
    """UTC, to the millisecond."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")
