"""A running `daguerre ui`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def ui_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return Path(
        request.config.getoption("--ui-home") or tmp_path_factory.mktemp("ui-home")
    ).resolve()


@pytest.fixture(scope="session")
def ui(ui_home: Path) -> Iterator[dict[str, str]]:
    """name -> address, as `daguerre ui` prints them, and the token of their links."""
    ports = [_free_port(), _free_port(), _free_port()]
    command = [
        sys.executable,
        "-m",
        "orchestration.cli",
        "ui",
        "--port",
        str(ports[0]),
        "--mlflow-port",
        str(ports[1]),
        "--browse-port",
        str(ports[2]),
    ]
    environment = {
        **os.environ,
        "DAGUERRE_HOME": str(ui_home),
        "PYTHONFAULTHANDLER": "1",
    }
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        addresses: dict[str, str] = {}
        try:
            for line in server.stdout:
                if match := re.match(
                    r"(\w+)\s+(http://127\.0\.0\.1:\d+)/\?token=(\S+)", line
                ):
                    addresses |= {match[1]: match[2], "token": match[3]}
                if "Ctrl-C" in line:
                    break
            assert set(addresses) == {"Dagster", "MLflow", "Browse", "token"}, (
                f"the servers did not start: {addresses}"
            )
            yield addresses
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                # it tells where it is stuck, and ends
                server.send_signal(signal.SIGABRT)
                raise


@pytest.fixture
def visitor(ui: dict[str, str], browser) -> Iterator[object]:
    """A browser in which somebody has opened the link."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    page.goto(f"{ui['Dagster']}/?token={ui['token']}", timeout=120_000)
    page.close()
    yield context
    context.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
