"""Dagster in Postgres: one connection a storage while a run is executed here, and none afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from bench.prove.postgres import Postgres
from orchestration.followed import followed_in_process
from orchestration.instance import prepare_instance
from orchestration.kept_postgres import keep_postgres
from orchestration.profiles import STORAGE_SETTING, load_settings

KEY = dg.AssetKey(["stage", "noun"])
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """Of a home whose runs are in Postgres, in a database of its own."""
    with pytest.MonkeyPatch.context() as patched:
        url = postgres.make_database()
        patched.setenv(STORAGE_SETTING, url)
        home = str(tmp_path_factory.mktemp("home"))
        settings = load_settings({"DAGUERRE_HOME": home, STORAGE_SETTING: url})
        place = str(prepare_instance(settings))
        with dg.DagsterInstance.from_config(place) as made:
            yield made


def tell(instance: dg.DagsterInstance, count: int = 1) -> None:
    for _ in range(count):
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY))


def count_told(instance: dg.DagsterInstance) -> int:
    return len(instance.fetch_materializations(KEY, limit=1000).records)


def test_many_events_go_through_one_connection_a_storage(instance, connected):
    tell(instance, 2)
    num_anew = len(connected)
    assert num_anew >= 4, "an event is more than one statement"
    connected.clear()
    with keep_postgres(instance):
        with keep_postgres(instance):
            tell(instance, 20)
        tell(instance, 20)
    assert 1 <= len(connected) <= 2


def make_job() -> dg.JobDefinition:
    @dg.op
    def look() -> None:
        pass

    @dg.job(executor_def=followed_in_process)
    def ten_steps() -> None:
        for number in range(10):
            look.alias(f"look_{number}")()

    return ten_steps


def test_steps_of_a_run_that_a_daemon_started_connect_no_more(instance, connected):
    done = dg.execute_job(dg.reconstructable(make_job), instance, QUIET)
    assert done.success
    assert len(connected) < len(instance.all_logs(done.run_id))


def test_nothing_stays_connected_when_the_context_ends(instance, connected):
    with keep_postgres(instance):
        tell(instance)
        assert any(c.closed == 0 for c in connected)
    assert all(c.closed for c in connected)
    connected.clear()
    tell(instance)
    assert connected and all(c.closed for c in connected)


def test_a_server_that_restarts_in_between_costs_no_event(instance, postgres):
    before = count_told(instance)
    with keep_postgres(instance):
        tell(instance)
        postgres.restart()
        tell(instance)
        assert count_told(instance) == before + 2


def test_files_of_sqlite_are_left_to_the_engines_that_they_have(tmp_path: Path):
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path / "home")})
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        with keep_postgres(instance):
            tell(instance)
        assert count_told(instance) == 1
