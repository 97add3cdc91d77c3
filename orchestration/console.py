"""What a person at a terminal sees while runs go on in this process: steps, outcomes, log lines, and a live status."""

import contextvars
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assets.foreign_text import for_line
from orchestration.log_lines import tell, writes_json

if TYPE_CHECKING:
    from orchestration.ticks import RunOutcome

_SLOW_S = 2.0  # what takes less is over before anybody wonders
# of a training, that warm it up
_WARM_S = 5.0
_WARM_STEPS = 3
_QUIET_S = 5.0  # between two lines on what goes on, where nothing can move on a line


class RunConsole:
    """What the person at the terminal sees, and how long each step took.

    Where nobody looks on, such as in a file or a pipe, what goes on is told by lines, and by no control character.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self.seconds: dict[str, float] = {}
        self._rich = Console(stderr=True, highlight=False)
        self._status = self._rich.status("")
        self._is_live = sys.stderr.isatty() and not writes_json()
        self._lock = threading.Lock()
        self._told_s = time.monotonic()  # when the last line was told
        self._waiting: threading.Timer | None = None
        log = logging.getLogger("daguerre")
        log.setLevel(logging.INFO)
        log.propagate = False
        if not writes_json():  # which has a handler of its own
            _hand_over(log, _Lines(self))
        progress = logging.getLogger("daguerre-progress")
        progress.setLevel(logging.DEBUG)
        progress.propagate = False
        _hand_over(progress, _Steps(self))

    def tell(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            self._told_s = time.monotonic()
            self._print(f"  {for_line(line)}")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name what is done within the context, and keep how many seconds it took."""
        started = time.monotonic()
        self._print(for_line(name), "bold")
        if self._is_live:
            self.show("")
            self._status.start()
        try:
            yield
        finally:
            self._forget()
            self._status.stop()
            self.seconds[name] = round(time.monotonic() - started, 1)
            self._print(f"  {self.seconds[name]} s", "dim")

    def enter(self, stage: str) -> None:
        """Name what goes on from now on, within a step: at once where somebody looks on, else once it takes a while."""
        self._forget()
        if self._is_live:
            self.show(stage)
        else:
            here = contextvars.copy_context()
            line = (self.tell, f"{stage} ...")
            self._waiting = threading.Timer(_SLOW_S, here.run, line)
            self._waiting.daemon = True
            self._waiting.start()

    def show(self, text: str) -> None:
        """How far it is right now: where nobody looks on, every few seconds."""
        from rich.markup import escape

        if self._is_live:
            self._status.update(escape(for_line(text)))
        elif time.monotonic() - self._told_s >= _QUIET_S:
            self._forget()
            self.tell(text)

    def count(self, what: str, unit: str) -> Callable[[int, int], None]:
        """A callback for (done, total)."""
        return lambda done, total: self.show(f"{what}: {done} of {total} {unit}")

    def report(self, outcome: "RunOutcome") -> None:
        """Print how a run ended, and which of its checks failed."""
        where = f" {outcome.partition}" if outcome.partition else ""
        state = (
            "ok"
            if outcome.success
            else f"failed: {outcome.error or 'a blocking check'}"
        )
        self.tell(f"{outcome.job}{where}: {state}")
        for check in outcome.failed_checks:
            self.tell(f"    check failed: {check}")

    def _print(self, line: str, style: str | None = None) -> None:
        if writes_json():
            tell(line.strip())
        else:
            self._rich.print(line, style=style, soft_wrap=True, markup=False)

    def _forget(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class _Lines(logging.Handler):
    """Log lines of the engine, as lines of the console."""

    def __init__(self, console: RunConsole) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        is_warning = record.levelno >= logging.WARNING
        self._console.tell(f"{'WARNING: ' * is_warning}{record.getMessage()}")


class _Steps(logging.Handler):
    """Steps of a training, as the status of the console."""

    def __init__(self, console: RunConsole) -> None:
        super().__init__(logging.DEBUG)
        self._console = console
        self._remaining = Remaining()

    def emit(self, record: logging.LogRecord) -> None:
        event = record.__dict__["training"]
        if event["kind"] == "stage":
            self._console.enter(event["text"])
        if event["kind"] == "step":
            if event["epoch"] == event["step"] == 0:
                self._remaining = Remaining()
            left_s = self._remaining.add(time.monotonic(), event["progress"])
            self._console.show(describe_step(event, left_s))


def _hand_over(log: logging.Logger, handler: logging.Handler) -> None:
    """The newest console of a process is the one that tells: another beside it would tell each line again."""
    for former in list(log.handlers):
        if type(former) is type(handler):
            log.removeHandler(former)
    log.addHandler(handler)


class Remaining:
    """How long a training still takes, from its steps. The first ones warm up: caches fill, code is chosen or compiled,
    workers start. They do not count, and nothing is said before as much again was measured."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._num_steps = 0
        # seconds, steps and share of the training when it was warm
        self._warm: tuple[float, int, float] | None = None

    def add(self, now_s: float, done: float) -> float | None:
        """A step ended, after which a share of the training is done: seconds until all is, None while unknown."""
        self._first_s = now_s if self._first_s is None else self._first_s
        self._num_steps += 1
        if self._warm is None:
            if self._is_enough(now_s - self._first_s, self._num_steps - 1):
                self._warm = (now_s, self._num_steps, done)
            return None
        warm_s, warm_steps, warm_done = self._warm
        seconds = now_s - warm_s
        if done <= warm_done or not self._is_enough(
            seconds, self._num_steps - warm_steps
        ):
            return None
        return seconds * (1 - done) / (done - warm_done)

    def _is_enough(self, seconds: float, num_steps: int) -> bool:
        return seconds >= _WARM_S and num_steps >= _WARM_STEPS


def describe_step(event: Mapping[str, Any], left_s: float | None) -> str:
    """'epoch 2 of 5, step 10 of 40: loss 0.512, val_accuracy 0.713, 38 images/s, 1:20 left'; the metric is the best so
    far, and None seconds are not told."""
    place = f"epoch {event['epoch'] + 1} of {event['num_epochs']}, step {event['step'] + 1} of {event['num_steps']}"
    scores = "".join(
        f", {name} {value:.3f}"
        for name, value in event.items()
        if name.startswith("val_")
    )
    left = ""
    if left_s is not None:
        minutes, seconds = divmod(round(left_s), 60)
        left = f", {minutes}:{seconds:02d} left"
    return f"{place}: loss {event['loss']:.3f}{scores}, {event['images_per_s']:.0f} images/s{left}"
