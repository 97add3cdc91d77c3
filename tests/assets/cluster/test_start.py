"""A Ray of our own: alone on its machine, and gone when the process that starts it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_START = """
import signal
from assets.cluster.connection import open_ray
with open_ray(1):
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
    signal.pause()
"""


def start() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _START]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def list_processes(session: int) -> dict[int, str]:
    """Process -> what it runs, of those in a session that have not ended."""
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            state, _, _, mine = (
                (folder / "stat").read_text().rsplit(") ")[-1].split()[:4]
            )
            if int(mine) == session and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text()
    return found


def end_all(session: int) -> None:
    for process in list_processes(session):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_a_signal_to_all_while_ray_starts_ends_the_process_by_itself():
    """With Ray's own handler it is looked at half a minute later, and the process ends by an exit."""
    with start() as process:
        try:
            while not any(
                "gcs_server" in line for line in list_processes(process.pid).values()
            ):
                assert process.poll() is None
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait() == -signal.SIGTERM
            deadline = time.monotonic() + 30
            while list_processes(process.pid) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert not list_processes(process.pid)
        finally:
            end_all(process.pid)


def test_a_signal_to_the_process_alone_once_ray_is_up_ends_it_as_ray_would():
    with start() as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "False\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 128 + signal.SIGTERM
        finally:
            end_all(process.pid)


def test_ray_outlives_the_moment_in_which_it_was_started():
    """Linux ends its processes with the thread that started them."""
    with start() as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "False\n"
            time.sleep(2)
            running = list_processes(process.pid).values()
            assert any("gcs_server" in line for line in running)
            assert any("raylet" in line for line in running)
        finally:
            end_all(process.pid)
