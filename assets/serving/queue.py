"""Images that wait for a replica, and the batches that form of them: what waits when a replica is free goes together.

A replica takes an equal share of what waits, up to the largest batch; where less waits, it looks again after a short
while, once. Images of one batch are of one model. Those that are compared and told to nobody wait behind all others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assets.sandbox.guard import ImageFacts

MOST_TRIES = 2  # replicas that may die while they have an image


@dataclass(frozen=True)
class BatchRules:
    """How large a batch may be, and how long one that is not full waits for more."""

    most_images: int = 4
    wait_s: float = 0.002


@dataclass(eq=False)
class Waiting:
    """One image on its way through a model."""

    model: str
    payload: bytes
    answer: asyncio.Future[Answered]
    is_measured: bool = False
    num_tries: int = 0


@dataclass(frozen=True)
class Answered:
    """What the image is, its answer as columns of `predictions`, and the batch that it was computed in.

    `work_s` is processor time, which other work on the machine does not lengthen.
    """

    facts: ImageFacts
    columns: dict[str, Any]
    batch_size: int
    seconds_per_image: float
    work_s: float  # of one image


@dataclass
class ImageQueue:
    """Waiting images of all models, in the order of their coming."""

    rules: BatchRules
    _first: deque[Waiting] = field(default_factory=deque)
    _later: deque[Waiting] = field(default_factory=deque)
    _num_free: int = 0  # replicas that ask for a batch
    _under_way: dict[str, int] = field(default_factory=dict)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    def __len__(self) -> int:
        return len(self._first) + len(self._later)

    def put(
        self,
        model: str,
        payload: bytes,
        is_urgent: bool = True,
        is_measured: bool = False,
    ) -> asyncio.Future[Answered]:
        """Let an image wait; its answer, with quality figures where `is_measured`. Who gives up cancels it."""
        future = asyncio.get_running_loop().create_future()
        waiting = Waiting(model, payload, future, is_measured)
        self._under_way[model] = self._under_way.get(model, 0) + 1
        future.add_done_callback(lambda _: self._leave(model))
        (self._first if is_urgent else self._later).append(waiting)
        self._came.set()
        return future

    def give_back(self, batch: list[Waiting], reason: str) -> None:
        """The replica that had these died: each waits again, alone and before all others, or has no answer."""
        for waiting in reversed(batch):
            waiting.num_tries += 1
            if waiting.answer.done():
                continue
            if waiting.num_tries >= MOST_TRIES:
                waiting.answer.set_exception(
                    RuntimeError(f"{MOST_TRIES} replicas ended on this image: {reason}")
                )
            else:
                self._first.appendleft(waiting)
        self._came.set()

    def put_back(self, batch: list[Waiting]) -> None:
        """No replica has had these: they wait again, before all others."""
        self._first.extendleft(reversed(batch))
        self._came.set()

    def wake(self) -> None:
        """Let those who take look whether they still have to."""
        self._came.set()

    async def take(self, is_needed: Callable[[], bool] = lambda: True) -> list[Waiting]:
        """The next batch, once there is one; an empty one where it `is_needed` no more, as `wake` lets it see."""
        self._num_free += 1
        try:
            while True:
                await self._await_image(is_needed)
                if not is_needed():
                    return []
                if len(self) < self.rules.most_images * self._num_free:
                    await asyncio.sleep(self.rules.wait_s)
                batch = self._form()
                if batch:
                    return batch
        finally:
            self._num_free -= 1

    async def drain(self, model: str) -> None:
        """Until no image is under way through the model."""
        while self._under_way.get(model):
            self._left.clear()
            await self._left.wait()

    async def _await_image(self, is_needed: Callable[[], bool]) -> None:
        while not len(self) and is_needed():
            self._came.clear()
            await self._came.wait()

    def _form(self) -> list[Waiting]:
        """Images of the model that has waited longest; those whose asker has gone are dropped."""
        for waiting in (self._first, self._later):
            while waiting and waiting[0].answer.done():
                waiting.popleft()
            if waiting:
                return self._pick(waiting)
        return []

    def _pick(self, waiting: deque[Waiting]) -> list[Waiting]:
        model = waiting[0].model
        if waiting[0].num_tries:
            return [waiting.popleft()]
        share = -(-len(waiting) // max(1, self._num_free))
        most = min(self.rules.most_images, share)
        batch: list[Waiting] = []
        rest: list[Waiting] = []
        while waiting and len(batch) < most:
            one = waiting.popleft()
            if one.answer.done():
                continue
            is_mine = one.model == model and not one.num_tries
            (batch if is_mine else rest).append(one)
        waiting.extendleft(reversed(rest))
        return batch

    def _leave(self, model: str) -> None:
        self._under_way[model] -= 1
        if not self._under_way[model]:
            del self._under_way[model]
            self._left.set()
