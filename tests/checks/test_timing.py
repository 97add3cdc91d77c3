"""Clocks that stand still, go back, pause or skip."""

from __future__ import annotations

import pytest

from assets.tables.schemas import content_id
from checks.timing import (
    sensors_skip_no_frames,
    timestamp_gaps_are_bounded,
    timestamps_are_monotonic,
)

A, B = content_id("a"), content_id("b")


def test_time_that_stands_still_or_goes_back_is_found(rows_of):
    times = [0, 10, 10, 30, 20]
    verdict = timestamps_are_monotonic(
        rows_of("frames", 5, capture_id=A, t_ns=times, sequence=[0, 1, 2, 3, 4])
    )
    assert verdict.stops and verdict.figures["num_offending"] == 2
    assert "-10 ns after its predecessor" in verdict.examples[1]


def test_order_is_by_sequence_and_each_sensor_and_capture_has_its_own(rows_of):
    rows = rows_of(
        "frames",
        6,
        capture_id=[A, A, A, A, B, B],
        sensor=["l", "r", "l", "r", "l", "l"],
        sequence=[1, 0, 0, 1, 0, 1],
        t_ns=[20, 10, 10, 20, 5, 6],
    )
    assert timestamps_are_monotonic(rows).passed


def test_one_glitch_among_many_frames_warns(rows_of):
    times = [10 * i for i in range(200)]
    times[100] = times[99]  # 1 of 200 = 0.5 %, a hundredth may
    verdict = timestamps_are_monotonic(
        rows_of("frames", 200, capture_id=A, t_ns=times, sequence=list(range(200)))
    )
    assert not verdict.passed and not verdict.stops


def test_times_are_compared_to_the_nanosecond(rows_of):
    start = 1_700_000_000_000_000_001
    rows = rows_of(
        "frames", 3, capture_id=A, t_ns=[start, start + 1, None], sequence=[0, 1, 2]
    )
    verdict = timestamps_are_monotonic(rows)
    assert verdict.passed and verdict.num_checked == 2


@pytest.mark.parametrize("rule", [timestamps_are_monotonic, timestamp_gaps_are_bounded])
def test_images_without_a_clock_pass_and_say_so(rule, rows_of):
    verdict = rule(rows_of("frames", 3, t_ns=None))
    assert verdict.passed and verdict.num_checked == 0
    assert verdict.summary == "no rows: these frames carry no time"


def test_a_gap_of_six_steps_is_found_and_of_five_is_not(rows_of):
    def gap(steps):
        ms = [i if i < 20 else i + steps - 1 for i in range(40)]
        times = [1_000_000 * t for t in ms]
        return timestamp_gaps_are_bounded(
            rows_of("frames", 40, capture_id=A, t_ns=times, sequence=list(range(40)))
        )

    assert gap(5).passed
    long = gap(6)
    assert not long.passed and not long.stops
    assert long.figures["longest_step_ms"] == 6.0
    assert "6.0 ms without a frame" in long.examples[0]


def test_skipped_frames_are_estimated_and_never_block(rows_of):
    steps = [1, 1, 2, 1, 1, 3, 1, 1, 1]  # one frame is missing in the 2, two in the 3
    times = [1_000_000 * sum(steps[:i]) for i in range(10)]
    verdict = sensors_skip_no_frames(
        rows_of("frames", 10, capture_id=A, t_ns=times, sequence=list(range(10)))
    )
    assert not verdict.passed and not verdict.stops
    assert (
        verdict.figures["num_offending"] == 2
        and verdict.figures["num_missing_estimate"] == 3
    )


def test_a_little_jitter_is_no_skipped_frame(rows_of):
    times = [10, 21, 29, 41, 50]  # steps of 11, 8, 12 and 9
    assert sensors_skip_no_frames(
        rows_of("frames", 5, capture_id=A, t_ns=times, sequence=list(range(5)))
    ).passed


def test_a_sensor_that_stands_still_blocks_however_many_frames_others_have(rows_of):
    """2 of 403 frames are 0.5 %, and two thirds of the frames of its sensor."""
    sensors = ["a"] * 400 + ["b"] * 3
    times = [*(10 * i for i in range(400)), 7, 7, 7]
    rows = rows_of(
        "frames",
        403,
        capture_id=A,
        sensor=sensors,
        t_ns=times,
        sequence=[*range(400), 0, 1, 2],
    )
    verdict = timestamps_are_monotonic(rows)
    assert verdict.stops and verdict.figures["num_offending"] == 2
    assert verdict.summary.endswith(
        "write `no_clock: [b]` into daguerre.yaml at the root of the session, and ingest again"
    )


def test_a_clock_that_only_warns_names_no_way_on(rows_of):
    times = [10 * i for i in range(200)]
    times[100] = times[99]
    verdict = timestamps_are_monotonic(
        rows_of("frames", 200, capture_id=A, t_ns=times, sequence=list(range(200)))
    )
    assert "no_clock" not in verdict.summary


def test_pauses_that_block_name_the_way_on(rows_of):
    times = [0, 1, 2, 3, 1000, 1001, 2000]
    verdict = timestamp_gaps_are_bounded(
        rows_of("frames", 7, capture_id=A, t_ns=times, sequence=list(range(7)))
    )
    assert verdict.stops and "no_clock: [sensor]" in verdict.summary
