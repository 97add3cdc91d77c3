"""Progress of a training that runs in other processes: a file of JSON lines, followed while it grows.

What is said on another machine of a cluster goes to a process beside who follows, which adds it to the file.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OnProgress = Callable[[dict[str, Any]], None]
_POLL_SECONDS = 0.2


@contextmanager
def follow_events(events: Path, on_progress: OnProgress | None) -> Iterator[None]:
    """Hand each line that the run appends to `events` to `on_progress`, while it runs and once more at the end."""
    if on_progress is None:
        yield
        return
    done = threading.Event()
    position = 0

    def hand_on() -> None:
        nonlocal position
        if events.exists():
            with events.open("rb") as file:
                file.seek(position)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    position += len(line)
                    on_progress(json.loads(line))

    def poll() -> None:
        while not done.wait(_POLL_SECONDS):
            hand_on()

    # what is told from there is told of the same work
    here = contextvars.copy_context()
    thread = threading.Thread(target=here.run, args=(poll,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        hand_on()


@dataclass(frozen=True)
class Post:
    """The way from a worker to the file of events of who follows them, on another machine."""

    node_id: str  # of the machine that the file is on
    keeper: Any

    @staticmethod
    def open(events: Path) -> Post:
        """To a file of this machine, for as long as it is held."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        node_id = ray.get_runtime_context().get_node_id()
        here = NodeAffinitySchedulingStrategy(node_id, soft=False)
        keeper = ray.remote(_Keeper).options(num_cpus=0, scheduling_strategy=here)
        return Post(node_id, keeper.remote(str(events)))

    def is_here(self) -> bool:
        """Whether this process is on the machine of the file."""
        import ray

        return bool(ray.get_runtime_context().get_node_id() == self.node_id)


class _Keeper:
    """Adds lines to the file, in the order in which a worker sends them."""

    def __init__(self, events: str) -> None:
        self._events = Path(events)

    def add(self, line: str) -> None:
        with self._events.open("a") as file:
            file.write(line)


@contextmanager
def write_events(events: Path, post: Post | None) -> Iterator[OnProgress]:
    """What takes events and adds them to the file, or sends them where there is a post; all are there at the end."""
    if post is None:
        with events.open("a", buffering=1) as file:
            yield lambda event: print(json.dumps(event), file=file)
        return
    import ray

    sent: list[Any] = [None]

    def send(event: dict[str, Any]) -> None:
        sent[0] = post.keeper.add.remote(json.dumps(event) + "\n")

    yield send
    if sent[0] is not None:
        ray.get(sent[0])
