"""The processes that answer: kept running, given batches, told which models to have open.

One that dies is started again after a pause, also where it had nothing to do; the images that it had go to another one,
once, and before that through the guard: what has ended a replica may end the next. What one says is checked: foreign
bytes are opened in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.inference.package import open_package
from assets.inference.shipped import ship
from assets.serving.answers import NoAnswers, read_answers
from assets.serving.children import Child, ChildLost, start_child
from assets.serving.guarding import Guarded
from assets.serving.protocol import Message
from assets.serving.queue import MOST_TRIES, ImageQueue, Waiting
from assets.serving.refusals import Refused
from assets.serving.shared import SharedMemory

_MODULE = "assets.serving.replica"
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0
_SILENCE_S = 120.0  # that a replica may take for a message
_log = logging.getLogger("daguerre.serving")


@dataclass(frozen=True)
class OpenModel:
    """A package on this machine, by the model's sha256."""

    model_sha256: str
    folder: Path


class CannotLoad(ValueError):
    """A replica cannot open a model; the message says why."""


class Replicas:
    """A number of processes that take batches from one queue."""

    def __init__(
        self,
        queue: ImageQueue,
        num_replicas: int,
        num_threads: int,
        log: Path | None = None,
    ) -> None:
        self._queue = queue
        self._num_threads = num_threads
        self._log = log
        self._guarded = Guarded()
        self._models: dict[str, OpenModel] = {}
        self._children: dict[int, Child] = {}
        self._runners: list[asyncio.Task[None]] = []
        self._places = range(num_replicas)
        self._num_answered: Counter[int] = Counter()  # batches, by place
        self._num_ended: Counter[str] = Counter()  # replicas that opened a model
        self.num_lost = 0

    @property
    def num_ready(self) -> int:
        """Those that answer now."""
        return sum(not child.is_gone for child in self._children.values())

    @property
    def pids(self) -> list[int]:
        """Of those that answer now."""
        return [child.pid for child in self._children.values()]

    async def start(self) -> None:
        """Start all, and wait until they take messages."""
        first = [asyncio.Event() for _ in self._places]
        self._runners = [
            asyncio.create_task(self._keep(place, is_up))
            for place, is_up in zip(self._places, first, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in first))

    async def close(self) -> None:
        """End all."""
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        self._guarded.close()

    async def load(self, model: OpenModel) -> None:
        """Let every replica have the model, also those that start later. Raises CannotLoad, and then none has it."""
        first = next(iter(self._children.values()), None)
        if first is not None:
            await self._try_out(first, model)
        self._models[model.model_sha256] = model
        others = [child for child in self._children.values() if child is not first]
        loading = [self._load(child, model) for child in others]
        found = await asyncio.gather(*loading, return_exceptions=True)
        for error in found:
            if isinstance(error, CannotLoad):
                await self.drop(model.model_sha256)
                raise error

    async def _try_out(self, child: Child, model: OpenModel) -> None:
        """Open a model in one replica: on what ends it the others do not end as well. Raises CannotLoad."""
        name = model.model_sha256
        if self._num_ended[name] >= MOST_TRIES:
            raise CannotLoad(
                f"model {name[:16]} has ended {MOST_TRIES} replicas that opened it: the server's log says more"
            )
        try:
            await self._load(child, model)
        except ChildLost as error:
            self._num_ended[name] += 1
            raise CannotLoad(f"model {name[:16]} cannot be opened: {error}") from error

    async def drop(self, model_sha256: str) -> None:
        """Let the model go, when nothing is under way through it."""
        await self._queue.drain(model_sha256)
        self._models.pop(model_sha256, None)
        message = {"do": "drop", "model": model_sha256}
        asking = [child.ask(message) for child in self._children.values()]
        await asyncio.gather(*asking, return_exceptions=True)

    async def _keep(self, place: int, is_up: asyncio.Event) -> None:
        """One replica's place: a process, and the next one when it dies, later where it did nothing but die."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                child = await self._start()
            except OSError as error:  # no memory, processes or files are left
                _log.warning(
                    f"replica {place} cannot be started, and is tried again in {pause_s:g} s: {error}"
                )
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            num_before = self._num_answered[place]
            try:
                await self._load_all(child)
                self._children[place] = child
                is_up.set()
                await self._work(child, place)
                continue  # its time was over
            except ChildLost as error:
                self.num_lost += 1
                if self._num_answered[place] > num_before:
                    pause_s = _FIRST_PAUSE_S
                _log.warning(
                    f"replica {place} is started again in {pause_s:g} s: {error}"
                )
            finally:
                self._children.pop(place, None)
                await child.end()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _start(self) -> Child:
        """A process of its own memory. Raises OSError."""
        memory = SharedMemory()
        try:
            child = await start_child(_MODULE, self._log, memory=memory)
        except BaseException:
            memory.close()
            raise
        child.when_gone(self._queue.wake)
        return child

    async def _work(self, child: Child, place: int) -> None:
        """Answer batches until the child says that its time is over. Raises ChildLost."""
        is_over = False
        while not is_over:
            batch = await self._queue.take(lambda: not child.is_gone)
            if batch and batch[0].num_tries and not await self._clear(batch[0]):
                continue
            if child.is_gone:
                self._queue.put_back(batch)
                raise ChildLost(f"process {child.pid} ended with nothing to do")
            try:
                is_over = await self._ask(child, batch)
            except ChildLost as error:
                self._queue.give_back(batch, str(error))
                raise
            self._num_answered[place] += 1

    async def _clear(self, suspect: Waiting) -> bool:
        """Whether the guard finds nothing in an image on which a replica died; else that is its answer."""
        try:
            await self._guarded.inspect(suspect.payload)
        except Refused as refused:
            if not suspect.answer.done():
                suspect.answer.set_exception(refused)
            return False
        return True

    async def _ask(self, child: Child, batch: list[Waiting]) -> bool:
        """Give each image its answer; whether the child's time is over. Raises ChildLost."""
        message = {
            "do": "ask",
            "model": batch[0].model,
            "measured": [one.is_measured for one in batch],
        }
        said = await _ask_soon(child, message, [one.payload for one in batch])
        try:
            answers = read_answers(said, len(batch))
        except NoAnswers as error:
            raise child.give_up(str(error)) from error
        for one, found in zip(batch, answers.each, strict=True):
            if one.answer.done():
                continue
            if isinstance(found, Exception):
                one.answer.set_exception(found)
            else:
                one.answer.set_result(found)
        return answers.is_over

    async def _load_all(self, child: Child) -> None:
        """Also those that come meanwhile. One that cannot be opened is left out, and the others are answered."""
        loaded: set[str] = set()
        while missing := self._models.keys() - loaded:
            for name in missing:
                if name in self._models:
                    await self._load_or_tell(child, self._models[name])
            loaded |= missing

    async def _load_or_tell(self, child: Child, model: OpenModel) -> None:
        try:
            await self._load(child, model)
        except CannotLoad as error:
            _log.warning(f"process {child.pid} goes on without a model: {error}")

    async def _load(self, child: Child, model: OpenModel) -> None:
        name = model.model_sha256
        try:
            net = await asyncio.to_thread(lambda: ship(open_package(model.folder)))
        except (ValueError, OSError) as error:
            raise CannotLoad(f"model {name[:16]} cannot be read: {error}") from error
        message = {
            "do": "load",
            "model": name,
            "task": net.task,
            "class_names": net.class_names,
            "side_px": net.side_px,
            "num_threads": self._num_threads,
        }
        said = await _ask_soon(child, message, [net.form])
        if "error" in said:
            told = str(said["error"])[:500]
            raise CannotLoad(f"model {name[:16]} cannot be opened: {told}")


async def _ask_soon(
    child: Child, message: Message, pieces: Sequence[bytes] = ()
) -> Message:
    """Its answer. Raises ChildLost, also for one that is silent for too long."""
    try:
        async with asyncio.timeout(_SILENCE_S):
            return await child.ask(message, pieces)
    except TimeoutError as error:
        raise ChildLost(
            f"process {child.pid} said nothing for {_SILENCE_S:g} s"
        ) from error
