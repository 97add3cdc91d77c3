"""A bounded file of a home with a JSON object a line, which several processes may write.

Belongs here: writing and reading lines. Does not: what they say.
"""

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

_log = logging.getLogger("daguerre.agent")
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
                size = 0
            if not _ends_a_line(self.path, size):
                line = b"\n" + line
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(line)

    def try_to_add(self, facts: Mapping[str, Any]) -> None:
        """Add a line, or warn where the disk is full or may not be written: what was found out is not lost for it."""
        try:
            self.add(facts)
        except OSError as error:
            _log.warning(
                "%s is not written, so that nothing tells of this call: %s",
                self.path,
                error,
            )

    def read(self, limit: int) -> list[dict[str, Any]]:
        """The newest lines, the newest first; without those that a full disk or a lost machine has cut."""
        lines: list[str] = []
        for path in (self._older, self.path):
            lines += _read_lines(path)
        found = (_read(line) for line in reversed(lines))
        return list(islice((facts for facts in found if facts is not None), limit))


def _read_lines(path: Path) -> list[str]:
    """None where the file is not there, or has just become the older one."""
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _read(line: str) -> dict[str, Any] | None:
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None


def _ends_a_line(path: Path, size: int) -> bool:
    """Whether the next line begins as one of its own."""
    if not size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
