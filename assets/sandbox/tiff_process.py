"""Have stored TIFFs, HEIC and AVIF decoded in a child process, and masks and label images as they are read: libtiff,
libheif, libaom and Pillow stay out of trainings, of intake, and of all else that looks at pictures.

One child a process, started with the first such picture, for all its threads in turn.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import threading
from contextlib import suppress
from typing import Any

import numpy as np

from assets.sandbox.child_answers import LENGTH
from assets.sandbox.child_process import (
    RETIRED,
    SILENCE_SECONDS,
    Child,
    ChildGone,
    end_child,
    explain_end,
    is_ready,
    receive,
    send,
    start_child,
    widen,
)
from assets.sandbox.tiff_requests import REQUEST, WHAT

_MAX_HEAD_BYTES = 1 << 10
_MAX_PIXEL_BYTES = 2 << 30
_KINDS = {"mask": "mask", "numbers": "label image", "colours": "label image"}


class TiffDecoder:
    """Decodes TIFFs as `assets.images` does, in a child of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._kind = "TIFF"

    def decode(self, what: str, payload: bytes | memoryview) -> Any:
        """(H, W, 3) or (H, W) uint8: what `decode_<what>` gives. Raises ValueError, also where the child dies of it."""
        with self._lock:
            self._kind = _KINDS.get(what, "TIFF")
            try:
                return self._ask(what, payload)
            except _Retired:
                return self._ask(what, payload)

    def close(self) -> None:
        """End the child. The next TIFF starts another."""
        with self._lock:
            if self._child is not None:
                end_child(self._child)
            self._child = None

    def _ask(self, what: str, payload: bytes | memoryview) -> Any:
        child = self._child = self._child or _start()
        try:
            with suppress(ChildGone):  # its answer tells
                send(child, REQUEST.pack(WHAT.index(what), len(payload)), _wait)
                send(child, bytes(payload), _wait)
            answer = _receive(child)
        except ChildGone:
            self._child = None
            reason = explain_end(child)
            kind = _Retired if child.returncode == RETIRED else ValueError
            raise kind(f"the decoder of a {self._kind} {reason}") from None
        except BaseException as error:  # a late answer must not be taken for the next
            self._child = None
            end_child(child)
            if not isinstance(error, TimeoutError):
                raise
            silent = (
                f"the decoder of a {self._kind} gave no answer in {SILENCE_SECONDS} s"
            )
            raise ValueError(silent) from None
        if isinstance(answer, str):
            raise ValueError(answer)
        return answer


class _Retired(ValueError):
    """The child has worked long enough. Another one answers."""


def _start() -> Child:
    child = start_child("assets.sandbox.tiff_child", ())
    assert child.stdin and child.stdout
    widen(child.stdin)
    widen(child.stdout)
    return child


def _receive(child: Child) -> Any:
    size = LENGTH.unpack(receive(child, LENGTH.size, _wait))[0]
    if size > _MAX_HEAD_BYTES:
        raise ChildGone
    try:
        facts = json.loads(bytes(receive(child, size, _wait)))
        shape = facts.get("shape")
        num_bytes = math.prod(shape or ())
    except (ValueError, TypeError, AttributeError):
        raise ChildGone from None
    if shape is None:
        return str(facts.get("error"))
    if not 0 < num_bytes <= _MAX_PIXEL_BYTES:
        raise ChildGone
    return np.frombuffer(receive(child, num_bytes, _wait), np.uint8).reshape(shape)


def _wait(descriptor: int, event: int) -> None:
    if not is_ready(descriptor, event, SILENCE_SECONDS):
        raise TimeoutError


_of_process: dict[int, TiffDecoder] = {}  # a fork has its own


def decode_tiff(what: str, payload: bytes | memoryview) -> Any:
    """What `assets.images.decode_<what>` gives, from the child of this process. Raises ValueError."""
    return _find_decoder().decode(what, payload)


def decode_mask(payload: bytes | memoryview) -> Any:
    """(H, W) uint8 of a PNG, from the child of this process: 1 where it is opaque, or where one of a single channel
    is not 0. Raises ValueError."""
    return _find_decoder().decode("mask", payload)


def decode_labels(what: str, payload: bytes | memoryview) -> Any:
    """The stored numbers of a PNG, from the child of this process: "numbers", (H, W) uint8, of one channel of 8 bits or
    one, indices where it has a palette; "colours", (H, W, 3) uint8, of RGB. Raises ValueError."""
    return _find_decoder().decode(what, payload)


def _find_decoder() -> TiffDecoder:
    pid = os.getpid()
    decoder = _of_process.get(pid)
    if decoder is None:
        decoder = _of_process.setdefault(pid, TiffDecoder())
        atexit.register(_close, pid)
    return decoder


def _close(pid: int) -> None:
    """A fork runs what its parent has registered, too, and leaves the parent's child alone."""
    if pid == os.getpid():
        _of_process[pid].close()
