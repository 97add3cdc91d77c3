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


def start(text: str = _START) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", text]
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


def test_ray_outlives_the_moment_in_which_it_was_started_and_a_signal_to_the_process_alone_ends_it():
    """Linux ends Ray's processes with the thread that started them."""
    with start() as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "False\n"
            time.sleep(2)
            running = list_processes(process.pid).values()
            assert any("gcs_server" in line for line in running)
            assert any("raylet" in line for line in running)
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 128 + signal.SIGTERM
        finally:
            end_all(process.pid)


_WAIT = """
import signal
from assets.cluster.connection import open_ray

class Told(BaseException):
    pass

def tell(*_):
    raise Told

for one in (signal.SIGINT, signal.SIGTERM):
    signal.signal(one, tell)
with open_ray(1):
    import ray
    for _ in range(2):
        try:
            # as a step of Dagster does within it
            signal.signal(signal.SIGINT, tell)
            with open_ray(1):
                never = ray.remote(num_cpus=1000)(lambda: None).remote()
                print("waiting", flush=True)
                ray.wait([never])
        except KeyboardInterrupt:
            print("stopped", flush=True)
print(signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is tell)
"""


def test_a_signal_ends_what_waits_for_ray_where_another_library_handles_signals():
    """Without more Ray loses what such a handler raises and waits on, and on SIGTERM it aborts the process."""
    with start(_WAIT) as process:
        try:
            assert process.stdout is not None
            for signum in (signal.SIGINT, signal.SIGTERM):
                assert process.stdout.readline() == "waiting\n"
                time.sleep(0.5)  # it says so before it waits
                process.send_signal(signum)
                assert process.stdout.readline() == "stopped\n"
            assert process.stdout.readline() == "True\n"
            assert process.wait() == 0
        finally:
            end_all(process.pid)
