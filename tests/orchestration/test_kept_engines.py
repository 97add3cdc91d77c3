"""Dagster's SQLite files: one engine each, events that are stored as before, and open files only while a run goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration import kept_engines
from orchestration.instance import prepare_instance
from orchestration.kept_engines import keep_connections, keep_engines
from orchestration.profiles import load_settings

KEY = dg.AssetKey(["stage", "noun"])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that an engine was made for."""
    addresses: list[str] = []
    make = kept_engines.make_engine

    def note(url: str, **options: Any) -> Any:
        addresses.append(url)
        return make(url, **options)

    monkeypatch.setattr(kept_engines, "make_engine", note)
    keep_engines()
    return addresses


def test_many_events_are_stored_through_one_engine_a_file(
    tmp_path: Path, made: list[str]
) -> None:
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path / "home")})
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        for number in range(20):
            event = dg.AssetMaterialization(KEY, metadata={"number": number})
            instance.report_runless_asset_event(event)
        found = instance.fetch_materializations(KEY, limit=100).records
        numbers = [
            record.asset_materialization.metadata["number"].value
            for record in found
            if record.asset_materialization
        ]
        assert sorted(numbers) == list(range(20))
        assert _list_open(tmp_path) == []
    assert sorted(made) == sorted(set(made))
    assert 2 <= len(made) <= 4  # runs, schedules, the index, and runs without a run


def test_files_stay_open_until_the_last_run_here_ends_and_others_read_what_was_written(
    tmp_path: Path, made: list[str]
) -> None:
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path / "home")})
    place = str(prepare_instance(settings))
    with dg.DagsterInstance.from_config(place) as instance:
        with keep_connections():
            with keep_connections():
                instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
            held = _list_open(tmp_path)
            code = f"""
import dagster as dg
with dg.DagsterInstance.from_config({place!r}) as instance:
    print(len(instance.fetch_materializations(dg.AssetKey({KEY.path}), limit=9).records))
"""
            other = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            assert other.stdout.strip() == "1"
            assert held, "a file that is closed is moved together first"
        assert _list_open(tmp_path) == []
    assert not list(tmp_path.rglob("*.db-wal"))


def test_an_engine_that_gives_way_to_others_closes_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_engines, "_MOST", 2)
    engines = kept_engines._Engines()
    monkeypatch.setattr(kept_engines, "_ENGINES", engines)
    with keep_connections():
        for name in ("a", "b", "c"):
            url = f"sqlite:///{tmp_path}/{name}.db"
            engine = engines.find(url, poolclass=kept_engines.NullPool)
            with engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
            engine.dispose()
        opened = {Path(name).name for name in _list_open(tmp_path)}
        assert opened == {"b.db", "c.db"}
    assert _list_open(tmp_path) == []


def test_other_options_are_an_engine_of_their_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    first = kept_engines._ENGINES.find(url, poolclass=kept_engines.NullPool)
    again = kept_engines._ENGINES.find(url, poolclass=kept_engines.NullPool)
    pooled = kept_engines._ENGINES.find(url)
    assert first is again
    assert pooled is not first
    assert pooled is not kept_engines._ENGINES.find(url)
    waiting = kept_engines._ENGINES.find(
        url, poolclass=kept_engines.NullPool, connect_args={"timeout": 30}
    )
    assert waiting is not first


def test_a_process_that_runs_the_graph_builds_it_for_its_own_home_alone() -> None:
    code = "import sys, orchestration.ticks; print('orchestration.definitions' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def _list_open(folder: Path) -> list[str]:
    """The SQLite files below that this process holds open."""
    names = os.listdir("/proc/self/fd")
    still = [n for n in names if os.path.exists(f"/proc/self/fd/{n}")]
    held = [os.readlink(f"/proc/self/fd/{name}") for name in still]
    return sorted(name for name in held if str(folder) in name and ".db" in name)
