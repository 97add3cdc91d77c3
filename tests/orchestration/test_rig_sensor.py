"""Sessions of a calibrated rig are held against their calibration by themselves, each once."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from orchestration.sensors.rigs import MOST_AT_ONCE, rig_sensor

DAY = 86_400 * 10**9
CALIBRATED = 1_800_000_000 * 10**9
SHA = "ab" * 32


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    """A rig that was calibrated in session "board"; a session of before it and one after it."""
    catalog = Catalog(str(tmp_path / "tables"))
    calibrate(catalog, SHA, 1)
    record(catalog, "board", CALIBRATED)
    record(catalog, "before", CALIBRATED - DAY)
    record(catalog, "after", CALIBRATED + DAY)
    return catalog


def store(catalog: Catalog, table: str, rows: list[dict]) -> None:
    whole = [plain_row(table, row) for row in rows]
    catalog.upsert(table, to_table(TABLES[table], whole))


def calibrate(catalog: Catalog, sha256: str, made_ns: int) -> None:
    of = {"session": "board", "reference_sensor": "left", "reason": None}
    of |= {"input_sha256": sha256, "made_ns": made_ns}
    rows = [
        {**of, "calibration_id": content_id(sensor), "sensor": sensor}
        for sensor in ("left", "right")
    ]
    store(catalog, "rig_calibrations", rows)
    version = catalog.latest_version("rig_calibrations")
    catalog.publish("rig_calibrations", "board", version)


def record(
    catalog: Catalog, session: str, end_ns: int, sensors=("left", "right")
) -> None:
    rows = [
        {
            "report_id": content_id(session, sensor),
            "session": session,
            "sensor": sensor,
            "kind": "color",
            "end_ns": end_ns,
        }
        for sensor in sensors
    ]
    store(catalog, "clock_reports", rows)


def tick(
    catalog: Catalog,
    cursor: str | None = None,
    keys: Iterable[str] = (),
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
) -> dg.SensorResult:
    """`keys` are those of runs that were asked for, and `status` is what became of them."""
    with dg.DagsterInstance.ephemeral() as instance:
        for key in keys:
            tags = {"dagster/run_key": key, "dagster/partition": key.split(":")[0]}
            run = dg.DagsterRun("check_rig", f"run {key}", tags=tags, status=status)
            instance.add_run(run)
        sessions = catalog.read_latest("clock_reports", ["session"])["session"]
        instance.add_dynamic_partitions("sessions", sessions.unique().to_pylist())
        resources = {"catalog": catalog}
        context = dg.build_sensor_context(instance, cursor, resources=resources)
        with context as opened:
            found = rig_sensor(opened)
    assert isinstance(found, dg.SensorResult)
    return found


def list_keys(result: dg.SensorResult) -> list[str]:
    return [str(request.run_key) for request in result.run_requests or ()]


def list_asked(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or ()]


def test_a_session_of_after_the_calibration_is_held_against_it_once(catalog):
    first = tick(catalog)
    assert list_asked(first) == ["after"]
    key = list_keys(first)
    running = tick(catalog, first.cursor, key)
    assert list_asked(running) == [] and running.cursor == "", "it may fail yet"
    done = tick(catalog, running.cursor, key, dg.DagsterRunStatus.SUCCESS)
    assert list_asked(done) == [] and done.cursor
    assert list_asked(tick(catalog, done.cursor)) == [], "nothing is new"
    fit = {"session": "after", "calibration_sha256": SHA, "rig_fit_id": content_id("f")}
    store(catalog, "rig_fits", [fit])
    assert list_asked(tick(catalog)) == []
    calibrate(catalog, "cd" * 32, 2)
    (again,) = tick(catalog, done.cursor).run_requests
    assert again.partition_key == "after" and again.run_key == "after:" + "cd" * 8


def test_other_cameras_and_clocks_without_a_date_are_left_alone(catalog):
    record(catalog, "other", CALIBRATED + DAY, ("left", "far"))
    record(catalog, "undated", 5)
    assert list_asked(tick(catalog)) == ["after"]


def test_without_a_calibration_nothing_is_read_further(tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    record(catalog, "after", CALIBRATED + DAY)
    assert list_asked(tick(catalog)) == []


def test_many_sessions_are_asked_for_look_by_look(catalog):
    for n in range(MOST_AT_ONCE):
        record(catalog, f"day-{n:02}", CALIBRATED + DAY)
    first = tick(catalog)
    assert len(list_asked(first)) == MOST_AT_ONCE and first.cursor == ""


def test_runs_that_failed_keep_no_other_session_from_its_turn(catalog):
    for n in range(MOST_AT_ONCE):
        record(catalog, f"day-{n:02}", CALIBRATED + DAY)
    first = tick(catalog)
    then = tick(catalog, first.cursor, list_keys(first), dg.DagsterRunStatus.FAILURE)
    assert list_asked(then) == [f"day-{MOST_AT_ONCE - 1}"] and then.cursor == ""


def test_a_run_that_failed_by_itself_is_asked_for_again_after_a_pause(
    catalog, monkeypatch
):
    keys = list_keys(tick(catalog))
    resting = tick(catalog, "", keys, dg.DagsterRunStatus.FAILURE)
    assert list_asked(resting) == []
    assert "1 session waiting" in str(resting.skip_reason) and resting.cursor == ""
    monkeypatch.setattr("orchestration.sensors.standing.pause_s", lambda _: 0.0)
    (again,) = tick(catalog, "", keys, dg.DagsterRunStatus.FAILURE).run_requests
    assert again.run_key == f"{keys[0]}:run {keys[0]}", "a key is taken once"
    assert again.partition_key == "after"
