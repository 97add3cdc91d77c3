"""The process that computes: models by name, images in, answers out, one message after the other.

Run as `python -m assets.serving.replica DESCRIPTOR MEMORY`, one end of a pair of sockets and what is shared. It ends
when the other end does, so it never outlives who started it. The images are foreign: this process is confined as the
guard's children are, and a net comes to it as bytes. What it decodes it decodes once, and may die on.
"""

from __future__ import annotations

import ctypes
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from assets.inference.onnx_model import ShippedModel
from assets.inference.shipped import ShippedNet
from assets.kinds import find_kind
from assets.sandbox.child_limits import (
    ITEM_SECONDS,
    MEMORY_BYTES,
    ImageLimits,
    allow_memory,
    allow_seconds,
    limit_resources,
)
from assets.sandbox.confinement import confine
from assets.serving.pictures import LIMITS, NoPicture, Opener, Picture
from assets.serving.protocol import PLACES, Message, receive, send
from assets.serving.shared import SharedReader
from models.types import Image

_LIFE_SECONDS = 8 * 3600.0  # of processor time: then another process goes on
_NET_SECONDS = 120  # of processor time that a net may take for a batch, or to be opened
_RESERVE_BYTES = 64 << 30  # for nets, of which each is allowed what it needs
_FORM_COPIES = 4  # what a net takes while it is opened, in sizes of its file
_TOGETHER = 2  # images that a net computes at once: more take as long an image, and their share of memory each


class Replica:
    """The models that this process has open."""

    def __init__(self, limits: ImageLimits = LIMITS) -> None:
        self._models: dict[str, ShippedModel] = {}
        self._opener = Opener(limits)

    def do(self, message: Message, pieces: Sequence[bytes]) -> Message:
        """The answer to a message; `error` where it cannot be done, and the process goes on."""
        try:
            if message["do"] == "load":
                return self._load(message, pieces[0])
            if message["do"] == "drop":
                self._models.pop(message["model"], None)
                return {}
            return self._ask(message, pieces)
        # whatever a library makes of a model or a picture: told, and another message is taken
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:500]}

    def _load(self, message: Message, form: bytes) -> Message:
        if message["model"] not in self._models:
            allow_memory(_FORM_COPIES * len(form) + MEMORY_BYTES)
            allow_seconds(_NET_SECONDS)
            names = tuple(message["class_names"])
            net = ShippedNet(message["task"], names, message["side_px"], form)
            self._models[message["model"]] = ShippedModel(net, message["num_threads"])
            _give_memory_back()
        return {}

    def _ask(self, message: Message, pieces: Sequence[bytes]) -> Message:
        """An answer a picture, or why it is none; the pictures of a batch go through the net together."""
        model = self._models.get(message["model"])
        if model is None:
            return {"error": "this process could not open the model"}
        began_s, work_began_s = time.perf_counter(), time.process_time()
        opened = [
            self._open(piece, is_measured)
            for piece, is_measured in zip(pieces, message["measured"], strict=True)
        ]
        answers = _answer(model, [o.pixels for o in opened if isinstance(o, Picture)])
        said = [
            {"facts": one.facts, "columns": next(answers)}
            if isinstance(one, Picture)
            else {"refused": one.said}
            for one in opened
        ]
        return {
            "answers": said,
            "seconds": time.perf_counter() - began_s,
            "work_s": time.process_time() - work_began_s,
        }

    def _open(self, payload: bytes, is_measured: bool) -> Picture | NoPicture:
        allow_seconds(ITEM_SECONDS)
        try:
            return self._opener.open(payload, is_measured)
        except NoPicture as refusal:
            return refusal


def _answer(model: ShippedModel, images: Sequence[Image]) -> Iterator[Any]:
    """The columns of each."""
    kind = find_kind(model.task)
    for at in range(0, len(images), _TOGETHER):
        allow_seconds(_NET_SECONDS)
        for answer in model.answer(images[at : at + _TOGETHER]):
            yield kind.list_answer(answer, model.class_names)


def _give_memory_back() -> None:
    """What a net took while it was opened, as far as glibc holds it."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _load_libraries() -> None:
    """All that would be imported with the first net and its first answer: files are out of reach then."""
    import onnxruntime  # noqa: F401

    import models.semantic_maps  # noqa: F401


def main(descriptor: str, memory: str) -> None:
    """Answer until the other end goes; or until the time of this process is over, which its last answer says."""
    _load_libraries()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the parent, which hangs up
    replica = Replica()
    shared = SharedReader(int(memory))
    limit_resources(MEMORY_BYTES, _LIFE_SECONDS, _RESERVE_BYTES)
    confine()
    with socket.socket(fileno=int(descriptor)) as sock:
        while (got := receive(sock)) is not None:
            message, pieces = got
            if PLACES in message:
                pieces = shared.take(message[PLACES])
            said = replica.do(message, pieces)
            is_over = time.process_time() > _LIFE_SECONDS
            send(sock, {**said, "is_over": is_over})


if __name__ == "__main__":
    main(*sys.argv[1:])
