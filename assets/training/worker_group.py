"""Workers of one training on Ray: tasks that start together or not at all, and meet in one torch process group.

In a Ray of one node they meet through a file and talk over loopback; else at an address of the first one's machine.
What they log and print is in the log of who runs the group, by rank and machine.
Worker processes are kept by Ray for the next training, with what they have imported; those that had a GPU are not.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.cluster.same_code import Code, describe_code, require_same
from assets.cluster.worker_lines import await_last_lines, speak_as
from assets.training.heap import keep_freed_memory

if TYPE_CHECKING:
    import torch

PROCESS_NAME = (
    "training_worker"  # Ray names a process `ray::training_worker` while it works
)
_ROOM_S = 30.0  # after which a group that waits for room says so
_GONE_S = 300.0  # after which a group that Ray's machines are too few for gives up
_GRACE_S = 10.0  # for the other workers to say what they met, once one has failed
_log = logging.getLogger("daguerre.training")


class NoRoom(TimeoutError):
    """Ray has fewer machines than a group needs, and nobody has brought one back: another attempt would wait again."""


# What a worker runs: its argument, and its device.
Work = Callable[[Any, "torch.device"], None]


@dataclass(frozen=True)
class _Place:
    """One worker among its group. `meeting` is torch's `init_method`, `code` what all of them are to run."""

    rank: int
    num_workers: int
    use_gpu: bool
    meeting: str
    token: str
    code: Code


def run_group(
    work: Work,
    argument: Any,
    num_workers: int,
    use_gpu: bool,
    meeting: Path,
    patience_s: float = float("inf"),
) -> None:
    """Run `work(argument, device)` on so many workers at once, a CPU or a GPU each, until all of them have returned.

    `meeting` is a file that is not there yet, in a folder that all workers see. Raises the ValueError of a worker as
    itself; otherwise what Ray says of the first worker that failed, TimeoutError where there was no room for all of
    them within `patience_s`, and NoRoom where Ray has had too few machines for `_GONE_S`, whoever uses them. None of
    them works on when this ends.
    """
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    room = placement_group([{"GPU" if use_gpu else "CPU": 1}] * num_workers)
    tasks: list[Any] = []
    tokens = [uuid.uuid4().hex for _ in range(num_workers)]
    is_well = False
    try:
        _await_room(room, num_workers, "GPU" if use_gpu else "CPU", patience_s)
        options = {
            "name": PROCESS_NAME,
            "num_cpus": int(not use_gpu),
            "num_gpus": int(use_gpu),
            "max_retries": 0,
        }
        seats = [
            PlacementGroupSchedulingStrategy(room, placement_group_bundle_index=rank)
            for rank in range(num_workers)
        ]
        address = f"file://{meeting}"
        if not _is_one_node():
            find = ray.remote(_find_address).options(
                **options, scheduling_strategy=seats[0]
            )
            address = ray.get(find.remote())
        join = ray.remote(_join)
        for rank, seat in enumerate(seats):
            place = _Place(
                rank, num_workers, use_gpu, address, tokens[rank], describe_code()
            )
            tasks.append(
                join.options(**options, scheduling_strategy=seat).remote(
                    work, argument, place
                )
            )
        _await_all(tasks)
        is_well = True
    finally:
        # ends the processes that still work in it; `ray.cancel` ends this one where a task returns just then
        remove_placement_group(room)
        if tasks:
            ray.wait(tasks, num_returns=len(tasks), timeout=_GRACE_S)
            await_last_lines(tokens if is_well else [], is_any_dead=not is_well)


def _await_room(room: Any, num_workers: int, resource: str, patience_s: float) -> None:
    """A machine that is gone may come back, and others end their work; who waits is told which of the two it is."""
    import ray

    began_s = enough_s = time.monotonic()
    while not room.wait(min(_ROOM_S, patience_s)):
        now_s = time.monotonic()
        num_units = int(ray.cluster_resources().get(resource, 0))
        few = f"Ray has {num_units} {resource} in all for {num_workers} workers"
        enough_s = now_s if num_units >= num_workers else enough_s
        if now_s - enough_s >= _GONE_S:
            raise NoRoom(
                f"{few} for {now_s - enough_s:.0f} s: start the machine that is gone again, and the same training goes "
                f"on from its last snapshot; or set DAGUERRE_WORKERS={max(1, num_units)}, and it begins anew"
            )
        if now_s - began_s >= patience_s:
            raise TimeoutError(
                f"no room for {num_workers} workers within {now_s - began_s:.0f} s"
            )
        if num_units < num_workers:
            left_s = _GONE_S - (now_s - enough_s)
            _log.warning(
                f"{few}: a machine may be gone; it waits for {left_s:.0f} s more"
            )
        else:
            _log.warning(
                f"waiting for room for {num_workers} workers: others use Ray's machines"
            )


def _is_one_node() -> bool:
    import ray

    return sum(node["Alive"] for node in ray.nodes()) == 1


def _await_all(tasks: Sequence[Any]) -> None:
    """Until all have returned, or one has failed: then the others have a moment to say what they met."""
    import ray

    waiting = list(tasks)
    errors: list[Exception] = []
    while waiting:
        done, waiting = ray.wait(waiting, timeout=_GRACE_S if errors else None)
        if not done:
            break
        for task in done:
            try:
                ray.get(task)
            except ray.exceptions.RayError as error:
                errors.append(error)
    for met in errors:
        cause = getattr(met, "cause", None)
        if isinstance(cause, ValueError):
            raise cause from met
    if errors:
        raise errors[0]


def _find_address() -> str:
    """Where the workers of several machines meet: a free port of this one."""
    import ray

    address = ray.util.get_node_ip_address()
    with socket.socket() as probe:
        probe.bind((address, 0))
        return f"tcp://{address}:{probe.getsockname()[1]}"


def _join(work: Work, argument: Any, place: _Place) -> None:
    """The body of one worker."""
    with speak_as(f"training worker {place.rank}", place.token):
        require_same(place.code, f"training worker {place.rank}")
        _take_part(work, argument, place)


def _take_part(work: Work, argument: Any, place: _Place) -> None:
    import torch

    _forget_peak_memory()
    device = torch.device("cuda", 0) if place.use_gpu else torch.device("cpu")
    num_here = 1
    try:
        if place.num_workers > 1:
            num_here = _meet(place)
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // num_here))
        with keep_freed_memory():
            work(argument, device)
        if place.num_workers > 1:
            torch.distributed.barrier()
    finally:
        # also after an error: the others would wait for this process, which Ray keeps
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _meet(place: _Place) -> int:
    """Join the process group; how many of its workers are on this machine."""
    import ray
    import torch

    if place.meeting.startswith(("file://", "tcp://127.")):
        loopback = "lo" if sys.platform == "linux" else "lo0"
        os.environ.update(
            {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
        )
    if place.use_gpu:
        torch.cuda.set_device(0)
    torch.distributed.init_process_group(
        "nccl" if place.use_gpu else "gloo",
        init_method=place.meeting,
        rank=place.rank,
        world_size=place.num_workers,
    )
    mine = ray.get_runtime_context().get_node_id()
    nodes: list[Any] = [None] * place.num_workers
    torch.distributed.all_gather_object(nodes, mine)
    return nodes.count(mine)


def _forget_peak_memory() -> None:
    """Where the system can: what this process held at most counts from now on, not from a former training."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
