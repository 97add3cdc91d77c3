"""What `daguerre ui` starts is what plain Dagster starts in a checkout; it is kept running, and nothing stays of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from orchestration import servers
from orchestration.profiles import CHECKOUT
from orchestration.servers import Server, end_all
from orchestration.ui import Ports, _commands


def test_the_servers_load_the_code_that_the_workspace_names(tmp_path: Path) -> None:
    (location,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"]
    command = _commands(Ports(3000, 5000, 8500), tmp_path / "socket", tmp_path)[
        "dagster-code"
    ]
    *_, module_flag, module, folder_flag, folder = command
    assert (module_flag, folder_flag, Path(folder)) == ("-m", "-d", CHECKOUT)
    assert location == {
        "python_module": {"module_name": module, "working_directory": "."}
    }


# a server that has a server of its own: it writes down its process, and waits
_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
_SUPERVISOR = """
import os, sys
from pathlib import Path
from orchestration.servers import Server
server = Server("one", ["sleep", "600"], os.environ, Path(sys.argv[1]))
print(server.pid, flush=True)
import time; time.sleep(600)
"""


def wait_for(is_so: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """A process that has ended and is not yet buried is not alive."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """start(code): a server that runs Python code; it is ended with the test."""
    started = []

    def act(code: str) -> Server:
        command = [sys.executable, "-c", code]
        started.append(Server("one", command, os.environ, tmp_path / "one.log"))
        return started[-1]

    yield act
    for server in started:
        os.kill(server.pid, signal.SIGKILL) if server.is_running else None
        server.end(0.0)


def test_a_server_that_dies_is_started_again_after_pauses_that_grow(
    start: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(servers, "_LONGEST_PAUSE_S", 0.04)
    server = start("raise SystemExit(3)")
    told: list[str] = []
    wait_for(lambda: told.append(server.tend()) or len([t for t in told if t]) == 4)
    pauses = [t.split("again in ")[1].split(" s")[0] for t in told if t]
    assert pauses == ["0.01", "0.02", "0.04", "0.04"]
    assert "ended with code 3" in next(t for t in told if t)


def test_what_a_dead_server_had_started_is_ended_before_it_starts_again(
    start: Callable[[str], Server],
) -> None:
    server = start(_PARENT)
    wait_for(lambda: server.log.read_text().endswith("\n"))
    child = int(server.log.read_text())
    os.kill(server.pid, signal.SIGKILL)
    wait_for(server.tend)
    wait_for(lambda: not is_alive(child))


def test_nothing_is_left_of_servers_that_are_ended(
    start: Callable[[str], Server],
) -> None:
    server = start(_PARENT)
    wait_for(lambda: server.log.read_text().endswith("\n"))
    end_all([server])
    assert not server.is_running
    wait_for(lambda: not is_alive(int(server.log.read_text())))


def test_servers_end_when_who_keeps_them_is_killed(tmp_path: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
    )
    with keeper:
        server = int(keeper.stdout.readline())
        wait_for(lambda: b"sleep" in Path(f"/proc/{server}/cmdline").read_bytes())
        keeper.kill()
    wait_for(lambda: not is_alive(server))
