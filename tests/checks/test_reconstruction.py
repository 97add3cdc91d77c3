"""Verdicts on calibrations and on rigs that may have moved, on rows that one can judge by hand."""

from __future__ import annotations

import pytest

from checks import reconstruction as rules

SOUND = {
    "sensor": ["left", "right"],
    "reason": None,
    "fx_px": 500.0,
    "parameter_sigmas": [[1.0, 1.0], [1.0, 1.0]],
    "coverage": 0.7,
    "rms_px": 0.4,
    "rms_alone_px": 0.35,
    "noise_px": 0.2,
    "pattern_px": 0.1,
}


@pytest.mark.parametrize(
    ("rule", "change", "passed", "stops"),
    [
        (rules.every_camera_is_calibrated, {}, True, False),
        (rules.every_camera_is_calibrated, {"reason": [None, "no board"]}, False, True),
        (
            rules.every_camera_is_calibrated,
            {"parameter_sigmas": [[1.0, 1.0], None]},
            False,
            True,
        ),
        (rules.boards_cover_the_image, {}, True, False),
        (rules.boards_cover_the_image, {"coverage": [0.7, 0.4]}, False, False),
        (rules.boards_cover_the_image, {"coverage": [0.7, 0.1]}, False, True),
        (rules.residuals_are_noise, {}, True, False),
        (rules.residuals_are_noise, {"rms_px": [0.4, 1.1]}, False, True),
        (rules.residuals_are_noise, {"pattern_px": [0.4, 0.1]}, False, True),
        (rules.residuals_are_noise, {"pattern_px": [None, None]}, True, False),
        (rules.cameras_agree_on_the_board, {}, True, False),
        # 0.4 is more than 1.5 * 0.2
        (rules.cameras_agree_on_the_board, {"rms_alone_px": [0.35, 0.2]}, False, True),
        (rules.focal_lengths_are_sure, {}, True, False),
        # 3 of 500 px are more than a half per cent
        (
            rules.focal_lengths_are_sure,
            {"parameter_sigmas": [[1.0, 1.0], [3.0, 1.0]]},
            False,
            False,
        ),
    ],
)
def test_calibrations_are_judged_by_what_they_rest_on(
    rule, change, passed, stops, rows_of
):
    verdict = rule(rows_of("rig_calibrations", 2, **{**SOUND, **change}))
    assert (verdict.passed, verdict.stops) == (passed, stops), verdict.summary


def test_one_claim_blocks_where_nothing_is_calibrated_and_the_others_say_why(rows_of):
    rows = rows_of(
        "rig_calibrations",
        1,
        **{name: None for name in SOUND if name != "sensor"} | {"reason": "no board"},
    )
    verdicts = [rule({"rig_calibrations": rows}) for rule in rules.CALIBRATION_RULES]
    assert [v.name for v in verdicts if v.stops] == ["every_camera_is_calibrated"]
    assert {v.empty_reason for v in verdicts if v.passed} == {"no board"}


def test_a_picture_that_leaves_three_times_the_middle_is_named(rows_of):
    views = rows_of(
        "board_views",
        4,
        sensor="left",
        view=[0, 1, 2, 3],
        rms_px=[0.2, 0.2, 0.61, None],
    )
    verdict = rules.no_view_stands_out(views)
    assert not verdict.passed and not verdict.stops and verdict.num_checked == 3
    assert "view 2: 0.61 px, where the middle is 0.20" in verdict.examples[0]


@pytest.mark.parametrize(
    ("tilt_deg", "sigma_deg", "epipolar_px", "stops"),
    [
        (0.2, 0.05, 0.3, False),
        (1.0, 0.1, 4.0, True),  # 1 - 0.3 > 0.5
        (1.0, 0.2, 4.0, False),  # 1 - 0.6 < 0.5: may be chance
        (0.1, 0.05, 8.0, True),  # 8 of 500 px are 0.92 degrees
    ],
)
def test_a_rig_that_is_proven_to_have_moved_asks_for_a_new_calibration(
    tilt_deg, sigma_deg, epipolar_px, stops, rows_of
):
    rows = rows_of(
        "rig_fits",
        1,
        sensor="right",
        calibrated_in="board-1",
        tilt_deg=tilt_deg,
        tilt_sigma_deg=sigma_deg,
        epipolar_px=epipolar_px,
        focal_px=500.0,
    )
    verdict = rules.rig_is_as_calibrated(rows)
    assert verdict.stops == stops
    assert all(
        "since board-1" in e and "`daguerre calibrate`" in e for e in verdict.examples
    )


def test_a_rig_of_which_nothing_can_be_said_has_no_verdict_and_the_reason(rows_of):
    verdict = rules.rig_is_as_calibrated(
        rows_of("rig_fits", 1, tilt_deg=None, reason="these frames carry no time")
    )
    assert verdict.passed and verdict.empty_reason == "these frames carry no time"


DEPTH = {
    "sensor": "left",
    "other_sensor": "right",
    "reason": None,
    "coverage": 0.8,
    "agreement": 0.95,
    "median_depth_m": 2.0,
    "focal_px": 500.0,
    "baseline_m": 0.1,
    "sensor_off_px": 0.3,
    "sensor_bias_px": -0.1,
}


@pytest.mark.parametrize(
    ("rule", "change", "passed", "stops"),
    [
        (rules.every_capture_has_depth, {}, True, False),
        (rules.every_capture_has_depth, {"reason": "one camera alone"}, False, True),
        (rules.depth_covers_the_image, {}, True, False),
        # one of four is less than half
        (
            rules.depth_covers_the_image,
            {"coverage": [0.8, 0.8, 0.8, 0.2]},
            False,
            False,
        ),
        (rules.depth_covers_the_image, {"coverage": [0.8, 0.1, 0.1, 0.2]}, False, True),
        (rules.both_sides_agree_on_depth, {}, True, False),
        (rules.both_sides_agree_on_depth, {"agreement": 0.4}, False, True),
        (rules.both_sides_agree_on_depth, {"agreement": None}, True, False),
        (rules.depth_agrees_with_the_sensor, {}, True, False),
        (rules.depth_agrees_with_the_sensor, {"sensor_off_px": 1.2}, False, True),
        (rules.depth_agrees_with_the_sensor, {"sensor_off_px": None}, True, False),
    ],
)
def test_depth_is_judged_by_what_it_covers_and_what_contradicts_it(
    rule, change, passed, stops, rows_of
):
    verdict = rule(rows_of("depth_maps", 4, **{**DEPTH, **change}))
    assert (verdict.passed, verdict.stops) == (passed, stops), verdict.summary


def test_what_a_sensor_contradicts_is_told_in_metres(rows_of):
    rows = rows_of("depth_maps", 1, **DEPTH | {"sensor_off_px": 2.0})
    (example,) = rules.depth_agrees_with_the_sensor(rows).examples
    # 2^2 / (500 * 0.1) * 2
    assert "2.00 px off" in example and "0.160 m at 2.00 m" in example
