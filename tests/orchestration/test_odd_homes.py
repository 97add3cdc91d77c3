"""Homes whose paths hold what URIs are made of: everything lies in them, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.ledger import Ledger
from orchestration.plain_homes import find_plain
from orchestration.profiles import load_settings
from orchestration.resources import build_ledger, build_tracker
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.ticks import LocalEngine

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")

ODD = "a b?c=1&%20d#é 二"


@pytest.fixture
def settings_at(tmp_path):
    """settings_at(name): those of a home of that name, with a place for links."""

    def load(name: str):
        home = tmp_path / "homes" / name
        return load_settings(
            {"DAGUERRE_HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        )

    return load


@pytest.fixture
def run(tmp_path, monkeypatch, start_home, run_on):
    """run("status"): the verb on the home with the odd name, its answer from JSON."""
    home = start_home(tmp_path / "homes" / ODD)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return run_on(home, exit_codes=(0, 1))  # 1: a session is held


def test_every_verb_that_looks_sees_what_was_taken_in(run, tmp_path, make_png):
    (tmp_path / "monday").mkdir()
    (tmp_path / "monday" / "a.png").write_bytes(make_png(1))
    (tmp_path / "monday" / "cut.png").write_bytes(make_png(2)[:60])
    assert run("ingest", "monday")["frames"] == 1
    status = run("status")
    assert status["home"] == str(tmp_path / "homes" / ODD)
    assert [s["frames"] for s in status["sessions"]] == [1]
    (frame,) = run("query", "select frame_id from frames")["rows"]
    assert run("lineage", "frame", frame["frame_id"])
    assert run("verify")["ok"]
    assert [entry["path"] for entry in run("quarantine", "list")] == ["cut.png"]
    assert [p.name for p in (tmp_path / "homes").iterdir()] == [ODD]
    assert (tmp_path / "homes" / ODD / "tables" / "frames.lance").is_dir()


def test_dagster_and_mlflow_keep_what_they_keep_in_the_home(settings_at, tmp_path):
    settings = settings_at(ODD)
    with LocalEngine(settings) as engine:
        (tmp_path / "homes" / ODD / "landing" / "monday").mkdir(parents=True)
        engine.tick(landing_zone_sensor)
        engine.instance.add_dynamic_partitions("sessions", ["monday"])
    assert build_tracker(settings).versions("recognition") == []
    home = tmp_path / "homes" / ODD
    assert (home / "mlflow" / "mlflow.db").is_file()
    assert list((home / "dagster").rglob("*.db"))
    assert [p.name for p in (tmp_path / "homes").iterdir()] == [ODD]


def test_homes_that_differ_behind_a_question_mark_share_nothing(settings_at):
    one, two = (build_ledger(settings_at(name)) for name in ("h?1", "h?2"))
    one.register_source("monday", "/elsewhere")
    assert isinstance(two, Ledger) and two.sources() == {}


def test_a_plain_home_is_its_own_address(tmp_path):
    assert find_plain(Path("/srv/daguerre-1_0"), {}) == Path("/srv/daguerre-1_0")


def test_a_link_is_put_only_where_nobody_else_can(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "shared"))
    (tmp_path / "open" / "daguerre" / "homes").mkdir(parents=True)
    (tmp_path / "open" / "daguerre" / "homes").chmod(0o777)
    env = {"XDG_CACHE_HOME": str(tmp_path / "open")}
    link = find_plain(tmp_path / "a b", env)
    assert link.parent.parent == tmp_path / "shared"
    assert link.readlink() == tmp_path / "a b"
    link.parent.chmod(0o777)
    with pytest.raises(ValueError, match="XDG_CACHE_HOME"):
        find_plain(tmp_path / "a b", env)
