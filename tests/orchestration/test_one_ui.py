"""A UI that cannot have its home or its ports says so, and starts nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.ports import require_free
from orchestration.profiles import LOOPBACK, Settings, load_settings
from orchestration.ui import Ports, own_home, serve

OPTIONS = ("--port", "--mlflow-port", "--browse-port")


@pytest.fixture
def settings(home) -> Settings:
    return load_settings({"DAGUERRE_HOME": str(home)})


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield other.getsockname()[1]


def list_started(settings: Settings) -> set[str]:
    return {path.name for path in settings.home.iterdir()} - {"ui_lock"}


def test_a_second_ui_of_a_home_names_the_first_and_leaves_its_token(settings, taken):
    settings.ui_token.write_text("of the first")
    with (
        own_home(settings.ui_lock, {"Dagster": "http://127.0.0.1:3000"}),
        pytest.raises(ValueError, match=r"already at http://127.0.0.1:3000 \(pro"),
    ):
        serve(settings, Ports(taken, taken + 1, taken + 2))
    assert settings.ui_token.read_text() == "of the first"
    assert list_started(settings) == {"ui_token"}


def test_a_home_is_free_again_when_its_ui_has_ended(settings):
    for address in ("http://127.0.0.1:3000", "http://127.0.0.1:3001"):
        with own_home(settings.ui_lock, {"Dagster": address}):
            assert settings.ui_lock.read_text().startswith(f" at {address} (")


@pytest.mark.parametrize("option", OPTIONS)
def test_a_port_that_is_taken_is_named_with_its_option(settings, taken, option):
    ports = Ports(*(taken if option == one else 0 for one in OPTIONS))
    with pytest.raises(ValueError, match=f"port {taken} of .* another one by {option}"):
        serve(settings, ports)
    assert list_started(settings) == set()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("port", ["99999", "0", "-1"])
def test_a_number_that_is_no_port_is_refused_by_its_option(option, port):
    result = CliRunner().invoke(app, ["ui", option, port])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': Input should be" in result.output


def test_one_port_for_both_pages_is_refused(taken):
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        free = probe.getsockname()[1]
    with pytest.raises(ValueError, match="another one by --mlflow-port"):
        require_free({"--port": free, "--mlflow-port": free})
    require_free({"--port": free})
