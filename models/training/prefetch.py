"""Prepare things in threads, in order, a few ahead of who uses them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")


def prefetch(
    items: Iterable[Item], prepare: Callable[[Item], Ready], num_threads: int
) -> Generator[Ready]:
    """`prepare(item)` of each item, in the order of the items; at most one more than `num_threads` wait.

    An error of `prepare` is raised where its result was due. Closing the iterator drops what has not begun.
    """
    waiting: deque[Future[Ready]] = deque()
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="prefetch")
    try:
        for item in items:
            waiting.append(pool.submit(prepare, item))
            if len(waiting) > num_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
