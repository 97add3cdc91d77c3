"""The wheel: one name in site-packages, every file of the code, a command that runs beside namesakes and anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("assets", "checks", "models", "orchestration")
PLACES = "import models, orchestration.profiles; print(models.__file__, orchestration.profiles.__file__)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        str(folder),
    ]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installer makes of the wheel, with packages of others that are called as ours are."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    for name in FOLDERS:
        _write_namesake(folder / name)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A working folder with more namesakes, which `python -m` puts before all that is installed."""
    folder = tmp_path / "work"
    for name in FOLDERS:
        _write_namesake(folder / name)
    return folder


@pytest.fixture
def run(site: Path, work: Path, tmp_path: Path):
    """run("-m", "daguerre", "status"): Python in the working folder, with this environment's other packages."""
    unset = ("DAGUERRE_", "PYTHON", "XDG_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    environment |= {"PYTHONPATH": str(site), "XDG_DATA_HOME": str(tmp_path / "data")}

    def start(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return start


def _write_namesake(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        f"OWNER = 'somebody else, in {folder.parent.name}'\n"
    )


def test_the_wheel_is_one_name_in_site_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"daguerre"}


def test_the_wheel_has_every_file_of_the_code(wheel: Path) -> None:
    files = [
        p for folder in FOLDERS for p in (CHECKOUT / folder).rglob("*") if p.is_file()
    ]
    ours = {
        p.relative_to(CHECKOUT).as_posix()
        for p in files
        if "__pycache__" not in p.parts
    }
    code = "daguerre/code/"
    names = {
        n.removeprefix(code)
        for n in zipfile.ZipFile(wheel).namelist()
        if n.startswith(code)
    }
    assert names == ours
    assert any(not name.endswith(".py") for name in ours), "templates, for one"


def test_namesakes_neither_disturb_nor_are_disturbed(run, site: Path) -> None:
    put_first = "from daguerre.code_path import put_code_first; put_code_first()"
    code = site / "daguerre" / "code"
    ours = f"{code / 'models' / '__init__.py'} {code / 'orchestration' / 'profiles.py'}"
    assert run("-c", f"{put_first}; {PLACES}").strip() == ours
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PLACES!r}], check=True)"
    assert run("-c", f"{put_first}; {child}").strip() == ours
    assert (
        run("-c", "import models; print(models.OWNER)").strip()
        == "somebody else, in work"
    )


def test_the_command_runs_in_any_folder_and_leaves_it_as_it_was(
    run, site: Path, work: Path, tmp_path: Path, make_png
) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "picture.png").write_bytes(make_png())
    before = sorted(work.rglob("*"))
    assert "ingest" in run("-m", "daguerre", "--help")
    # decoded by the guard
    taken = json.loads(
        run("-m", "daguerre", "ingest", str(tmp_path / "desk"), "--json")
    )
    assert taken["published"] and taken["quarantined"] == 0, taken
    status = json.loads(run("-m", "daguerre", "status", "--json"))
    assert status["home"] == str(tmp_path / "data" / "daguerre")
    assert [session["session"] for session in status["sessions"]] == ["desk"]
    assert sorted(work.rglob("*")) == before
    written = {
        p.name
        for p in (site / "daguerre").rglob("*")
        if p.is_file() and p.suffix != ".py" and p.parent.name != "__pycache__"
    }
    page = CHECKOUT / "orchestration" / "browse" / "page"
    assert written == {path.name for path in page.iterdir()} | {
        *("examples.toml", "forms.toml", "learnt.safetensors"),
        *(
            "colleagues.toml",
            "engineers.toml",
            "near_misses.toml",
            "office.toml",
            "people.toml",
        ),
        *("refused.toml", "fifth.toml", "sixth.toml", "seventh.toml"),
        "fourth.toml",
        "held_out.toml",
        "roles.toml",
        "macros.html.j2",
        "model.html.j2",
        "page.html.j2",
        "practice.toml",
        "release.html.j2",
        "report.css",
        "report.html.j2",
        "second.toml",
        "session.html.j2",
        "slices.toml",
        "third.toml",
        "versions.json",
    }
