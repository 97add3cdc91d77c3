"""The claims on scans, each with rows that meet it and rows that do not."""

from __future__ import annotations

import pytest

from checks.scans import (
    scan_bounds_are_plausible,
    scan_points_are_finite,
    scan_sizes_are_steady,
    scan_times_are_monotonic,
    scans_hold_points,
)

SOUND = {
    "capture_id": "a" * 32,
    "sensor": "velodyne",
    "num_points": 100,
    "num_finite": 90,
    **{f"{axis}_min_m": -20.0 for axis in "xyz"},
    **{f"{axis}_max_m": 30.0 for axis in "xyz"},
}


@pytest.fixture
def scans(rows_of):
    def build(count: int = 4, **changed):
        columns = {**SOUND, "sequence": list(range(count)), **changed}
        return rows_of("scans", count, **columns)

    return build


def test_sound_scans_meet_every_claim(scans):
    rows = scans(t_ns=[1, 2, 3, 4])
    for judge in (
        scans_hold_points,
        scan_points_are_finite,
        scan_bounds_are_plausible,
        scan_sizes_are_steady,
        scan_times_are_monotonic,
    ):
        verdict = judge(rows)
        assert verdict.passed and verdict.num_checked == 4, verdict


def test_an_empty_scan_is_told_and_a_sensor_that_sees_nothing_stops_the_session(scans):
    one = scans_hold_points(scans(num_finite=[90, 0, 90, 90]))
    assert not one.passed and not one.stops
    assert one.summary == "1 of 4 scans (25 %) hold no point"
    assert scans_hold_points(scans(num_finite=[0, 0, 0, 90])).stops


def test_few_finite_points_are_told(scans):
    verdict = scan_points_are_finite(scans(num_finite=[90, 9, 10, 90]))
    assert not verdict.passed and not verdict.stops
    assert verdict.figures["num_offending"] == 1
    assert "9 of 100 points are finite" in verdict.examples[0]


def test_bounds_in_millimetres_and_points_at_one_place_are_told(scans):
    rows = scans(x_max_m=[30.0, 55_000.0, 30.0, 30.0])
    verdict = scan_bounds_are_plausible(rows)
    assert not verdict.passed and "5.5e+04 m: not metres" in verdict.examples[0]
    flat = {f"{axis}_{end}_m": 0.0 for axis in "xyz" for end in ("min", "max")}
    verdict = scan_bounds_are_plausible(scans(**flat))
    assert verdict.figures["num_offending"] == 4
    assert "all points at [0.0, 0.0, 0.0] m" in verdict.examples[0]


def test_scans_that_lose_half_of_their_points_are_told_by_sensor(scans):
    rows = scans(
        sensor=["a", "a", "a", "b"], num_finite=[90, 90, 44, 10], num_points=100
    )
    verdict = scan_sizes_are_steady(rows)
    assert not verdict.passed and not verdict.stops
    assert [e.split(": ")[1] for e in verdict.examples] == [
        "44 finite points, 90 are usual"
    ]


def test_times_that_stand_still_stop_the_session_and_name_the_way_on(scans):
    verdict = scan_times_are_monotonic(scans(t_ns=[1, 2, 2, 4]))
    assert verdict.stops and "`no_clock: [velodyne]`" in verdict.summary
    assert "0 ns after its predecessor" in verdict.examples[0]
    assert scan_times_are_monotonic(scans(t_ns=None)).empty_reason
