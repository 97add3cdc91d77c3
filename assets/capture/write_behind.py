"""Write in a thread while the next batch is read and decoded: one write at a time, in the order they were given.

What waits for a disk then costs no time of the processors, as long as the disk is faster than the decoders.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriteBehind:
    """One write under way. Its thread is started by the first one; `close` ends it."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: Future[None] | None = None

    def begin(self, write: Callable[[], None]) -> None:
        """Begin to write when what was begun before is done. Raises what that raised: this is not written then."""
        self.wait()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "write-behind")
        self._under_way = self._pool.submit(write)

    def wait(self) -> None:
        """Until what was begun is done. Raises what it raised, once."""
        under_way, self._under_way = self._under_way, None
        if under_way:
            under_way.result()

    def close(self) -> None:
        """Let what was begun come to its end, and drop what it raises: whoever wants to know has waited."""
        if self._pool:
            self._pool.shutdown()
            self._pool = self._under_way = None
