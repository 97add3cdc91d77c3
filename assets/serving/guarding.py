"""Images that a replica died on, on their way through the guard, for an event loop: a thread talks to the child.

Both are started with the first such image.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from dataclasses import dataclass

from assets.sandbox.child_limits import ImageLimits
from assets.sandbox.guard import ImageFacts, ImageGuard, Refusal, Verdict
from assets.sandbox.guard_child import NO_FORMAT
from assets.serving.pictures import ENCODINGS, LIMITS, NEITHER, SEND
from assets.serving.refusals import Refused, too_large

_MOST_AT_ONCE = 16
_MOST_BYTES = 8 << 20  # of those but the last


@dataclass(frozen=True)
class _Asked:
    payload: bytes
    verdict: asyncio.Future[Verdict]
    loop: asyncio.AbstractEventLoop


class Guarded:
    """Images in, facts out; what is no sound JPEG or PNG within the limits is refused."""

    def __init__(self, limits: ImageLimits = LIMITS) -> None:
        self.limits = limits
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def inspect(self, payload: bytes) -> ImageFacts:
        """Size, encoding and quality figures of an image that decodes completely. Raises Refused (413, 415, 422)."""
        if len(payload) > self.limits.payload_bytes:
            raise too_large(self.limits.payload_bytes)
        loop = asyncio.get_running_loop()
        asked = _Asked(payload, loop.create_future(), loop)
        self._start()
        self._asked.put(asked)
        verdict = await asked.verdict
        if isinstance(verdict, Refusal) and verdict.reason == NO_FORMAT:
            raise Refused(422, f"the image {_tell(NEITHER)}", SEND)
        if isinstance(verdict, Refusal):
            raise Refused(422, f"the image {_tell(verdict.reason)}", verdict.remedy)
        if verdict.encoding not in ENCODINGS:
            raise Refused(415, f"the image is {verdict.encoding}", SEND)
        return verdict

    def close(self) -> None:
        """End the child."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()

    def _start(self) -> None:
        if self._thread is None:
            name = "image guard"
            self._thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        with ImageGuard(limits=self.limits) as guard:
            while (first := self._asked.get()) is not None:
                some = self._take_more(first)
                if some is None:
                    return
                try:
                    verdicts = guard.collect(guard.submit([a.payload for a in some]))
                except Exception as error:  # the child cannot be started at all
                    verdicts = [
                        Refusal(str(error), "look into the server's log")
                    ] * len(some)
                for asked, verdict in zip(some, verdicts, strict=True):
                    asked.loop.call_soon_threadsafe(_answer, asked.verdict, verdict)

    def _take_more(self, first: _Asked) -> list[_Asked] | None:
        """All that waits by now, as far as the guard takes it at once; None at the end."""
        some = [first]
        num_bytes = len(first.payload)
        while len(some) < _MOST_AT_ONCE and num_bytes < _MOST_BYTES:
            try:
                another = self._asked.get_nowait()
            except queue.Empty:
                break
            if another is None:
                return None
            some.append(another)
            num_bytes += len(another.payload)
        return some


def _answer(verdict: asyncio.Future[Verdict], found: Verdict) -> None:
    if not verdict.done():
        verdict.set_result(found)


def _tell(reason: str) -> str:
    """The guard's words after "the image": "does not decode: ...", or "is refused: 1x9 px ..."."""
    return reason if reason.startswith("does not") else f"is refused: {reason}"
