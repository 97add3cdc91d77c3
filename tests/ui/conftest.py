"""A running `daguerre ui` and a headless browser on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
_BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ui-home", default=None, help="show this home in the UI tests instead of an empty one")
    parser.addoption("--screenshots", default=None, help="folder for the screenshots of the UI tests")


@pytest.fixture(scope="session")
def ui_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(request.config.getoption("--ui-home") or tmp_path_factory.mktemp("ui-home")).resolve()


@pytest.fixture(scope="session")
def ui(ui_home: Path) -> Iterator[dict[str, str]]:
    """name -> address, as `daguerre ui` prints them."""
    ports = [_free_port(), _free_port()]
    command = [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(ports[0]), "--mlflow-port", str(ports[1])]
    environment = {**os.environ, "DAGUERRE_HOME": str(ui_home)}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        addresses: dict[str, str] = {}
        try:
            for line in server.stdout:
                if match := re.match(r"(\w+)\s+(http://127\.0\.0\.1:\d+)", line):
                    addresses[match[1]] = match[2]
                if "Ctrl-C" in line:
                    break
            assert set(addresses) == {"Dagster", "MLflow"}, f"the servers did not start: {addresses}"
            yield addresses
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium of the system; the test is skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: install the package 'chromium'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures of this test go."""
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
