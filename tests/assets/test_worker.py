"""A worker's name tells whether it is certainly gone, and says no where nobody can know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assets.worker import is_gone, name_worker

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="this system has no /proc"
)


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def name_of(process: int) -> str:
    """The name that another process of this machine gives itself."""
    start = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{name_worker().rsplit(':', 3)[0]}:{process}:{start}:0"


def test_this_process_lives_and_each_name_is_another():
    assert not is_gone(name_worker()) and name_worker() != name_worker()


@needs_proc
def test_a_child_lives_until_it_is_killed(child):
    name = name_of(child.pid)
    assert not is_gone(name)
    child.kill()
    child.communicate()
    assert is_gone(name)


@needs_proc
def test_a_killed_child_that_nobody_waited_for_is_gone(child):
    import os
    import signal

    name = name_of(child.pid)
    child.kill()
    # it has ended, and stays a zombie
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name)
    assert child.wait() == -signal.SIGKILL


@needs_proc
def test_another_process_with_the_same_number_is_not_the_worker(child):
    machine, process, start, rest = name_of(child.pid).rsplit(":", 3)
    assert is_gone(f"{machine}:{process}:{int(start) - 1}:{rest}")


def test_workers_of_other_machines_are_never_called_gone():
    _machine, _process, start, rest = name_worker().rsplit(":", 3)
    assert not is_gone(f"elsewhere/0:{2**22 + 1}:{start}:{rest}")


@pytest.mark.parametrize("name", ["", "somebody", "a:b:c:d", "host:12:x"])
def test_names_that_cannot_be_read_are_never_called_gone(name):
    assert not is_gone(name)
