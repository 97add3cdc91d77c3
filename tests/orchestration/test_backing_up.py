"""The verbs `backup` and `restore`: what they print, and stores that do not lie in the home."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from assets.storage import Folder


@pytest.fixture
def run(home, run_on):
    return run_on(home)


@pytest.fixture
def taken_in(intake, home, write_files, make_png) -> Path:
    source = Folder(str(write_files({"a.png": make_png(1)})))
    intake.ingest(source, "monday")
    intake.ledger.engine.dispose()
    return home


def test_a_home_comes_back_under_another_name(run, taken_in, tmp_path, monkeypatch):
    planned = run("backup", "backups", "--dry-run")
    assert not (tmp_path / "backups").exists()
    made = run("backup", "backups")
    assert (made["damaged"], made["left_out"]) == ([], {})
    assert planned["num_files"] >= made["num_files"] > 10
    there = tmp_path / "a home?"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cached"))
    assert run("restore", "backups", str(there))["num_files"] == made["num_files"]
    monkeypatch.setenv("DAGUERRE_HOME", str(there))
    assert run("verify")["ok"]
    (session,) = run("status")["sessions"]
    assert (session["session"], session["frames"]) == ("monday", 1)
    with pytest.raises(ValueError, match="is not empty"):
        run("restore", "backups")


def test_what_cannot_be_backed_up_is_named_and_left_out_only_when_asked(
    run, taken_in, tmp_path, monkeypatch
):
    monkeypatch.setenv("DAGUERRE_MLFLOW", "http://127.0.0.1:5999")
    monkeypatch.setenv("DAGUERRE_LEDGER", "postgresql+psycopg://me:secret@host/db")
    with pytest.raises(ValueError, match="DAGUERRE_MLFLOW=http://127") as refusal:
        run("backup", "backups")
    assert "postgresql://" in str(refusal.value) and "secret" not in str(refusal.value)
    assert os.listdir(tmp_path).count("backups") == 0
    made = run("backup", "backups", "--home-only")
    left_out = {
        "DAGUERRE_MLFLOW": "http://127.0.0.1:5999",
        "DAGUERRE_LEDGER": "postgresql+psycopg://me:***@host/db",
    }
    assert made["left_out"] == left_out
    monkeypatch.undo()
    there = str(tmp_path / "there")
    assert run("restore", str(tmp_path / "backups"), there)["left_out"] == left_out


def test_a_folder_outside_of_the_home_comes_back_where_the_settings_say(
    run, taken_in, tmp_path, monkeypatch
):
    shutil.move(taken_in / "tables", tmp_path / "tables")
    monkeypatch.setenv("DAGUERRE_TABLES", str(tmp_path / "tables"))
    assert run("backup", "backups")["damaged"] == []
    with pytest.raises(ValueError, match="tables is not empty"):
        run("restore", "backups", "there")
    assert not (tmp_path / "there").exists()
    monkeypatch.setenv("DAGUERRE_TABLES", str(tmp_path / "other"))
    run("restore", "backups", "there")
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path / "there"))
    assert run("verify")["ok"]
    assert not (tmp_path / "there" / "tables").exists()
    monkeypatch.delenv("DAGUERRE_TABLES")
    run("restore", "backups", str(tmp_path / "whole"))
    assert (tmp_path / "whole" / "tables" / "frames.lance").is_dir()
