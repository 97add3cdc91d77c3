"""A home whose ledger, Dagster and MLflow lie in Postgres: what one machine did, another sees."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._daemon.types import DaemonHeartbeat

from assets.backup.make import make_backup
from assets.backup.restore import restore_backup
from assets.monitoring.answers import REQUEST
from assets.retrieval.dagster_runs import read_engine
from assets.retrieval.recorded_costs import read_rates
from assets.search.run_records import RunRecords
from orchestration.backfill.launch import is_daemon_there
from orchestration.cli.backing_up import find_outside
from orchestration.instance import prepare_instance
from orchestration.jobs import ingest_session
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_ledger, build_tracker
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.ticks import LocalEngine

# third parties warn inside the run
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def machine(postgres, tmp_path, monkeypatch) -> Callable[[str], Settings]:
    """machine("a"): the settings of one more machine of the team, with a home of its own."""
    names = ("DAGUERRE_LEDGER", "DAGUERRE_DAGSTER", "DAGUERRE_MLFLOW")
    shared = {name: postgres.make_database() for name in names}
    for name in ("LANDING", "TABLES", "BLOBS", "MLFLOW_ARTIFACTS"):
        shared[f"DAGUERRE_{name}"] = str(tmp_path / "shared" / name.lower())
        os.makedirs(shared[f"DAGUERRE_{name}"])
    for name, value in shared.items():
        monkeypatch.setenv(name, value)

    def settle(name: str) -> Settings:
        home = str(tmp_path / name)
        return load_settings(
            {**shared, "DAGUERRE_PROFILE": "team", "DAGUERRE_HOME": home}
        )

    return settle


@dg.asset
def mesh() -> None:
    raise OSError("no space left for postgresql://user:secret@host/b")


@dg.asset
def boxes() -> None:
    """Checked."""


@dg.asset_check(asset=boxes)
def boxes_have_area() -> dg.AssetCheckResult:
    """Does not hold, and says of how many."""
    return dg.AssetCheckResult(passed=False, metadata={"num_checked": 9})


def test_failed_runs_and_claims_are_documents_as_those_of_files_are(machine, tmp_path):
    settings = machine("first")
    folder = tmp_path / "files"
    folder.mkdir()
    empty = RunRecords(settings.dagster_home, settings.dagster_url)
    assert list(empty.list_documents()) == []  # Dagster has no tables there yet
    found = []
    for home, url in (
        (prepare_instance(settings), settings.dagster_url),
        (folder, None),
    ):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            for assets in ([mesh], [boxes, boxes_have_area]):
                dg.materialize(assets, instance=instance, raise_on_error=False)
            (failed,) = (r.run_id for r in instance.get_runs() if r.is_failure)
        documents = list(RunRecords(home, url).list_documents())
        assert [d.source for d in documents] == ["boxes:boxes_have_area", failed]
        found.append([replace(d, source="") for d in documents])
    assert found[0] == found[1]
    check, run = found[0]
    assert check.title.startswith("boxes have area does not hold for boxes")
    assert "num_checked: 9" in check.text
    assert "no space left" in run.text and "secret" not in run.text


def test_what_one_machine_takes_in_another_sees(machine, make_png, tmp_path, connected):
    first, second = machine("first"), machine("second")
    session = tmp_path / "shared" / "landing" / "monday"
    session.mkdir()
    for n in range(2):
        (session / f"{n}.png").write_bytes(make_png(n))
    with LocalEngine(first) as engine:
        asked = [r for _ in range(2) for r in engine.tick(landing_zone_sensor)]
        (done,) = [engine.execute(ingest_session.name, r.partition_key) for r in asked]
    assert done.success, done.error
    assert len(connected) < 200, "its statements are more than 800"
    with dg.DagsterInstance.from_config(str(prepare_instance(second))) as instance:
        run = instance.get_run_by_id(done.run_id)
        assert run is not None and run.status.value == "SUCCESS"
        assert instance.get_dynamic_partitions("sessions") == ["monday"]
        frames = dg.AssetKey(["capture", "frames"])
        made = instance.get_latest_materialization_event(frames)
        assert made is not None and made.run_id == done.run_id
    rates = read_rates(second.dagster_home, second.dagster_url)
    assert (
        rates["capture/frames"].num_runs == 1 and rates["capture/frames"].median_s > 0
    )
    outcomes = build_ledger(second).file_table()["outcome"].to_pylist()
    assert outcomes == ["ingested", "ingested"]
    _require_no_files_and_no_password(first)


def _require_no_files_and_no_password(settings: Settings) -> None:
    files = [p for p in settings.home.rglob("*") if p.is_file()]
    assert not [p for p in files if p.suffix == ".db"]
    password = str(sa.make_url(settings.ledger_url).password).encode()
    assert files and not [p for p in files if password in p.read_bytes()]


def test_mlflow_keeps_its_models_in_postgres(machine):
    first, second = (build_tracker(machine(name)) for name in ("first", "second"))
    client = first.open_client()
    client.create_registered_model("daguerre-detection")
    client.create_model_version("daguerre-detection", "/nowhere")
    (found,) = second.versions("detection")
    assert found.version == 1
    assert [v.version for v in second.reader.versions()] == [1]


def test_a_registry_that_is_restored_elsewhere_names_its_artifacts_there(
    machine, postgres, tmp_path
):
    settings = machine("first")
    former = settings.mlflow_artifacts
    artifact = Path(former) / "daguerre-detection" / "weights"
    artifact.parent.mkdir()
    artifact.write_bytes(b"weights")
    client = build_tracker(settings).open_client()
    client.create_registered_model("daguerre-detection")
    client.create_model_version("daguerre-detection", str(artifact.parent))
    backups = tmp_path / "backups"
    assert (
        make_backup(settings.home, backups, {}, outside=find_outside(settings)).damaged
        == []
    )
    now = str(tmp_path / "now")
    moved = replace(
        settings,
        home=tmp_path / "again",
        tables_uri=f"{now}/tables",
        blobs_uri=f"{now}/blobs",
        mlflow_artifacts=f"{now}/mlflow",
        ledger_url=postgres.make_database(),
        dagster_url=postgres.make_database(),
        mlflow_url=postgres.make_database().replace("psycopg", "psycopg2"),
    )
    restore_backup(backups, moved.home, None, find_outside(moved))
    shutil.rmtree(former)
    (found,) = build_tracker(moved).reader.versions()
    assert found.source == f"{now}/mlflow/daguerre-detection"
    assert (Path(found.source) / "weights").read_bytes() == b"weights"


def test_the_queue_has_the_limits_of_a_team(machine):
    with dg.DagsterInstance.from_config(
        str(prepare_instance(machine("a")))
    ) as instance:
        queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None and queue.max_concurrent_runs == 10
    one_each = [r for r in queue.tag_concurrency_limits if r["limit"] == 1]
    assert {"key": "daguerre/trains_detection", "limit": 1} in one_each
    assert instance.run_monitoring_enabled


def test_status_says_on_every_machine_which_run_answers_a_request(machine):
    first, second = machine("first"), machine("second")
    assert "no daemon" in read_engine(second.dagster_home, second.dagster_url).obstacle
    with dg.DagsterInstance.from_config(str(prepare_instance(first))) as instance:
        tags = {REQUEST: "r1"}
        instance.add_run(
            dg.DagsterRun(job_name="train_detection", run_id="0123456789", tags=tags)
        )
        beat = DaemonHeartbeat(time.time(), "SENSOR", "first", [])
        instance.add_daemon_heartbeat(beat)
    found = read_engine(second.dagster_home, second.dagster_url)
    (run,) = found.runs["r1"]
    assert found.obstacle == "" and run.run_id == "0123456789"
    assert abs(run.created_s - time.time()) < 3600, "times of a server are UTC"


@pytest.mark.parametrize(("age_s", "is_there"), [(10.0, True), (600.0, False)])
def test_a_backfill_is_left_to_a_daemon_that_is_alive_anywhere(
    machine, age_s, is_there
):
    settings = machine("a")
    folder = Path(prepare_instance(settings))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert not is_daemon_there(settings, instance)
        beat = DaemonHeartbeat(time.time() - age_s, "BACKFILL", "elsewhere", [])
        instance.add_daemon_heartbeat(beat)
        assert is_daemon_there(settings, instance) == is_there
