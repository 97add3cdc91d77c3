"""How a child that decodes foreign bytes answers: by a pipe of its own, each time with a length and JSON."""

from __future__ import annotations

import json
import os
import signal
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">Q")  # of the JSON that follows, in bytes


def open_answers() -> BinaryIO:
    """The pipe that leads to the parent, for our answers alone: what a library prints must not end up between them."""
    # Ctrl-C is for the parent, which closes our input
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def write_json(answers: BinaryIO, value: dict[str, Any]) -> None:
    """Send it, and wait for nothing."""
    body = json.dumps(value).encode()
    answers.write(LENGTH.pack(len(body)) + body)
    answers.flush()
