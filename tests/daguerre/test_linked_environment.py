"""An environment that is linked from another checkout: its command says whose code runs, and make leaves it alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As far as the command and make look at one, with a `.venv` that leads elsewhere."""
    folder = tmp_path / "other"
    (folder / "orchestration").mkdir(parents=True)
    (folder / "orchestration" / "profiles.py").write_text("")
    for name in ("pyproject.toml", "requirements.lock", "Makefile"):
        shutil.copy(ROOT / name, folder)
    (tmp_path / "theirs" / "bin").mkdir(parents=True)
    (folder / ".venv").symlink_to(tmp_path / "theirs")
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from daguerre import main; main()"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DAGUERRE_HOME": str(folder.parent / "home"),
    }
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_that_it_runs_other_code_than_that_of_the_checkout(checkout):
    done = run(checkout, "--version")
    assert done.returncode == 0 and done.stdout.startswith("daguerre ")
    assert done.stderr == (
        f"daguerre: this is the code in {ROOT}, not that in {checkout}: `python -m daguerre` runs the latter\n"
    )
    assert run(checkout.parent, "--version").stderr == ""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_installs_nothing_into_what_is_linked(checkout):
    done = subprocess.run(
        ["make", "setup"], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert ".venv is a link, and what is installed there is not of this" in done.stdout
    assert list((checkout.parent / "theirs").rglob("*")) == [
        checkout.parent / "theirs" / "bin"
    ]
