"""Sync reports and nearest samples by time stamps, on stamps that one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from assets.clocks.offsets import Stream, find_nearest, report_sync

MS = 1_000_000
START = 1_700_000_000_000_000_001  # as large as real stamps: floats would lose the last digits


def stream(
    sensor: str, t_ms: list[float], kind: str = "color", num_samples: int | None = None
) -> Stream:
    t_ns = START + np.array([round(t * MS) for t in t_ms], np.int64)
    return Stream(sensor, kind, t_ns, len(t_ms) if num_samples is None else num_samples)


def at(*t_ms: float) -> np.ndarray:
    return START + np.array([round(t * MS) for t in t_ms], np.int64)


def test_rate_jitter_drops_and_gaps_are_counted_by_hand():
    """Steps of 10 ms, then 30 (two samples missing), 10, 70 (six missing, and a gap), 10 and 10."""
    (report,) = report_sync([stream("left", [0, 10, 20, 50, 60, 130, 140, 150])])
    assert report.rate_hz == pytest.approx(100.0) and report.jitter_ms == 0.0
    assert (
        report.num_dropped,
        report.num_gaps,
        report.longest_gap_ms,
        report.num_backward,
    ) == (2 + 6, 1, 70.0, 0)
    assert (report.start_ns, report.end_ns) == (START, START + 150 * MS)


def test_jitter_is_the_robust_deviation_of_the_steps():
    """Steps 9, 10, 11, 10, 9, 11 ms: their median lies 1 ms off the median, or not at all: half and half."""
    (report,) = report_sync([stream("left", [0, 9, 19, 30, 40, 49, 60])])
    # deviations 1, 0, 1, 0, 1, 1: median 1
    assert report.jitter_ms == pytest.approx(1.4826 * 1.0)


def test_samples_that_go_back_are_counted_and_do_not_make_a_rate():
    # back once, repeated once
    (report,) = report_sync([stream("left", [0, 10, 5, 20, 30, 30])])
    assert report.num_backward == 2 and report.rate_hz == pytest.approx(100.0)


def test_offsets_are_to_the_first_colour_camera_by_default():
    reports = report_sync(
        [
            stream("imu", [0, 5, 10, 15, 20, 25], "imu"),
            stream("left", [1, 11, 21]),
            stream("right", [3, 13, 23]),
        ]
    )
    assert [r.reference for r in reports] == ["left"] * 3
    assert reports[1].stamp_offset_ms == 0.0
    # right is stamped 2 ms later
    assert reports[2].stamp_offset_ms == pytest.approx(2.0)
    # the nearest IMU samples are 1 ms earlier
    assert reports[0].stamp_offset_ms == pytest.approx(-1.0)


def test_a_sensor_without_a_clock_is_counted_and_nothing_else():
    (report,) = report_sync([stream("folder", [], num_samples=7)])
    assert (report.num_samples, report.num_stamped) == (7, 0)
    assert (
        report.rate_hz
        is report.jitter_ms
        is report.num_gaps
        is report.reference
        is report.start_ns
        is None
    )


def test_records_that_never_meet_have_no_offset():
    early, late = report_sync(
        [stream("left", [0, 10, 20]), stream("right", [1000, 1010, 1020])]
    )
    assert late.stamp_offset_ms is None and early.stamp_offset_ms == 0.0


def test_the_nearest_sample_is_found_within_the_tolerance_and_not_beyond():
    found = find_nearest(at(0, 10, 20), at(4, 5, 6, 13, 24, 26), 5 * MS)
    # 26 is 6 ms from the last
    assert found.is_known.tolist() == [True, True, True, True, True, False]
    # 5 is as near to 0 as to 10: the earlier
    assert found.indices.tolist() == [0, 0, 1, 1, 2]


def test_a_nanosecond_beyond_the_tolerance_is_beyond_it():
    found = find_nearest(at(0), at(0) + np.array([10, 11]), 10)
    assert found.is_known.tolist() == [True, False]


def test_no_samples_know_nothing():
    none = np.empty(0, np.int64)
    assert not find_nearest(none, at(0), MS).is_known.any()


def test_what_cannot_be_looked_up_is_refused():
    with pytest.raises(ValueError, match="sample 2 is not later"):
        find_nearest(at(0, 10, 10), at(0), MS)
    with pytest.raises(ValueError, match="below 0"):
        find_nearest(at(0), at(0), -1)
