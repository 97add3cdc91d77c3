"""Small pictures for many requests at once: those that wait together are read and made together.

Belongs here: who waits for which picture. Does not: how pictures are made.
"""

import asyncio
from collections.abc import Sequence

from assets.browsing.browser import Browser
from assets.browsing.frame_index import FrameMissing

_AT_ONCE = 64
_LANES = 2  # batches that are made at the same time


class ThumbnailLane:
    """Hands requests of one loop on to the thumbnails, a batch at a time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._num_busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, frame_id: str) -> bytes:
        """The JPEG. Raises FrameMissing for a frame that there is not, ValueError for one that does not decode."""
        kept = self._browser.thumbnails.find(self._browser.index, frame_id)
        if kept is not None:
            return kept
        future = self._waiting.get(frame_id)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[frame_id] = future
            self._start()
        return await asyncio.shield(future)

    def _start(self) -> None:
        if self._num_busy < _LANES:
            self._num_busy += 1
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        try:
            while self._waiting:
                names = list(self._waiting)[:_AT_ONCE]
                asked = {name: self._waiting.pop(name) for name in names}
                await self._make_some(asked)
        finally:
            self._num_busy -= 1

    async def _make_some(self, asked: dict[str, "asyncio.Future[bytes]"]) -> None:
        try:
            made = await asyncio.to_thread(self._make, list(asked))
        except Exception as error:
            for future in asked.values():
                _end(future, error)
            return
        for name, future in asked.items():
            _end(future, made.get(name, FrameMissing(name)))

    def _make(self, names: Sequence[str]) -> dict[str, bytes | ValueError]:
        return self._browser.thumbnails.make(self._browser.index, names)


def _end(future: "asyncio.Future[bytes]", result: bytes | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
        future.exception()  # whoever has gone does not ask
        return
    future.set_result(result)
