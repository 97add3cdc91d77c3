"""Two trainings that run in turns: all processes of the one are stopped while the other runs.

What else the machine does then meets both alike, within seconds.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from orchestration.profiles import CHECKOUT

_MARKS = "DAGUERRE_BENCH_MARKS"  # the folder for a part's finished epochs
_TURN_S = 2.0
_FEWEST = 5  # steps in a turn
_START_S = 300.0  # for a part to come to its second epoch


@dataclass
class Part:
    """A part of `bench.training` in processes of its own, which leave a file for each epoch that they have done."""

    home: str
    name: str
    epochs: int

    def __post_init__(self) -> None:
        self._marks = tempfile.TemporaryDirectory(prefix=f"{self.name}-", dir=self.home)
        command = [
            sys.executable,
            "-m",
            "bench.training",
            "--part",
            self.name,
            "--epochs",
            str(self.epochs),
        ]
        environment = {
            **os.environ,
            "DAGUERRE_HOME": self.home,
            "DAGUERRE_WORKERS": "1",
            _MARKS: self._marks.name,
        }
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
        )

    def is_through(self, epoch: int) -> bool:
        if self._process.poll():
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}")
        return (Path(self._marks.name) / str(epoch)).exists()

    def wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while not self.is_through(0):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} had no epoch in {_START_S:.0f} s")
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """A signal to all of its processes, where they are there."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            for process in [*parent.children(recursive=True), parent]:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def finish(self) -> dict[str, Any]:
        """What it prints."""
        printed = self._process.communicate()[0]
        if self._process.returncode:
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}")
        return dict(json.loads(printed.splitlines()[-1]))


def take_turns(
    bare: Part, start_whole: Callable[[], Part]
) -> tuple[dict[str, Any], dict[str, Any], list[float]]:
    """What both print, after they have trained in turns, and when a turn began: of whole, of bare, and so on."""
    parts = [bare]
    try:
        bare.wait()
        bare.send(signal.SIGSTOP)
        parts.append(whole := start_whole())
        whole.wait()
        running = whole
        stopped = bare
        began = [time.time()]
        while not any(part.is_through(part.epochs - 1) for part in parts):
            time.sleep(_TURN_S)
            running.send(signal.SIGSTOP)
            began.append(time.time())
            stopped.send(signal.SIGCONT)
            running, stopped = stopped, running
        bare.send(signal.SIGSTOP)
        whole.send(signal.SIGCONT)
        found = whole.finish()
        bare.send(signal.SIGCONT)
        return bare.finish(), found, began
    except BaseException:
        for part in parts:  # stopped ones would wait for ever
            part.send(signal.SIGKILL)
        raise


def pair_turns(
    bare: dict[str, Any], whole: dict[str, Any], began: list[float]
) -> list[tuple[float, float]]:
    """Median seconds of the steps of bare and of whole, for each turn of whole: of bare those beside it, in the last
    half of the turn before and the first half of the turn after, so that a machine that grows slower or faster steadily
    meets both alike. No step counts twice. Left out are turns with few steps on either side."""
    found = []
    for number in range(2, len(began) - 2, 2):  # `began` alternates: whole, bare
        before, start, end, after = began[number - 1 : number + 3]
        steps = [
            [
                seconds
                for first, last in spans
                for at, seconds in side["steps"]
                if first <= at - seconds and at <= last
            ]
            for side, spans in (
                (bare, (((before + start) / 2, start), (end, (end + after) / 2))),
                (whole, ((start, end),)),
            )
        ]
        if min(map(len, steps)) >= _FEWEST:
            found.append((statistics.median(steps[0]), statistics.median(steps[1])))
    return found


def mark(epoch: int) -> None:
    """Said by a part that is through with an epoch."""
    (Path(os.environ[_MARKS]) / str(epoch)).touch()
