"""Child processes that are kept running: started again when they die, ended with this process however it ends.

Belongs here: one server's life. Does not: which servers there are, and where they listen.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_SOUND_S = 60.0  # who lived that long died for the first time
_STOP_S = 20.0


class Server:
    """One server with all the processes that it starts: they are a process group of their own."""

    def __init__(
        self, name: str, command: list[str], env: Mapping[str, str], log: Path
    ) -> None:
        self.name, self.log = name, log
        self._command, self._env = command, dict(env)
        self._num_deaths = 0
        self._due_s = 0.0
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Of its first process, which the group is named after."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether its first process is."""
        return self._process.poll() is None

    def tend(self) -> str:
        """Start it again when it has died and its pause is over. Returns what there is to tell, once a death."""
        if self.is_running:
            return ""
        now_s = time.monotonic()
        if self._due_s:
            if now_s >= self._due_s:
                self._process = self._start()
            return ""
        _kill_group(self.pid)  # what it started holds its port
        is_first = now_s - self._started_s > _SOUND_S
        self._num_deaths = 1 if is_first else self._num_deaths + 1
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** (self._num_deaths - 1), _LONGEST_PAUSE_S)
        self._due_s = now_s + pause_s
        code = self._process.returncode
        again = f"starting it again in {pause_s:g} s"
        return f"{self.name} ended with code {code}: {again}; see {self.log}"

    def ask_to_end(self) -> None:
        """Let it end by itself."""
        if self.is_running:
            self._process.terminate()

    def end(self, deadline_s: float) -> None:
        """Wait until then (of the monotonic clock), and leave nothing of it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.1, deadline_s - time.monotonic()))
        _kill_group(self.pid)

    def _start(self) -> subprocess.Popen[bytes]:
        self._started_s = time.monotonic()
        self._due_s = 0.0
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as stream:
            return subprocess.Popen(
                [sys.executable, "-P", __file__, str(os.getpid()), *self._command],
                env=self._env,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )


def end_all(servers: list[Server]) -> None:
    """Ask all to end at once, and leave nothing of those that do not in time."""
    for server in servers:
        server.ask_to_end()
    deadline_s = time.monotonic() + _STOP_S
    for server in servers:
        server.end(deadline_s)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _become(parent_pid: int, command: list[str]) -> None:
    """Turn this process into the command, with a TERM for the time when the parent is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:  # it was gone before the signal was asked for
        raise SystemExit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
