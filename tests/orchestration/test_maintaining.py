"""`daguerre maintain`, its asset, its check and its schedule, on a home with versions and files that are left over."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import pytest

from assets.tables import upkeep
from assets.tables.catalog import Catalog
from assets.tables.seals import seal_tables
from orchestration.graph import build_defs
from orchestration.profiles import load_settings
from orchestration.ticks import LocalEngine

POINTERS = 6


@pytest.fixture
def littered(home, monkeypatch) -> Path:
    """A table of six versions that may go, and a file that a killed worker left eight days ago."""
    monkeypatch.setattr(upkeep, "ALONE_S", -1.0)
    catalog = Catalog(str(home / "tables"))
    monkeypatch.setattr(upkeep, "MANY", 100)
    for number in range(POINTERS):
        catalog.point(f"pointer/{'abcdef'[number]}", "a")
    seal_tables(catalog)
    left = home / "blobs" / "ab" / ".x.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"xyz")
    at_s = time.time() - 8 * 86_400
    os.utime(left, (at_s, at_s))
    return home


def list_paths(home: Path) -> set[str]:
    return {str(path) for path in home.rglob("*")}


def test_a_dry_run_says_what_goes_and_writes_nothing(littered, run_on):
    before = list_paths(littered)
    told = run_on(littered)("maintain", "--dry-run")
    assert list_paths(littered) == before
    (table,) = told["tables"]
    assert table["table"] == "pointers" and told["is_dry_run"]
    assert (table["before"]["num_versions"], table["after"]["num_versions"]) == (7, 1)
    assert table["kept"] == {"newest and sealed": 1}
    assert [left["path"] for left in told["removed"]] == ["blobs/ab/.x.part"]


def test_it_does_what_it_said_and_the_home_verifies(littered, run_on):
    told = run_on(littered)("maintain", "--dry-run")
    done = run_on(littered)("maintain")
    assert done["figures"] == told["figures"] and done["failed"] == []
    assert not (littered / "blobs/ab/.x.part").exists()
    assert run_on(littered)("verify")["ok"]
    again = run_on(littered)("maintain")
    assert again["removed"] == []
    assert again["figures"]["versions"] == again["figures"]["versions_after"] == 1


def test_the_retention_is_a_setting(littered, run_on, monkeypatch):
    monkeypatch.setenv("DAGUERRE_KEEP_DAYS", "9")
    told = run_on(littered)("maintain", "--dry-run")
    assert told["removed"] == [] and told["keep_days"] == 9
    monkeypatch.setenv("DAGUERRE_KEEP_DAYS", "0")
    with pytest.raises(ValueError, match="DAGUERRE_KEEP_DAYS='0' is not a whole"):
        load_settings()


def test_what_cannot_be_done_ends_it_with_1(littered, run_on, monkeypatch):
    from assets.maintenance import home as care_of_home

    def refuse(*_):
        raise OSError("the disk says no")

    monkeypatch.setattr(care_of_home, "care_for_table", refuse)
    told = run_on(littered, exit_codes=(1,))("maintain")
    assert told["failed"] == ["table 'pointers': the disk says no"]
    assert len(told["removed"]) == 1


def test_the_asset_tells_its_figures_and_its_check_what_is_missing(littered):
    settings = load_settings({"DAGUERRE_HOME": str(littered)})
    with LocalEngine(settings) as engine:
        assert engine.execute("maintain_home").success
        asset = dg.AssetKey(["maintenance", "home"])
        made = engine.instance.get_latest_materialization_event(asset)
        assert made is not None and made.asset_materialization is not None
        shown = {k: v.value for k, v in made.asset_materialization.metadata.items()}
        assert (shown["versions"], shown["versions_after"]) == (7, 1)
        assert shown["other_files_removed"] == 1 and shown["keep_days"] == 7
        next((littered / "tables/pointers.lance/_transactions").iterdir()).unlink()
        second = engine.execute("maintain_home")
    assert not second.success
    assert second.failed_checks == ("maintenance/home: needed_files_are_there",)


def test_it_is_asked_for_each_night(home):
    defs = build_defs(load_settings({"DAGUERRE_HOME": str(home)}))
    (schedule,) = defs.schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.job_name) == (
        "30 3 * * *",
        "maintain_home",
    )
    assert schedule.default_status.value == "RUNNING"
