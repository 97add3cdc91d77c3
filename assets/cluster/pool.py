"""One piece of work done with many items: in this process, or by processes of a cluster that stay for all of them.

A worker that dies, with its machine or without, is replaced, and the items that it had are given to others: work is
done at least once, and of each item exactly one answer is handed on, in the order of the items. So who writes does it
where the answers arrive. A few items for each worker are under way at a time, whatever their number.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assets.cluster.connection import count_ready, open_ray
from assets.cluster.same_code import Code, describe_code, require_same
from assets.cluster.worker_home import find_home
from assets.cluster.worker_lines import (
    await_last_lines,
    begin_to_speak,
    end_to_speak,
)

if TYPE_CHECKING:
    from assets.workspace import Workspace

# fewer are through before the workers of a cluster have started
FEWEST_FRAMES = 2000
_AHEAD = 2  # items that a worker has: none waits for who gives them
_MOST_WAITING = (
    4  # items for each worker that are under way, or answered before their turn
)
_MOST_LOSSES = 3  # workers that may die of one item, or of loading the work
_LOOK_S = 30.0  # after which a pool without a worker says so
_ROOM_S = 300.0  # after which it gives up
_END_S = 2.0  # for workers to say their last word
_log = logging.getLogger("daguerre.cluster")


@dataclass(frozen=True)
class Seat:
    """Where a piece of work is done: the home there, in which copies of models lie, and how many threads it may have
    (None: it chooses)."""

    home: Path
    num_threads: int | None = None


class Work(Protocol):
    """What is to be done; it is pickled, and holds no open file and no password."""

    @property
    def name(self) -> str:
        """Of its workers, in logs."""
        ...

    @property
    def uses_gpu(self) -> bool:
        """Whether a worker takes a GPU, where the cluster has some."""
        ...

    def open(self, seat: Seat) -> Callable[[Any], Any]:
        """Load what it needs; then a function from an item to its answer."""
        ...


def do_all(
    work: Work, items: Iterable[Any], num_frames: int, workspace: Workspace
) -> Generator[Any, None, None]:
    """The answer to each of the items, in their order: from the cluster of the settings where there are many frames,
    else from this process.

    To be closed by who does not take all. Raises what the work raises; RuntimeError for an item whose workers die, and
    TimeoutError where the cluster has no room for a worker.
    """
    if workspace.ray_address is None or num_frames < FEWEST_FRAMES:
        yield from map(work.open(Seat(workspace.home)), items)
        return
    with open_ray(workspace.num_workers[1], workspace.ray_address):
        answers = run_pool(work, items, workspace.num_workers, workspace.home)
        with closing(answers):
            yield from answers


def run_pool(
    work: Work, items: Iterable[Any], num_workers: tuple[int, int], home: Path
) -> Generator[Any, None, None]:
    """The same, by workers of the Ray that this process is connected to, at least and at most so many; `home` is that
    of this machine."""
    import ray

    use_gpu = work.uses_gpu and ray.cluster_resources().get("GPU", 0) > 0
    least, most = num_workers
    size = (
        most if least == most else count_ready(least, most, "GPU" if use_gpu else "CPU")
    )
    pool = _Pool(work, use_gpu, home)
    try:
        yield from pool.answer(items, size)
    finally:
        pool.close()


@dataclass(frozen=True)
class _Told:
    """What a worker is told at its start."""

    name: str
    token: str
    code: Code
    home: Path
    node_id: str  # that the home is on


class _Worker:
    """The process of a worker."""

    def __init__(self, told: _Told) -> None:
        self._told = told

    def open(self, work: Work) -> None:
        """Say who it is, and load what the work needs."""
        import ray

        told = self._told
        begin_to_speak(told.name)
        node_id = ray.get_runtime_context().get_node_id()
        require_same(told.code, f"node {node_id[:8]}")
        home = told.home if node_id == told.node_id else find_home()
        self._answer = work.open(Seat(home, 1))

    def answer(self, item: Any) -> Any:
        """What the work makes of an item."""
        return self._answer(item)

    def close(self) -> None:
        """Its last word."""
        end_to_speak(self._told.token)


@dataclass(eq=False)
class _Given:
    """An item without an answer."""

    number: int
    item: Any
    num_losses: int = 0


@dataclass(eq=False)
class _Member:
    """A worker as it is known here. `tasks` are under way; the one without an item is its opening."""

    token: str
    actor: Any
    tasks: dict[Any, _Given | None] = field(default_factory=dict)
    is_open: bool = False


class _Pool:
    """The workers of one piece of work."""

    def __init__(self, work: Work, use_gpu: bool, home: Path) -> None:
        import ray

        self._name = work.name
        self._work = ray.put(work)
        self._options = {
            "num_cpus": 1,
            "num_gpus": int(use_gpu),
            "max_restarts": 0,
            "scheduling_strategy": "SPREAD",
        }
        self._home = home
        self._members: list[_Member] = []
        self._num_started = 0
        self._num_lost = 0
        self._num_lost_opening = 0  # since one has opened

    def answer(self, items: Iterable[Any], size: int) -> Generator[Any, None, None]:
        """The answers in the order of the items."""
        source = iter(enumerate(items))
        waiting: deque[_Given] = deque()
        answers: dict[int, Any] = {}
        num_taken = num_given_back = 0
        for _ in range(size):
            self._start()
        while True:
            while num_taken - num_given_back < size * _MOST_WAITING:
                if (following := next(source, None)) is None:
                    break
                waiting.append(_Given(*following))
                num_taken += 1
            if num_taken == num_given_back:
                return
            self._give(waiting)
            for given, answer in self._take(waiting):
                answers[given.number] = answer
            while num_given_back in answers:
                yield answers.pop(num_given_back)
                num_given_back += 1

    def close(self) -> None:
        """End all workers, once the log has what they said."""
        import ray

        lasts = {m.actor.close.remote(): m.token for m in self._members if m.is_open}
        ended: list[Any] = []
        if lasts:
            ended, _ = ray.wait([*lasts], num_returns=len(lasts), timeout=_END_S)
        tokens = [lasts[task] for task in ended]
        await_last_lines(tokens, is_any_dead=self._num_lost > 0)
        for member in self._members:
            ray.kill(member.actor)

    def _start(self) -> None:
        import ray

        told = _Told(
            f"{self._name} worker {self._num_started}",
            uuid.uuid4().hex,
            describe_code(),
            self._home,
            ray.get_runtime_context().get_node_id(),
        )
        self._num_started += 1
        actor: Any = ray.remote(_Worker).options(**self._options).remote(told)
        member = _Member(told.token, actor)
        member.tasks[actor.open.remote(self._work)] = None
        self._members.append(member)

    def _give(self, waiting: deque[_Given]) -> None:
        """To those that have least."""
        ready = [m for m in self._members if m.is_open]
        while waiting and ready:
            member = min(ready, key=lambda m: len(m.tasks))
            if len(member.tasks) >= _AHEAD:
                return
            given = waiting.popleft()
            member.tasks[member.actor.answer.remote(given.item)] = given

    def _take(self, waiting: deque[_Given]) -> Iterator[tuple[_Given, Any]]:
        """What has been answered since; items of workers that died are waiting again."""
        import ray

        for task in self._await_some():
            member = next((m for m in self._members if task in m.tasks), None)
            if member is None:
                continue  # it was lost with its worker, a moment ago
            try:
                answer = ray.get(task)
            except ray.exceptions.RayTaskError as error:
                cause = getattr(error, "cause", None)
                raise (cause if isinstance(cause, Exception) else error) from error
            except ray.exceptions.RayError as error:
                self._lose(member, waiting, error)
                continue
            given = member.tasks.pop(task)
            if given is None:
                member.is_open = True
                self._num_lost_opening = 0
            else:
                yield given, answer

    def _await_some(self) -> list[Any]:
        """Tasks that are done, at least one."""
        import ray

        tasks = [task for member in self._members for task in member.tasks]
        began = time.monotonic()
        while True:
            done, _ = ray.wait(tasks, num_returns=1, timeout=_LOOK_S)
            if done:
                more, _ = ray.wait(tasks, num_returns=len(tasks), timeout=0)
                return list(more)
            if not any(member.is_open for member in self._members):
                self._complain(time.monotonic() - began)

    def _complain(self, waited_s: float) -> None:
        if waited_s >= _ROOM_S:
            raise TimeoutError(
                f"no room for {self._name} workers within {waited_s:.0f} s: `ray status` says what takes it"
            )
        _log.warning(
            f"no {self._name} worker works yet, after {waited_s:.0f} s: Ray's machines are busy with others"
        )

    def _lose(self, member: _Member, waiting: deque[_Given], error: Exception) -> None:
        """Let others have what a worker had that died, and start another in its place."""
        import ray

        reason = next(iter(str(error).strip().splitlines()), repr(error))
        self._members.remove(member)
        self._num_lost += 1
        ray.kill(member.actor)  # where it is only out of reach
        lost = [given for given in member.tasks.values() if given is not None]
        if not member.is_open:
            self._num_lost_opening += 1
        for given in lost:
            given.num_losses += 1
        worst = max([self._num_lost_opening, *(g.num_losses for g in lost)])
        if worst > _MOST_LOSSES:
            raise RuntimeError(
                f"{worst} {self._name} workers died one after another at the same work ({reason}): "
                "see the log of the run; where memory ran out, give the machines more or fewer workers"
            ) from error
        _log.warning(
            f"a worker for {self._name} died ({reason}): others do again what it had, {len(lost)} pieces"
        )
        waiting.extendleft(sorted(lost, key=lambda g: -g.number))
        self._start()
