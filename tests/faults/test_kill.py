"""Kill -9 at each step of an intake, run it again: the tables are those of an intake that nothing befell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assets.retrieval.verify import Stores, verify
from assets.storage import Folder

SCRIPT = Path(__file__).with_name("crash.py")
ROOT = Path(__file__).resolve().parents[2]
POINTS = (
    "before put", "after put", "after claim", "after merge frames", "after merge signals", "after merge calibrations",
    "after merge labels", "after merge quarantine", "after upsert captures", "after commit", "before record",
    "after record",
)  # fmt: skip
GROWN = ("after merge frames", "before delete quarantine", "after delete quarantine", "before upsert captures")


def run_intake(home: Path, source: Path, point: str = "") -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    args = [sys.executable, str(SCRIPT), str(home), str(source), "monday", *([point] if point else [])]
    return subprocess.run(
        args, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )


def finish(home: Path, source: Path, open_at):
    """The rerun, in this process, under the lease time of production."""
    intake = open_at(home)
    started = time.monotonic()
    report = intake.ingest(Folder(str(source)), "monday")
    assert time.monotonic() - started < intake.ledger.lease_s / 4, "the dead worker's lease was waited for"
    assert verify(Stores(intake.catalog, intake.ledger, intake.blobs, home)) == []
    return intake, report


@pytest.fixture(scope="module")
def landed(tmp_path_factory, recording) -> Path:
    folder = tmp_path_factory.mktemp("landed")
    (folder / "drive.mcap").write_bytes(recording)
    (folder / "README.md").write_text("about")
    (folder / "what.xyz").write_text("?")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, landed) -> tuple[Path, set[str]]:
    """A home that was filled in peace, and every point that its worker passed."""
    home = tmp_path_factory.mktemp("undisturbed")
    done = run_intake(home, landed)
    assert done.returncode == 0, done.stderr
    return home, set(done.stdout.splitlines())


def test_every_write_of_an_intake_is_among_the_points(undisturbed):
    writes = {p.removeprefix("after ") for p in undisturbed[1] if p.startswith("after ")}
    assert writes == {p.split(" ", 1)[1] for p in POINTS}


@pytest.mark.parametrize("point", POINTS)
def test_an_intake_killed_at(point, landed, undisturbed, tmp_path, open_at, read_tables):
    killed = run_intake(tmp_path / "home", landed, point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    intake, report = finish(tmp_path / "home", landed, open_at)
    assert read_tables(intake.catalog) == read_tables(open_at(undisturbed[0]).catalog)
    assert (report.files, report.new + report.already_ingested, report.quarantined) == (3, 2, 1)


@pytest.mark.parametrize("point", GROWN)
def test_a_growing_folder_killed_at(point, tmp_path, open_at, read_tables, make_png):
    """One file is repaired and one is added; the worker is killed while it takes them in."""
    folder = tmp_path / "landed"
    folder.mkdir()
    homes = [tmp_path / "killed", tmp_path / "peace"]
    (folder / "a.png").write_bytes(make_png(1))
    (folder / "b.png").write_bytes(make_png(2)[:99])
    for home in homes:
        home.mkdir()
        open_at(home).ingest(Folder(str(folder)), "monday")
    (folder / "b.png").write_bytes(make_png(2))
    (folder / "c.png").write_bytes(make_png(3))
    assert run_intake(homes[0], folder, point).returncode == -signal.SIGKILL
    killed, peace = (finish(home, folder, open_at)[0] for home in homes)
    assert read_tables(killed.catalog) == read_tables(peace.catalog)
    assert sorted(killed.catalog.read_latest("frames")["source_path"].to_pylist()) == ["a.png", "b.png", "c.png"]
