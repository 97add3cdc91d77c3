"""Differences of two models on the same frames: by hand, and narrower than what either figure is known by."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from models.metrics.paired import find_difference
from models.metrics.resampling import MIN_UNITS, find_interval, weigh_share


def share(is_right):
    return partial(weigh_share, is_right=np.asarray(is_right))


def test_a_model_and_itself_differ_by_nothing_for_sure():
    figure = share(np.arange(40) % 3 > 0)
    difference = find_difference(figure, figure, range(40))
    assert difference.value == 0.0 and not difference.has_moved
    assert (difference.interval.low, difference.interval.high) == (0.0, 0.0)


def test_a_difference_is_surer_than_its_figures_where_both_fail_on_the_same_frames():
    """200 frames of which 100 are too hard for both; the second also gets 20 of the others wrong."""
    first = np.arange(200) < 100
    second = first & (np.arange(200) >= 20)
    units = range(200)
    difference = find_difference(share(first), share(second), units)
    assert difference.value == pytest.approx(-0.1)
    assert difference.has_moved
    width = difference.interval.high - difference.interval.low
    alone = find_interval(share(first), units)
    assert width < 0.7 * (alone.high - alone.low)


def test_recordings_are_drawn_and_not_frames():
    """All that differs lies in one recording of ten: by frames that looks sure, by recordings it does not."""
    units = np.repeat(np.arange(10), 50)
    first = np.ones(500, bool)
    second = units != 3
    by_recording = find_difference(share(first), share(second), units.tolist())
    by_frame = find_difference(share(first), share(second), range(500))
    assert by_frame.has_moved and not by_recording.has_moved
    assert (by_recording.num_units, by_recording.interval.high) == (10, 0.0)


def test_too_few_recordings_have_no_interval_and_keep_their_difference():
    is_right = np.arange(70) % 2 == 0
    units = [n % (MIN_UNITS - 1) for n in range(70)]
    difference = find_difference(share(is_right), share(~is_right), units)
    assert difference.interval is None and difference.num_units == MIN_UNITS - 1
    assert difference.value == 0.0


def test_the_interval_holds_the_true_difference_as_often_as_it_says():
    """Two models right on 80 % and 75 % of frames, that agree on most: in 200 worlds of 60 recordings."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        hardness = rng.random((60, 1))
        luck = rng.random((60, 8))
        units = np.repeat(np.arange(60), 8).tolist()
        # a frame is right for both below the smaller bar, for the first alone between the bars
        score = ((hardness + luck) % 1).ravel()
        difference = find_difference(share(score < 0.8), share(score < 0.75), units)
        held += difference.interval.low <= -0.05 <= difference.interval.high
    assert held >= 180
