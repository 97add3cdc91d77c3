"""The exit code of `daguerre ingest`: 0 what is published, 1 what is to be looked at; and no session of nothing."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"


@pytest.fixture
def run(home, monkeypatch, tmp_path):
    """run("status", "--json"): the verb on an empty home, in an empty folder."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, list(words), catch_exceptions=False)

    return invoke


def test_all_pictures_of_a_session_refused(run, write_files):
    root = write_files({"a.jpg": LFS, "b.jpg": LFS}, "monday")
    done = run("ingest", str(root))
    assert done.exit_code == 1
    assert "quarantined 2 files: a.jpg, b.jpg (image_folder): git-lfs" in done.stdout
    assert "run `git lfs pull` where the file comes from" in done.stdout
    assert "nothing could be read of sensor camera" in done.stdout
    assert run("ingest", str(root), "--dry-run").exit_code == 1


def test_a_dry_run_ends_as_the_intake_of_a_fifth_of_unreadable_images(
    run, write_files, make_png
):
    files = {f"{n:02}.png": make_png(n) for n in range(4)}
    root = write_files({**files, "x.png": "no picture at all"}, "monday")
    dry = run("ingest", str(root), "--dry-run")
    assert dry.exit_code == 0  # one of five is what the check tolerates
    (root / "y.png").write_text("no picture at all")
    dry = run("ingest", str(root), "--dry-run")
    told = "images_are_readable: 2 of 6 images (33.3 %) could not be read"
    assert dry.exit_code == 1 and f"held back from datasets: {told}" in dry.stdout
    done = run("ingest", str(root))
    assert done.exit_code == 1 and told in done.stdout


def test_one_sensor_refused_beside_one_that_is_read(run, write_files, make_png):
    """One of 41 images, which the check of readable images lets pass: the session is published without its sensor."""
    files = {f"left/{n:02}.png": make_png(n) for n in range(40)}
    root = write_files({**files, "right/00.png": "no picture at all"}, "monday")
    dry = run("ingest", str(root), "--dry-run", "--json")
    assert json.loads(dry.stdout)["silent"] == ["sensor right"] and dry.exit_code == 1
    done = run("ingest", str(root), "--json")
    facts = json.loads(done.stdout)
    assert (facts["published"], facts["silent"]) == (True, ["sensor right"])
    assert done.exit_code == 1
    assert run("quarantine", "drop", "monday", "--yes").exit_code == 0
    again = run("ingest", str(root), "--json")
    assert json.loads(again.stdout)["silent"] == [] and again.exit_code == 0
    assert run("ingest", str(root), "--dry-run").exit_code == 0


def test_a_recording_refused_beside_one_that_is_read(run, write_files, recording):
    cut = recording[: len(recording) // 2]
    root = write_files({"a.mcap": recording, "b.mcap": LFS, "c.mcap": cut}, "monday")
    for words in (("--dry-run",), ()):
        done = run("ingest", str(root), "--json", *words)
        assert json.loads(done.stdout)["silent"] == ["b.mcap", "c.mcap"]
        assert done.exit_code == 1


def test_what_is_published_and_taken_in_again_exits_0(run, write_files, make_png):
    root = write_files({"a.png": make_png(1), "b.png": make_png(2)}, "monday")
    assert run("ingest", str(root), "--dry-run").exit_code == 0
    assert run("ingest", str(root)).exit_code == 0
    again = run("ingest", str(root))
    assert again.exit_code == 0 and "stored again" not in again.stdout


def test_files_that_another_session_has_are_told(run, write_files, make_png):
    root = write_files({"a.png": make_png(1), "b.png": make_png(2)}, "monday")
    run("ingest", str(root))
    done = run("ingest", str(root), "--session", "tuesday")
    assert done.exit_code == 0
    assert "the same files are in session monday (2 files) already" in done.stdout
    facts = json.loads(run("ingest", str(root), "--session", "again", "--json").stdout)
    assert facts["same_as"] == [
        {"session": name, "files": 2} for name in ("monday", "tuesday")
    ]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({".keep": ""}, "holds documents alone: give the folder with the data"),
        ({"a.rar": "x"}, "a.rar: no reader for .rar yet. unpack it"),
    ],
)
def test_nothing_to_read_makes_no_session(run, write_files, files, told: str):
    root = write_files(files, "monday")
    done = run("ingest", str(root))
    assert (done.exit_code, done.stdout) == (1, "") and told in done.stderr
    facts = json.loads(run("ingest", str(root), "--json").stdout)
    assert facts["exit_code"] == 1 and told in facts["error"]
    dry = run("ingest", str(root), "--dry-run")
    assert dry.exit_code == 1 and told in dry.stdout
    assert json.loads(run("status", "--json").stdout)["sessions"] == []


def test_a_known_session_whose_folder_lists_nothing_is_no_call_gone_wrong(
    run, write_files, make_png
):
    """As after an outage: what was taken in stays."""
    root = write_files({"a.png": make_png(1), "b.png": make_png(2)}, "monday")
    run("ingest", str(root))
    for picture in root.iterdir():
        picture.unlink()
    done = run("ingest", str(root), "--json")
    facts = json.loads(done.stdout)
    assert (facts["files"], facts["frames"], done.exit_code) == (0, 2, 0)
