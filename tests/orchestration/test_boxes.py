"""`daguerre boxes`: what it says of objects in space, what it stores, and how it ends."""

from __future__ import annotations

import json

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import plain_row
from orchestration.cli import app
from orchestration.instance import prepare_instance
from orchestration.profiles import load_settings
from tests.assets.tracking.ball_scene import CAPTURE, store_ball


@pytest.fixture
def run(home, monkeypatch):
    """run("desk", "--json"): the exit code, and what stands on stdout."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))

    def call(*words):
        done = CliRunner().invoke(app, ["boxes", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return call


def test_objects_are_tried_stored_and_published(run, catalog):
    store_ball(catalog)
    code, told = run("desk", "--dry-run", "--json")
    facts = json.loads(told)
    assert code == 0 and facts["with_a_box"] == 1 and not facts["kept"]
    assert not catalog.exists("object_boxes")
    code, told = run("desk")
    assert code == 0 and "1 of 2 objects have a box in space, seen in 6 views" in told
    assert "WARNING objects_have_a_box" in told
    assert len(catalog.read("object_views")) == 6


def test_asked_again_it_tells_dagster_again(run, catalog, home):
    store_ball(catalog)
    folder = str(prepare_instance(load_settings()))
    codes = [run("desk")[0] for _ in range(2)]
    key = dg.AssetCheckKey(
        dg.AssetKey(["tracking", "object_boxes"]), "objects_are_still_or_move_smoothly"
    )
    with dg.DagsterInstance.from_config(folder) as instance:
        told = instance.event_log_storage.get_asset_check_execution_history(key, 9)
    assert codes == [0, 0] and [one.partition for one in told] == ["desk", "desk"]
    files = {file.name for file in (home / "dagster/history/runs").iterdir()}
    assert {name.partition("-")[0] for name in files} <= {"index.db", ".db"}, (
        "a file each would stay for ever"
    )


def test_without_depth_it_exits_with_1_and_the_reason(run, catalog):
    store_ball(catalog, has_depth=False)
    code, told = run("desk")
    assert code == 1 and "ball 1: no box: its picture has no depth" in told


def test_without_ids_a_try_ends_as_the_run_does(run, catalog):
    store_ball(catalog, is_named=False)
    taken = plain_row("captures", {}) | {"capture_id": CAPTURE, "session": "desk"}
    catalog.merge("captures", to_table(TABLES["captures"], [taken]))
    told = [run("desk", *words, "--json") for words in (["--dry-run"], [])]
    assert [code for code, _ in told] == [0, 0]
    for _, text in told:
        checks = {c["name"]: c for c in json.loads(text)["checks"]}
        assert "no label has a track id" in str(checks["objects_have_a_box"])


def test_a_session_that_is_not_there_is_a_mistake(run):
    with pytest.raises(ValueError, match="monday has no published colour frame"):
        run("monday")
