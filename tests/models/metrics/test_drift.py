"""Drift tests on unit means: hand-computed values, the false-alarm rate they state, and what they refuse."""

import math

import numpy as np
import pytest
from scipy import stats

from models.metrics.drift import (
    adjust_p_values,
    average_units,
    combine_p_values,
    compare_mean,
    compare_vector,
    split_consecutive,
)

FOUR = [1.0, 2.0, 3.0, 4.0]  # mean 2.5, variance (2.25 + 0.25 + 0.25 + 2.25) / 3 = 5/3


def within_binomial(count, draws, rate):
    """At most what `rate` gives but one time in a thousand."""
    return count <= stats.binom.ppf(0.999, draws, rate)


def test_distance_is_difference_over_prediction_deviation():
    shift = compare_mean(FOUR, 5.5)
    assert shift.distance == pytest.approx(3.0 / math.sqrt(5 / 3 * (1 + 1 / 4)))
    assert shift.p_value == pytest.approx(2 * stats.t.sf(shift.distance, 3))


def test_mean_of_the_reference_has_p_value_one():
    assert compare_mean(FOUR, 2.5).p_value == 1.0


def test_sign_tells_the_direction():
    assert compare_mean(FOUR, 0.0).distance == -compare_mean(FOUR, 5.0).distance < 0


def test_identical_references_and_an_equal_new_mean_are_no_shift():
    assert compare_mean([0.5] * 6, 0.5).p_value == 1.0
    assert compare_vector(np.ones((6, 3)), np.ones(3)).p_value == 1.0


def test_tolerance_keeps_a_constant_reference_from_alarming_at_any_change():
    assert compare_mean([0.0] * 6, 1e-9).p_value < 1e-12
    assert compare_mean([0.0] * 6, 0.01, tolerance=0.03).p_value == pytest.approx(
        2 * stats.t.sf(1 / 3, 5)
    )


def test_shorter_recording_widens_the_prediction():
    shift = compare_mean(FOUR, 5.5, length_ratio=4.0)
    assert shift.distance == pytest.approx(3.0 / math.sqrt(5 / 3 * (4 + 1 / 4)))


def test_degrees_of_freedom_stop_at_eight():
    reference = np.arange(30.0)
    shift = compare_mean(reference, 100.0)
    assert shift.p_value == pytest.approx(2 * stats.t.sf(shift.distance, 8))


def test_vector_along_one_direction_is_the_two_sided_t_test():
    direction = np.array([0.6, 0.8])
    vector = compare_vector(np.outer(FOUR, direction), 5.5 * direction)
    assert vector.p_value == pytest.approx(compare_mean(FOUR, 5.5).p_value)


def test_three_references_are_refused():
    with pytest.raises(ValueError, match="3 reference recordings"):
        compare_mean([1.0, 2.0, 3.0], 2.0)


@pytest.mark.parametrize(
    ("reference", "new"),
    [([1.0, 2.0, np.nan, 4.0], 2.0), (FOUR, np.nan), (FOUR, np.inf)],
)
def test_values_that_are_not_finite_are_refused(reference, new):
    with pytest.raises(ValueError, match="not finite"):
        compare_mean(reference, new)
    with pytest.raises(ValueError, match="not finite"):
        compare_vector(np.reshape(reference, (4, 1)), [new])


def test_one_p_value_combines_to_itself():
    assert combine_p_values([0.03]) == 0.03


def test_many_figures_that_move_a_little_together_alarm_where_bonferroni_does_not():
    assert combine_p_values([0.004] * 14) < 0.01 < 14 * 0.004


def test_unmoved_figures_do_not_hide_one_that_moved_far():
    assert combine_p_values([1e-5] + [1.0] * 13) < 0.01


@pytest.mark.parametrize("p_values", [[], [1.2], [np.nan]])
def test_no_p_values_or_impossible_ones_are_refused(p_values):
    with pytest.raises(ValueError, match=r"p-value"):
        combine_p_values(p_values)


def test_adjusted_p_values_single_out_the_figure_that_moved():
    adjusted = adjust_p_values([0.5, 1e-6, 0.8])
    assert adjusted[1] < 0.01 < adjusted[0] <= adjusted[2]
    assert (adjusted >= [0.5, 1e-6, 0.8]).all()


@pytest.mark.parametrize("num_references", [4, 8, 16])
def test_single_figure_alarms_as_often_as_stated(num_references):
    rng = np.random.default_rng(num_references)
    draws = rng.normal(size=(4000, num_references + 1))
    alarms = sum(compare_mean(d[1:], d[0]).p_value <= 0.05 for d in draws)
    assert within_binomial(alarms, 4000, 0.05)
    assert alarms > 0.5 * 4000 * 0.05  # and is not deaf: at most a little cautious


@pytest.mark.parametrize("decay", [0.3, 0.8, 1.0])
def test_vector_alarms_no_more_often_than_stated(decay):
    rng = np.random.default_rng(5)
    draws = rng.normal(size=(2000, 7, 16)) * decay ** np.arange(16)
    assert within_binomial(
        sum(compare_vector(d[1:], d[0]).p_value <= 0.05 for d in draws), 2000, 0.05
    )


@pytest.mark.parametrize("correlation", [0.0, 0.8, 0.99])
def test_combined_p_value_holds_its_rate_among_dependent_tests(correlation):
    rng = np.random.default_rng(1)
    shape = (5000, 5, 14)
    x = math.sqrt(correlation) * rng.normal(size=(5000, 5, 1)) + math.sqrt(
        1 - correlation
    ) * rng.normal(size=shape)
    t = (x[:, 4] - x[:, :4].mean(axis=1)) / (
        x[:, :4].std(axis=1, ddof=1) * math.sqrt(1.25)
    )
    alarms = sum(combine_p_values(p) <= 0.01 for p in 2 * stats.t.sf(np.abs(t), 3))
    assert within_binomial(alarms, 5000, 0.01)


def test_averages_and_counts_by_unit():
    means, counts = average_units([[1.0], [3.0], [10.0]], ["a", "a", "b"])
    assert means.tolist() == [[2.0], [10.0]]
    assert counts.tolist() == [2, 1]


def test_blocks_are_consecutive_and_even():
    assert split_consecutive(7, 3).tolist() == [0, 0, 0, 1, 1, 2, 2]
