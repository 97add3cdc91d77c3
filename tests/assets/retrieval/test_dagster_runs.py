"""What Dagster's own files say of retraining requests, read without it, as Dagster wrote them."""

from __future__ import annotations

import time

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from assets.monitoring.answers import REQUEST, describe_answer
from assets.retrieval.dagster_runs import read_engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """(its folder, Dagster's instance in it), with a run that has not started, for the request `r1`."""
    folder = tmp_path_factory.mktemp("dagster")
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.add_run(
            dg.DagsterRun(
                job_name="train_detection",
                run_id="0123456789",
                status=dg.DagsterRunStatus.NOT_STARTED,
                tags={REQUEST: "r1"},
            )
        )
        yield folder, instance


def beat(instance, age_s: float) -> None:
    instance.add_daemon_heartbeat(
        DaemonHeartbeat(time.time() - age_s, "SENSOR", "one", [])
    )


def test_a_home_without_dagster_has_no_daemon(tmp_path):
    engine = read_engine(tmp_path / "dagster")
    assert "no daemon runs here" in engine.obstacle and engine.runs == {}


def test_a_run_waits_where_no_daemon_starts_it(engine):
    folder, instance = engine
    beat(instance, age_s=3600)
    found = read_engine(folder)
    told = describe_answer("detection", found.runs["r1"], found.obstacle)
    assert told.startswith("run 01234567 of train_detection waits for its turn")
    assert "`daguerre ui`" in told


def test_with_a_daemon_the_sensor_answers_unless_it_is_off(engine):
    folder, instance = engine
    beat(instance, age_s=1)
    found = read_engine(folder)
    assert found.obstacle == ""
    assert "asks for a run of train_detection within a minute" in describe_answer(
        "detection", [], found.obstacle
    )
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="m"))
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(location, "__repository__"), "drift_sensor"
    )
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED)
    instance.add_instigator_state(state)
    assert "drift_sensor is off" in read_engine(folder).obstacle


def test_runs_in_another_database_are_not_guessed_at(tmp_path):
    (tmp_path / "dagster.yaml").write_text("storage:\n  postgres: {}\n")
    assert "dagster.yaml" in read_engine(tmp_path).obstacle
