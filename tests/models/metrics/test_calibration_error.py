"""Expected calibration error against sums worked out by hand."""

import numpy as np
import pytest

from models.metrics.calibration import (
    fit_odds,
    fit_sureness,
    fit_temperature,
    score_calibration,
    score_regions,
)


def test_confidence_equal_to_accuracy_has_no_error():
    # four predictions at 0.75, three right
    assert score_calibration(
        [0.75] * 4, [True, True, True, False]
    ).ece == pytest.approx(0.0)


def test_sure_and_always_wrong_has_error_one():
    assert score_calibration([1.0, 1.0], [False, False]).ece == pytest.approx(1.0)


def test_gaps_are_weighted_by_the_samples_of_their_bin():
    # bin of 0.9: 3 samples, 2 right, gap |2/3 - 0.9| = 7/30; bin of 0.5: 1 sample, right, gap 0.5
    result = score_calibration([0.9, 0.9, 0.9, 0.5], [True, True, False, True])
    assert result.ece == pytest.approx(3 / 4 * 7 / 30 + 1 / 4 * 0.5)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # with two bins 0.5 lies in (0, 0.5]: together with 0.3 it has mean 0.4 and accuracy 1/2
    result = score_calibration([0.5, 0.3], [True, False], num_bins=2)
    assert [(b.low, b.high, b.num_samples) for b in result.bins] == [(0.0, 0.5, 2)]
    assert result.ece == pytest.approx(0.1)


def test_every_edge_of_fifteen_bins_closes_its_bin():
    result = score_calibration(np.arange(1, 16) / 15, [True] * 15)
    assert [b.num_samples for b in result.bins] == [1] * 15


def test_zero_and_one_have_a_bin():
    assert [
        (b.low, b.high) for b in score_calibration([0.0, 1.0], [False, True]).bins
    ] == [(0, 1 / 15), (14 / 15, 1)]


def test_empty_bins_are_not_listed():
    assert len(score_calibration([0.1, 0.9], [True, True]).bins) == 2


def test_no_predictions_are_refused():
    with pytest.raises(ValueError, match="no predictions"):
        score_calibration([], [])


@pytest.mark.parametrize("confidence", [1.5, -0.1, float("nan")])
def test_what_is_not_a_probability_is_refused(confidence: float):
    with pytest.raises(ValueError, match="outside"):
        score_calibration([confidence], [True])


def softmax(logits):
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def draw_predictions(count, factor, seed=0):
    """Logits of which each is the truth's own, `factor` times as large as it should be; and what is true."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 5))
    class_ids = np.array(
        [rng.choice(5, p=p / p.sum()) for p in softmax(logits).astype(float)]
    )
    return factor * logits, class_ids


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_the_temperature_is_what_logits_were_too_large_by(factor):
    logits, class_ids = draw_predictions(5000, factor)
    temperature = fit_temperature(softmax(logits), class_ids)
    assert temperature == pytest.approx(factor, rel=0.06)
    probabilities = softmax(logits / temperature)
    assert (
        score_calibration(
            probabilities.max(1), probabilities.argmax(1) == class_ids
        ).ece
        < 0.025
    )


def test_a_few_answers_that_are_all_right_do_not_make_a_net_sure_of_everything():
    probabilities = np.tile(np.float32([0.8, 0.2]), (5, 1))
    few, many = (
        fit_temperature(np.repeat(probabilities, n, 0), np.zeros(5 * n, np.int64))
        for n in (1, 200)
    )
    assert 0.6 < few < 1 and many < 0.3


def test_a_probability_of_nothing_for_what_is_true_is_survived():
    assert (
        1
        < fit_temperature(np.float32([[1, 0], [1, 0], [1, 0]]), np.array([0, 0, 1]))
        < 20
    )


@pytest.mark.parametrize("class_ids", [[], [2], [-1]])
def test_a_temperature_needs_answers_and_their_classes(class_ids):
    with pytest.raises(ValueError, match="one id below the number of classes"):
        fit_temperature(
            np.full((len(class_ids), 2), 0.5, np.float32), np.array(class_ids, np.int64)
        )


def test_odds_are_brought_to_how_often_answers_are_right():
    """Scores say 3 x the odds + 1 of what is true: so much is taken back."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 4000)
    is_hit = rng.random(4000) < 1 / (1 + np.exp(-truth))
    said = (1 / (1 + np.exp(-(3 * truth + 1)))).astype(np.float32)
    found = fit_odds(said, is_hit)
    assert found.scale == pytest.approx(1 / 3, rel=0.1)
    assert found.shift == pytest.approx(-1 / 3, abs=0.1)
    assert found.ece_before > 0.1 > 0.03 > found.ece_after


def test_a_score_of_nought_or_one_has_odds_too():
    found = fit_odds(np.float32([0, 1, 1, 0]), np.array([False, True, False, True]))
    assert np.isfinite([found.scale, found.shift]).all() and found.scale > 0


def test_pixels_that_resemble_each_other_count_less_against_the_prior():
    sure = np.tile(np.float32([[0.7, 0.3]]), (1000, 1))
    class_ids = np.zeros(1000, np.int64)
    many = fit_temperature(sure, class_ids)
    few = fit_temperature(sure, class_ids, 2)
    assert many < few < 1


def test_sureness_tells_the_error_before_and_after():
    rng = np.random.default_rng(1)
    sure = np.where(rng.random((600, 1)) < 0.7, [[0.99, 0.01]], [[0.01, 0.99]])
    found = fit_sureness(sure.astype(np.float32), np.zeros(600, np.int64))
    # 0.99 sure, 0.7 right
    assert found.ece_before == pytest.approx(0.29, abs=0.05)
    assert found.ece_after < 0.05 and found.scale < 1


def test_regions_count_by_their_pixels():
    # 0.9 sure of 100 px of which 80 are right, 0.3 of 50 of which 20 are: (10 + 5) / 150
    value = score_regions(
        np.array([0.9, 0.3, 0.0]), np.array([80, 20, 0]), np.array([100, 50, 0])
    )
    assert value is not None and value.ece == pytest.approx(0.1)
    told = [(b.mean_confidence, b.accuracy, b.num_samples) for b in value.bins]
    assert told == [(pytest.approx(0.3), 0.4, 50), (pytest.approx(0.9), 0.8, 100)]
    assert score_regions(np.zeros(2), np.zeros(2, int), np.zeros(2, int)) is None
