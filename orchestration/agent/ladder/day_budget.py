"""How many tokens the questions of a home may cost on one day of UTC, over all processes.

Belongs here: a small file with the day and its count. Does not: what one question costs. A question takes its most
before it begins, and gives back what it did not need: of two at once none spends what the other has.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from orchestration.agent.ladder.source import Limits

_LEAST = 2_000  # tokens that a question needs


class DayBudget:
    """Of one home."""

    def __init__(self, home: Path, limits: Limits) -> None:
        self._path = home / "logs" / "model_tokens.json"
        self._limits = limits

    def take(self) -> int:
        """The tokens that a question may cost now. Raises ValueError where the day has none left."""
        with self._open() as file:
            spent = _read(file)
            taken = min(self._limits.tokens, self._limits.tokens_a_day - spent)
            if taken < min(_LEAST, self._limits.tokens):
                raise ValueError(
                    f"the language model was asked for {spent} of the {self._limits.tokens_a_day} tokens of this day "
                    "(UTC): rules answer meanwhile, and DAGUERRE_ASK_TOKENS_A_DAY sets more"
                )
            _write(file, spent + taken)
        return taken

    def give_back(self, tokens: int) -> None:
        """What was taken and not needed."""
        with self._open() as file:
            _write(file, max(0, _read(file) - tokens))

    @contextmanager
    def _open(self) -> Iterator[IO[str]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _read(file: IO[str]) -> int:
    """Of this day. A file that a full disk or a person has left without sense counts as nothing."""
    file.seek(0)
    try:
        kept = json.loads(file.read())
        return int(kept["tokens"]) if kept["day"] == _name_day() else 0
    except (ValueError, KeyError, TypeError):
        return 0


def _write(file: IO[str], tokens: int) -> None:
    file.seek(0)
    file.write(json.dumps({"day": _name_day(), "tokens": tokens}))
    file.truncate()
    file.flush()


def _name_day() -> str:
    return datetime.now(UTC).date().isoformat()
