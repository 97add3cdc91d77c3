"""What workers print and log, in the log of the run: Ray follows their files, so also those of workers that died.

A worker says first who it is, and last that it is through, in each of its two streams: so every line can be told whose
it is, and the end can be awaited. Lines of processes that have not said who they are, such as Ray's own, are left out.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from assets.addresses import hide

_MARK = "daguerre-worker "
_HANDLER = "daguerre"
_THROUGH_S = 5.0  # for the last lines of workers that ended as they should
_QUIET_S = 1.0  # who died and has not been heard of for so long says no more
_log = logging.getLogger("daguerre.workers")


class _Hearer:
    """Hands lines on as they come, in a thread of Ray's."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], str] = {}  # by machine and process
        self._num_ended: dict[str, int] = {}  # streams, by worker
        self._heard_s = 0.0
        self._changed = threading.Condition()

    def hear(self, data: Mapping[str, Any]) -> None:
        """Some lines of one stream of one process, as Ray has them."""
        process = data["ip"], data["pid"]
        with self._changed:
            self._heard_s = time.monotonic()
            for line in data["lines"]:
                if line.startswith(_MARK):
                    self._note(process, json.loads(line.removeprefix(_MARK)))
                elif process in self._names:
                    _log.info(hide(f"{self._names[process]}: {line}"))
            self._changed.notify_all()

    def await_ends(self, workers: Sequence[str]) -> None:
        """Until both streams of these workers have ended, or have had the time for it."""
        with self._changed:
            self._changed.wait_for(
                lambda: all(self._num_ended.get(one, 0) >= 2 for one in workers),
                _THROUGH_S,
            )

    def await_quiet(self) -> None:
        """Until nobody has said anything for a while."""
        asked_s = time.monotonic()
        with self._changed:
            while time.monotonic() < asked_s + _THROUGH_S:
                left_s = max(asked_s, self._heard_s) + _QUIET_S - time.monotonic()
                if left_s <= 0:
                    return
                self._changed.wait(left_s)

    def _note(self, process: tuple[str, int], said: Mapping[str, Any]) -> None:
        if "name" in said:
            self._names[process] = f"{said['name']} on {said['node']}"
        if "ended" in said:
            self._num_ended[said["ended"]] = self._num_ended.get(said["ended"], 0) + 1


_hearers: list[_Hearer] = []


@contextmanager
def hear_workers() -> Iterator[None]:
    """Let the log `daguerre.workers` of this process have what workers say, while it is connected to a Ray.

    Ray is to be connected within the context, with `log_to_driver`. It prints none of it itself: stdout is for results.
    """
    import ray._private.worker as ray_worker
    from ray._private.ray_logging import global_worker_stdstream_dispatcher as streams

    ray_worker._worker_logs_enabled = False
    hearer = _Hearer()
    _hearers.append(hearer)
    streams.add_handler(_HANDLER, hearer.hear)
    try:
        yield
    finally:
        streams.remove_handler(_HANDLER)
        _hearers.remove(hearer)


def await_last_lines(ended: Sequence[str], is_any_dead: bool) -> None:
    """Until the log has what these workers said, and those that died, or there was time enough for it."""
    for hearer in _hearers:
        hearer.await_ends(ended)
        if is_any_dead:
            hearer.await_quiet()


@contextmanager
def speak_as(name: str, worker: str) -> Iterator[None]:
    """In a worker: what it prints and logs within the context is told under its name and machine.

    `worker` is told apart from all others by `await_last_lines`.
    """
    begin_to_speak(name)
    try:
        yield
    finally:
        end_to_speak(worker)


def begin_to_speak(name: str) -> None:
    """In a worker: from now on it goes by this name, and logs what is of interest."""
    import ray

    node_id = ray.get_runtime_context().get_node_id()
    node = f"{ray.util.get_node_ip_address()} (node {node_id[:8]})"
    _mark({"name": name, "node": node})
    log = logging.getLogger("daguerre")
    log.setLevel(logging.INFO)
    # Ray keeps processes: another handler would say each line again
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        log.addHandler(handler)


def end_to_speak(worker: str) -> None:
    """In a worker: its last word."""
    _mark({"ended": worker})


def _mark(said: Mapping[str, str]) -> None:
    for stream in (sys.stdout, sys.stderr):
        print(f"{_MARK}{json.dumps(said)}", file=stream, flush=True)
