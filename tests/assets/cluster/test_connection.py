"""A cluster that cannot be worked on is refused by one line, before anything is started."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.cluster.same_code import describe_code, explain_difference
from bench.ray_nodes import RayNodes, start_ray_nodes

_CHECKOUT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    """The second node has a copy of the sources in which a line is another."""
    other = tmp_path_factory.mktemp("other") / "code"
    for room in ("assets", "models", "daguerre"):
        shutil.copytree(
            _CHECKOUT / room, other / room, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (other / "models" / "image_quality.py").open("a") as file:
        file.write("\n# another line\n")
    with start_ray_nodes(2, 1, [{}, {"PYTHONPATH": str(other)}]) as found:
        yield found


@pytest.fixture
def call(tmp_path: Path):
    """call(address, **environ): exit code, stdout, and stderr in lines of a verb that computes, in an empty home."""

    def run(address: str, **environ: str) -> tuple[int, str, list[str]]:
        done = subprocess.run(
            [sys.executable, "-m", "daguerre", "ingest", str(tmp_path)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(_CHECKOUT),
                "DAGUERRE_HOME": str(tmp_path / "home"),
                "DAGUERRE_RAY": address,
                **environ,
            },
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr.splitlines()

    return run


def _refused(told: tuple[int, str, list[str]], home: Path) -> str:
    code, out, err = told
    assert (code, out) == (2, ""), told
    assert not (home / "tables").exists() and not (home / "ledger.db").exists()
    lines = [line for line in err if line.startswith("daguerre: ")]
    assert len(lines) == 1 and "Traceback" not in "".join(err), err
    return lines[0]


def test_a_node_with_other_code_is_refused(nodes, call, tmp_path):
    told = _refused(call(nodes.address), tmp_path / "home")
    assert f"DAGUERRE_RAY='{nodes.address}': 127.0.0.1 (node " in told
    here = describe_code()["daguerre"]
    assert "runs other code: daguerre " in told and f", not {here}; install" in told


def test_another_token_is_refused_and_not_shown(nodes, call, tmp_path):
    told = call(nodes.address, RAY_AUTH_TOKEN="not-the-token" * 4)
    line = _refused(told, tmp_path / "home")
    assert f"DAGUERRE_RAY='{nodes.address}': the cluster refuses the token" in line
    assert "~/.ray/auth_token" in line and "not-the-token" not in str(told)


def test_no_token_is_refused(nodes, call, tmp_path):
    told = call(nodes.address, RAY_AUTH_TOKEN_PATH=str(tmp_path / "none"))
    assert f"{tmp_path / 'none'} holds no token" in _refused(told, tmp_path / "home")


def test_an_address_where_nothing_answers_is_refused(call, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        told = _refused(call(address), tmp_path / "home")
    assert f"DAGUERRE_RAY='{address}': no Ray answers there" in told
    assert "give host:port of its head" in told


def test_a_difference_names_what_is_to_be_installed():
    here = {"daguerre": "1", "torch": "2.15.0", "numpy": "3"}
    assert explain_difference(here, here, "node a") == ""
    told = explain_difference(here, {"daguerre": "1", "torch": "2.14.0"}, "node a")
    assert told == (
        "node a runs other code: torch 2.14.0, not 2.15.0, numpy missing, not 3; "
        "install there what is installed here"
    )


def test_a_ray_that_was_imported_without_tokens_is_told_before_one_starts():
    script = (
        "import ray\n"
        "from assets.cluster.connection import open_ray\n"
        "with open_ray(1): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={k: v for k, v in os.environ.items() if k != "RAY_AUTH_MODE"}
        | {"PYTHONPATH": str(_CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "set RAY_AUTH_MODE=token where this process starts" in done.stderr
