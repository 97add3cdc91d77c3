"""Progress of a training that runs in other processes: a file of JSON lines, followed while it grows."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
