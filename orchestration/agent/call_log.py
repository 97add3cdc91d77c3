"""Who asked which tool what, how much came back and how long it took: a bounded file of the home, a JSON object a line.

Belongs here: writing and reading it. Answers are not kept, only their sizes; of arguments short texts, without the
passwords of addresses. So no value of a column, restricted or not, gets there.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.addresses import hide
from orchestration.agent.answer import Answer

_MAX_BYTES = 2 << 20  # of a file; there are two, the older one goes
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
        ended = replace(self, at=_now(), took_s=round(took_s, 4), error=error)
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

    def __init__(self, home: Path, max_bytes: int = _MAX_BYTES) -> None:
        self.path = home / "logs" / "tool_calls.jsonl"
        self._older = self.path.with_suffix(".1.jsonl")
        self._max_bytes = max_bytes

    def note(self, call: Call) -> None:
        """Add a line. Where the file is full it becomes the older one."""
        facts = asdict(call) | {"arguments": _shorten(call.arguments)}
        line = (json.dumps(facts, default=str) + "\n").encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / "tool_calls.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            size = self.path.stat().st_size if self.path.exists() else 0
            if size and size + len(line) > self._max_bytes:
                os.replace(self.path, self._older)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(line)

    def read(self, limit: int) -> list[dict[str, Any]]:
        """The newest calls, the newest first."""
        lines: list[str] = []
        for path in (self._older, self.path):
            lines += path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in reversed(lines[-limit:])]


def _shorten(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(name)[:_MAX_ARGUMENT]: hide(str(value))[:_MAX_ARGUMENT]
        for name, value in arguments.items()
    }


def _now() -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")
