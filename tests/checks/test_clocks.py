"""Verdicts on clocks and camera poses: proven, likely, sound, and unknown."""

from __future__ import annotations

import pytest

from assets.tables.schemas import TABLES
from checks.clocks import (
    CLOCK_RULES,
    cameras_keep_one_time,
    cameras_keep_the_time_of_the_imu,
    cameras_sit_where_calibrations_say,
)


@pytest.mark.parametrize(
    ("offset_ms", "sigma_ms", "passed", "stops"),
    [
        (0.3, 0.5, True, False),
        (20.0, 1.0, False, True),  # 20 - 3 > 10: proven late
        (-20.0, 1.0, False, True),  # and early
        (20.0, 4.0, False, False),  # 20 - 6 > 10 but 20 - 12 < 10: likely
        (20.0, 8.0, True, False),  # 20 - 12 < 10: may be chance
        (9.9, 0.1, True, False),
    ],
)
@pytest.mark.parametrize(
    ("rule", "to"),
    [(cameras_keep_the_time_of_the_imu, "imu"), (cameras_keep_one_time, "camera")],
)
def test_an_offset_counts_by_what_is_proven_of_it(
    rule, to, offset_ms, sigma_ms, passed, stops, rows_of
):
    verdict = rule(
        rows_of(
            "clock_reports",
            1,
            **{f"{to}_offset_ms": offset_ms, f"{to}_offset_sigma_ms": sigma_ms},
        )
    )
    assert (verdict.passed, verdict.stops, verdict.num_checked) == (passed, stops, 1)


def test_a_late_camera_is_named_with_its_figures(rows_of):
    rows = rows_of(
        "clock_reports",
        3,
        sensor=["imu", "left", "right"],
        imu_offset_ms=[None, 26.64, 0.2],
        imu_offset_sigma_ms=[None, 0.4, 0.3],
    )
    verdict = cameras_keep_the_time_of_the_imu(rows)
    assert verdict.summary == "1 of 2 cameras are off by more than 10 ms"
    assert (
        verdict.figures["worst_offset_ms"] == 26.64
        and verdict.figures["num_proven"] == 1
    )
    (example,) = verdict.examples
    assert example.startswith("left of capture") and example.endswith(
        "26.6 +- 0.4 ms late on the IMU's clock"
    )


def pose(rows_of, tilt_deg: float, sigma_deg: float, epipolar_px: float = 0.1):
    figures = {
        "tilt_deg": tilt_deg,
        "tilt_sigma_deg": sigma_deg,
        "epipolar_px": epipolar_px,
        "focal_px": 240.0,
    }
    return cameras_sit_where_calibrations_say(rows_of("clock_reports", 1, **figures))


def test_a_degree_of_tilt_is_proven_and_a_tenth_is_none(rows_of):
    assert pose(rows_of, 1.0, 0.1).stops and pose(rows_of, 0.1, 0.05).passed
    likely = pose(rows_of, 1.0, 0.3)  # 1.0 - 0.45 > 0.5, 1.0 - 0.9 < 0.5
    assert not likely.passed and not likely.stops


def test_matches_far_off_their_lines_count_also_where_no_turn_explains_them(rows_of):
    """5 px at a focal length of 240 px are 1.2 degrees: a wrong lens, or a baseline in another direction."""
    verdict = pose(rows_of, 0.1, 0.05, epipolar_px=5.0)
    assert verdict.stops and verdict.figures["worst_tilt_deg"] == pytest.approx(
        1.19, abs=0.01
    )


@pytest.mark.parametrize("rule", CLOCK_RULES, ids=lambda rule: rule.name)
def test_what_the_data_do_not_tell_is_no_verdict_and_says_why(rule, rows_of):
    reasons = dict.fromkeys(
        ("imu_reason", "camera_reason", "calibration_reason"),
        "these frames carry no time",
    )
    verdict = rule({"clock_reports": rows_of("clock_reports", 2, **reasons)})
    assert verdict.passed and verdict.num_checked == 0 and not verdict.figures
    assert verdict.summary == "no verdict: these frames carry no time"


def test_a_camera_without_a_verdict_is_counted_beside_the_others(rows_of):
    rows = rows_of(
        "clock_reports",
        2,
        imu_offset_ms=[0.1, None],
        imu_offset_sigma_ms=[0.2, None],
        imu_reason=[None, "the motion is too even"],
    )
    verdict = cameras_keep_the_time_of_the_imu(rows)
    assert (
        verdict.passed
        and verdict.num_checked == 1
        and verdict.figures["num_without_verdict"] == 1
    )
    assert verdict.summary.endswith("1 have no verdict (the motion is too even)")


@pytest.mark.parametrize("rule", CLOCK_RULES, ids=lambda rule: rule.name)
def test_no_reports_are_no_pass(rule):
    assert rule({"clock_reports": TABLES["clock_reports"].schema.empty_table()}).stops
