"""Expected calibration error against sums worked out by hand."""

import numpy as np
import pytest

from models.metrics.calibration import fit_temperature, score_calibration


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
