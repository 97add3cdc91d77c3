"""A rig that has moved: one alarm a rig and cool-down, with the remedy, until it is calibrated again."""

from __future__ import annotations

import pytest

from assets.monitoring.alarms import COOLDOWN_S, raise_alarms
from assets.monitoring.rigs import find_moved
from assets.moved_rigs import has_moved
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from checks.reconstruction import rig_is_as_calibrated

NOW = 1_800_000_000 * 10**9
DAY = COOLDOWN_S * 10**9
SHA = "ab" * 32


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    """A rig of three cameras, calibrated on monday."""
    catalog = Catalog(str(tmp_path / "tables"))
    calibrate(catalog, "monday", SHA, made_ns=1)
    return catalog


def store(catalog: Catalog, table: str, rows: list[dict]) -> None:
    whole = [plain_row(table, row) for row in rows]
    catalog.upsert(table, to_table(TABLES[table], whole))


def calibrate(catalog: Catalog, session: str, sha256: str, made_ns: int) -> None:
    of = {"session": session, "reference_sensor": "left", "made_ns": made_ns}
    of |= {"board": "chessboard:9x6:25mm", "input_sha256": sha256, "reason": None}
    rows = [
        {**of, "calibration_id": content_id(session, sensor), "sensor": sensor}
        for sensor in ("left", "right", "top")
    ]
    store(catalog, "rig_calibrations", rows)
    version = catalog.dataset("rig_calibrations").version
    catalog.publish("rig_calibrations", session, version)


def fit(session: str, sensor: str, tilt_deg: float | None, sha256: str = SHA) -> dict:
    row = {"session": session, "sensor": sensor, "capture_id": content_id(session)}
    row |= {"rig_fit_id": content_id(session, sensor), "reference_sensor": "left"}
    row |= {"calibrated_in": "monday", "calibration_sha256": sha256}
    row |= {"tilt_deg": tilt_deg, "tilt_sigma_deg": 0.1, "epipolar_px": 0.2}
    row |= {"focal_px": 260.0, "num_matches": 500}
    return {**row, "reason": "too few matches" if tilt_deg is None else None}


def record(catalog: Catalog, session: str, end_ns: int) -> None:
    row = {"report_id": content_id(session), "session": session, "end_ns": end_ns}
    store(catalog, "clock_reports", [row])


def test_a_rig_that_moved_is_one_alarm_that_names_cameras_and_remedy(catalog):
    fits = [fit("friday", "right", 1.5), fit("friday", "top", 2.5)]
    store(catalog, "rig_fits", fits)
    (row,) = raise_alarms(catalog, now_ns=NOW)
    assert (row["kind"], row["cause"]) == ("rig", "rig/monday")
    assert (
        "by what session friday shows: right is off by 1.50 deg (+- 0.10)"
        in (row["summary"])
    )
    assert "top is off by 2.50 deg" in row["summary"]
    assert "`daguerre calibrate SESSION --board chessboard:9x6:25mm`" in row["remedy"]
    # labels would not help
    assert row["session"] is None and row["task"] is None


def test_sessions_that_follow_are_told_once_in_a_cool_down(catalog):
    for n in range(20):
        store(catalog, "rig_fits", [fit(f"s{n}", "right", 1.5)])
        told = raise_alarms(catalog, now_ns=NOW + n * DAY // 20)
        assert len(told) == (n == 0)
    assert catalog.read_latest("alarms").num_rows == 20
    store(catalog, "rig_fits", [fit("later", "right", 1.5)])
    assert len(raise_alarms(catalog, now_ns=NOW + DAY)) == 1


def test_a_rig_within_its_errors_and_one_of_which_nothing_is_known_are_none(catalog):
    fits = [fit("friday", "right", 0.7), fit("friday", "top", None)]
    store(catalog, "rig_fits", fits)
    assert find_moved(catalog) == []
    assert not has_moved(fits[0]), "0.7 less three errors of 0.1 is within 0.5"
    assert rig_is_as_calibrated(to_table(TABLES["rig_fits"], fits)).passed


def test_a_new_calibration_ends_it(catalog):
    store(catalog, "rig_fits", [fit("friday", "right", 1.5)])
    assert len(find_moved(catalog)) == 1
    calibrate(catalog, "saturday", "cd" * 32, made_ns=2)
    assert find_moved(catalog) == []


def test_an_old_recording_of_the_board_that_is_calibrated_today_ends_nothing(catalog):
    store(catalog, "rig_fits", [fit("friday", "right", 1.5)])
    record(catalog, "monday", NOW)
    record(catalog, "last year", NOW - 365 * DAY)
    calibrate(catalog, "last year", "cd" * 32, made_ns=NOW + 2 * DAY)
    assert len(find_moved(catalog)) == 1
    record(catalog, "saturday", NOW + DAY)
    calibrate(catalog, "saturday", "ef" * 32, made_ns=NOW + DAY)
    assert find_moved(catalog) == []


def test_the_same_session_calibrated_anew_ends_it_too(catalog):
    store(catalog, "rig_fits", [fit("friday", "right", 1.5)])
    calibrate(catalog, "monday", "cd" * 32, made_ns=2)
    assert find_moved(catalog) == []


def test_a_session_of_before_the_calibration_says_nothing(catalog):
    store(catalog, "rig_fits", [fit("friday", "right", 1.5)])
    record(catalog, "monday", NOW)
    record(catalog, "friday", NOW - DAY)
    assert find_moved(catalog) == []
    record(catalog, "friday", NOW + DAY)
    assert len(find_moved(catalog)) == 1
