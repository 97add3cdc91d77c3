"""The process that computes: models by name, images in, answers out, one message after the other.

Run as `python -m assets.serving.replica DESCRIPTOR`, with one end of a pair of sockets behind DESCRIPTOR. It ends when
the other end does, so it never outlives who started it. The images have passed the guard of that process.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assets.images import EncodedImage
from assets.inference.onnx_model import OnnxModel
from assets.inference.package import open_package
from assets.kinds import find_kind
from assets.serving.protocol import Message, receive, send


class Replica:
    """The models that this process has open."""

    def __init__(self) -> None:
        self._models: dict[str, OnnxModel] = {}

    def do(self, message: Message, pieces: Sequence[bytes]) -> Message:
        """The answer to a message; `error` where it cannot be done, and the process goes on."""
        try:
            if message["do"] == "load":
                return self._load(message)
            if message["do"] == "drop":
                self._models.pop(message["model"], None)
                return {}
            return self._ask(message["model"], pieces)
        # whatever a library makes of a model or a picture: told, and another message is taken
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:500]}

    def _load(self, message: Message) -> Message:
        if message["model"] not in self._models:
            package = open_package(Path(message["folder"]))
            self._models[message["model"]] = OnnxModel(package, message["num_threads"])
        return {}

    def _ask(self, name: str, pieces: Sequence[bytes]) -> Message:
        model = self._models[name]
        kind = find_kind(model.task)
        began_s = time.perf_counter()
        answers: list[Any] = [
            kind.list_answer(answer, model.class_names)
            for answer in model.answer(
                [EncodedImage(piece).read()[0] for piece in pieces]
            )
        ]
        return {"answers": answers, "seconds": time.perf_counter() - began_s}


def main(descriptor: str) -> None:
    """Answer until the other end goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the parent, which hangs up
    replica = Replica()
    with socket.socket(fileno=int(descriptor)) as sock:
        while (got := receive(sock)) is not None:
            send(sock, replica.do(*got))


if __name__ == "__main__":
    main(sys.argv[1])
