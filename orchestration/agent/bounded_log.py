"""A bounded file of a home with a JSON object a line, which several processes may write.

Belongs here: writing and reading lines. Does not: what they say.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_BYTES = 2 << 20  # of a file; there are two, the older one goes


class BoundedLog:
    """`logs/NAME.jsonl` of one home, and the file before it."""

    def __init__(self, home: Path, name: str, max_bytes: int = MAX_BYTES) -> None:
        self.path = home / "logs" / f"{name}.jsonl"
        self._lock = self.path.with_suffix(".lock")
        self._older = self.path.with_suffix(".1.jsonl")
        self._max_bytes = max_bytes

    def add(self, facts: Mapping[str, Any]) -> None:
        """Add a line. Where the file is full it becomes the older one."""
        line = (json.dumps(facts, default=str) + "\n").encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            size = self.path.stat().st_size if self.path.exists() else 0
            if size and size + len(line) > self._max_bytes:
                os.replace(self.path, self._older)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(line)

    def read(self, limit: int) -> list[dict[str, Any]]:
        """The newest lines, the newest first."""
        lines: list[str] = []
        for path in (self._older, self.path):
            lines += path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in reversed(lines[-limit:])]
