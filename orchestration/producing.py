"""Simulated producers: recordings are written beside the landing zone, a core each, and moved in as whole sessions.

Belongs here: writing and moving. Does not: which sessions there are, what becomes of them.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Self

from assets.capture.simulate import SimulationSpec, simulate
from orchestration.console import RunConsole

Wave = Mapping[str, Sequence[SimulationSpec]]  # session -> what is simulated into it


class Producers:
    """`with Producers(landing, console) as producers:` its end waits for all that was begun, landed or not."""

    def __init__(self, landing: Path, console: RunConsole) -> None:
        self._landing = landing
        self._console = console
        # not forked: this process has threads of Lance
        self._cores = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"))
        self._recordings: dict[str, list[Future[list[Path]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cores.shutdown()

    def begin(self, wave: Wave) -> None:
        """Write these sessions, behind those that were begun before; not those that have landed."""
        for session, specs in wave.items():
            if (self._landing / session).exists():
                self._console.tell(f"{session}: landed before")
                continue
            stage = self._stage(session)
            shutil.rmtree(stage, ignore_errors=True)
            self._recordings[session] = [
                self._cores.submit(simulate, stage, spec) for spec in specs
            ]

    def land(self, wave: Wave) -> None:
        """Move these sessions in once they are complete, as a careful producer does."""
        self._landing.mkdir(parents=True, exist_ok=True)
        for session in wave:
            recordings = self._recordings.pop(session, None)
            if recordings is None:
                continue
            told = self._console.count(session, "simulations")
            for done, recording in enumerate(recordings, start=1):
                recording.result()
                told(done, len(recordings))
            os.replace(self._stage(session), self._landing / session)

    def _stage(self, session: str) -> Path:
        return self._landing.parent / "demo" / "producing" / session


def land(landing: Path, wave: Wave, console: RunConsole) -> None:
    """Write these sessions and move them in."""
    with Producers(landing, console) as producers:
        producers.begin(wave)
        producers.land(wave)
