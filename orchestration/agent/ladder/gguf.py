"""A language model in a GGUF file, read by a process of its own: it can be ended at any time, and may end by itself.

Belongs here: the process, one question after the other, within a time. Does not: how questions are put.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock
from typing import Any

from assets.sandbox.child_process import (
    Child,
    ChildGone,
    end_child,
    explain_end,
    is_ready,
    receive,
    send,
    start_child,
)
from orchestration.agent.ladder.gguf_words import NoAnswer, put_plainly, read_reply

_CHILD = "orchestration.agent.ladder.gguf_child"
_MOST_BYTES = 8 << 20  # of a message
_LOOK_S = 0.1  # between two looks whether anybody still waits


@dataclass(frozen=True)
class Patience:
    """How long an answer is waited for: until `due`, by the monotonic clock, or until somebody gives up."""

    due: float
    given_up: Event = field(default_factory=Event)

    @classmethod
    def of(cls, seconds: float) -> "Patience":
        """So long from now on."""
        return cls(time.monotonic() + seconds)

    def require(self) -> None:
        """Raises TimeoutError where there is none left."""
        if self.given_up.is_set() or time.monotonic() > self.due:
            raise TimeoutError

    def wait(self, descriptor: int, event: int) -> None:
        """Until a pipe is ready for a poll event. Raises TimeoutError."""
        while not is_ready(descriptor, event, _LOOK_S):
            self.require()


@dataclass
class GgufModel:
    """The model of a file. Its process stays, so that it reads the tools of the next question once only."""

    path: Path
    module: str = _CHILD
    _child: Child | None = None
    _lock: Lock = field(default_factory=Lock)

    def ask(self, asked: Mapping[str, Any], patience: Patience) -> dict[str, Any]:
        """The answer to a request of OpenAI's protocol; while another is asked, it waits.

        Raises NoAnswer where there is none, and TimeoutError when patience ends: the process that answers ends, too.
        """
        while not self._lock.acquire(timeout=_LOOK_S):
            patience.require()
        try:
            told = self._exchange(put_plainly(asked), patience)
        finally:
            self._lock.release()
        return read_reply(_require_answer(told))

    def stop(self) -> None:
        """End the process, which nobody else waits for."""
        child, self._child = self._child, None
        if child:
            end_child(child)

    def _exchange(self, asked: Mapping[str, Any], patience: Patience) -> dict[str, Any]:
        try:
            child = self._child or self._start(patience)
            _send(child, asked, patience)
            return _receive(child, patience)
        except ChildGone:
            gone, self._child = self._child, None
            why = explain_end(gone) if gone else ""
            raise NoAnswer(f"the process that read {self.path.name} {why}") from None
        except TimeoutError:
            # what it says later would be read as the answer to the next question
            self.stop()
            raise

    def _start(self, patience: Patience) -> Child:
        child = self._child = start_child(self.module, [self.path])
        why = _receive(child, patience)["error"]
        if why:
            self.stop()
            raise NoAnswer(
                f"llama.cpp cannot read {self.path.name} ({why}): give a whole GGUF file of a language model"
            )
        return child


@cache
def open_gguf(path: Path) -> GgufModel:
    """That of this process. Raises ValueError where nothing is installed that reads it."""
    if find_spec("xllamacpp") is None:
        raise ValueError(
            f"DAGUERRE_ASK_GGUF={str(path)!r} needs xllamacpp, which holds llama.cpp: pip install 'daguerre[gguf]'; or "
            "let llama-server read the file, and give its address as DAGUERRE_ASK_ADDRESS"
        )
    return GgufModel(path)


def _send(child: Child, asked: Mapping[str, Any], patience: Patience) -> None:
    body = json.dumps(asked).encode()
    send(child, len(body).to_bytes(4) + body, patience.wait)


def _receive(child: Child, patience: Patience) -> dict[str, Any]:
    size = int.from_bytes(receive(child, 4, patience.wait))
    if size > _MOST_BYTES:
        raise ChildGone
    told: dict[str, Any] = json.loads(receive(child, size, patience.wait))
    return told


def _require_answer(told: dict[str, Any]) -> dict[str, Any]:
    """Raises NoAnswer with what llama.cpp says of a failure: a text, or an object with a message."""
    error = told.get("error")
    if error:
        raise NoAnswer(str(error.get("message", error) if isinstance(error, dict) else error))  # fmt: skip
    return told
