"""Progress on stderr: how much is done, how fast, and how long it still takes.

A bar where stderr is a terminal, a plain line every few seconds where it is a file or a pipe.
"""

import contextvars
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from assets.foreign_text import for_line
from orchestration.log_lines import tell, writes_json

_WINDOW_S = 30.0  # a rate is that of the last half minute
_SAMPLE_S = 1.0
_LINE_S = 5.0

Tick = Callable[..., None]  # (done, total, *anything)


@dataclass
class Pace:
    """Samples of what is done, and the rates that follow from the recent ones."""

    unit: str
    total: int = 0
    # (seconds, units done, frames)
    samples: deque[tuple[float, int, int]] = field(default_factory=deque)
    start_s: float | None = None

    def add(self, now_s: float, done: int, frames: int = 0) -> None:
        """Record what is done by now. Forgotten is what is older than the window, but for one sample, and the time
        before anything was done: until then what does it is loaded."""
        self.start_s = now_s if self.start_s is None else self.start_s
        self.samples.append((now_s, done, frames))
        while len(self.samples) > 2 and not any(self.samples[1][1:]):
            self.samples.popleft()
        while len(self.samples) > 2 and self.samples[1][0] <= now_s - _WINDOW_S:
            self.samples.popleft()

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done at the recent rate; None while nothing moves."""
        start_s, before, _ = self.samples[0]
        end_s, done, _ = self.samples[-1]
        if done == before or end_s == start_s:
            return None
        return (self.total - done) * (end_s - start_s) / (done - before)

    def rate(self, of: int) -> float | None:
        """Units (1) or frames (2) a second; None while no time has passed."""
        seconds = self.samples[-1][0] - self.samples[0][0]
        return (
            (self.samples[-1][of] - self.samples[0][of]) / seconds
            if seconds > 0
            else None
        )

    def describe(self, has_frames: bool) -> str:
        """'3/12 files, 480 frames, 120 frames/s, 0:36 left'."""
        now_s, done, frames = self.samples[-1]
        if not self.total:  # counted, or what will look at them is being loaded
            return f"getting ready, {_clock(now_s - (self.start_s or 0))} so far"
        rate = self.rate(2 if has_frames else 1)
        parts = [f"{done:,}/{self.total:,} {self.unit}"]
        parts += [f"{frames:,} frames"] * has_frames
        if rate is not None:
            per_s = f"{rate:,.0f}" if rate == 0 or rate >= 1 else f"{rate:.1g}"
            parts.append(f"{per_s} {'frames' if has_frames else self.unit}/s")
        if self.left_s is not None and done < self.total:
            parts.append(f"{_clock(self.left_s)} left")
        return ", ".join(parts)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@contextmanager
def show_progress(
    title: str, unit: str, count_frames: Callable[[], int] | None = None
) -> Iterator[Tick]:
    """Yields tick(done, total). `count_frames` says how many frames there are by now; it is asked once a second."""
    pace = Pace(unit)
    stop = threading.Event()
    before = count_frames() if count_frames else 0
    pace.add(time.monotonic(), 0)
    state = {"done": 0, "frames": 0}

    def tick(done: int, total: int, *_: object) -> None:
        state["done"] = done
        pace.total = total

    def sample() -> str:
        # a store that does not answer now is no end of the work
        with suppress(OSError, ValueError, RuntimeError):
            state["frames"] = count_frames() - before if count_frames else 0
        pace.add(time.monotonic(), state["done"], state["frames"])
        return pace.describe(count_frames is not None)

    show = _show_bar if _is_live() else _print_lines
    # what is told from there is told of the same work
    arguments = (show, title, pace, state, sample, stop)
    here = contextvars.copy_context()
    thread = threading.Thread(target=here.run, args=arguments, daemon=True)
    thread.start()
    try:
        yield tick
    finally:
        stop.set()
        thread.join()


@contextmanager
def show_activity(text: str) -> Iterator[Callable[[str], None]]:
    """What goes on where nobody can tell how far it is; yields what changes the text, which is a line in a file."""
    from rich.console import Console
    from rich.markup import escape

    if not _is_live():
        _print_activity(text)
        yield _print_activity
        return
    with Console(stderr=True).status(escape(for_line(text))) as status:
        yield lambda text: status.update(escape(for_line(text)))


def _print_activity(text: str) -> None:
    tell(f"{for_line(text)} ...")


def _is_live() -> bool:
    """Whether somebody looks on, where a line can move."""
    return sys.stderr.isatty() and not writes_json()


def _show_bar(
    title: str,
    pace: Pace,
    state: dict[str, int],
    sample: Callable[[], str],
    stop: threading.Event,
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, text="", total=None)
        is_last = False
        while not is_last:
            is_last = stop.wait(_SAMPLE_S)
            bar.update(
                task, completed=state["done"], total=pace.total or None, text=sample()
            )


def _print_lines(
    title: str,
    pace: Pace,
    state: dict[str, int],
    sample: Callable[[], str],
    stop: threading.Event,
) -> None:
    """Nothing for what is done before the first line is due; else a last line says the end."""
    while not stop.wait(_LINE_S):
        tell(f"{title}: {sample()}")
    if len(pace.samples) > 1:
        tell(f"{title}: {sample()}")
