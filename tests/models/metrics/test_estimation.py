"""Estimates without labels, against the truth of simulated sessions: near it, or not made."""

from __future__ import annotations

import numpy as np
import pytest

from assets.monitoring.estimates import MIN_LIKENESS
from models.metrics.drift import compare_mean
from models.metrics.estimation import (
    MAX_ERROR,
    KnownAnswers,
    apply_reliability,
    estimate_rightness,
    fit_reliability,
    is_denied,
    learn_reliability,
    measure_error,
)

ANSWERS = 400  # of a recording
CENTRES = np.array([[0.0, 1.5], [-1.3, -0.75], [1.3, -0.75]])
TEMPERATURE = 2.0  # a net that is less sure than it is right


def answer(rng, classes=(1, 1, 1), noise=1.0, gain=1.0, num=ANSWERS):
    """Confidence and rightness (num,) of a classifier that was made for noise 1 and gain 1; and a figure of its images.

    Points lie around the centres of three classes, mixed as told; the classifier knows the exact odds of its world.
    The figure scatters by 4 % between recordings, about as that of brightness or crispness does, beside the shift.
    """
    share = np.array(classes) / np.sum(classes)
    truth = rng.choice(3, num, p=share)
    points = gain * (CENTRES[truth] + noise * rng.normal(size=(num, 2)))
    logits = -0.5 * np.square(points[:, None] - CENTRES).sum(axis=2) / TEMPERATURE
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    figure = np.log(noise * gain) + 0.04 * rng.normal()
    return odds.max(axis=1), (odds.argmax(axis=1) == truth).astype(float), figure


@pytest.fixture(scope="module")
def world():
    """Known answers on ten recordings, and a figure of each by which drift of the images is judged."""
    rng = np.random.default_rng(0)
    # recordings differ in what they show
    made = [answer(rng, rng.dirichlet([20, 20, 20])) for _ in range(10)]
    recordings = np.repeat(np.arange(10), ANSWERS)
    known = KnownAnswers(
        np.concatenate([m[0] for m in made]),
        np.concatenate([m[1] for m in made]),
        recordings,
    )
    return known, learn_reliability(known), np.array([m[2] for m in made])


def estimate_all(world, seeds=24, **shift):
    """Errors of the estimates that were made of sessions with a shift; a session whose images drifted has none."""
    _, known, figures = world
    errors = []
    for seed in range(seeds):
        confidence, rightness, figure = answer(
            np.random.default_rng(100 + seed), **shift
        )
        if compare_mean(figures, figure).p_value >= MIN_LIKENESS:
            value = estimate_rightness(known, confidence).value
            errors += [abs(value - rightness.mean())] * (value is not None)
    return errors


@pytest.mark.parametrize(
    "shift",
    [
        {},
        {"classes": (4, 1, 1)},
        {"classes": (1, 9, 9)},
        {"classes": (0, 0, 1)},
        {"noise": 0.97},
        {"noise": 1.03},
        {"gain": 0.97},
    ],
)
def test_estimates_of_mild_shifts_are_made_and_off_by_at_most_what_is_stated(
    world, shift
):
    errors = estimate_all(world, **shift)
    assert len(errors) >= 4
    assert np.mean(errors) <= MAX_ERROR


@pytest.mark.parametrize("strength", [1.1, 1.2, 1.4, 1.7, 2.5])
@pytest.mark.parametrize("kind", ["noise", "gain"])
def test_estimates_of_any_strength_are_near_the_truth_or_not_made(
    world, kind, strength
):
    errors = estimate_all(world, **{kind: strength})
    assert not errors or np.mean(errors) <= MAX_ERROR


def test_a_strong_shift_has_no_estimate_though_its_answers_are_sure(world):
    known = world[1]
    confidence, rightness, _ = answer(np.random.default_rng(1), noise=2.5)
    # without the verdict on the images it would be far off
    blind = estimate_rightness(known, confidence).value
    assert blind - rightness.mean() > 3 * MAX_ERROR
    assert estimate_all(world, noise=2.5) == []


def test_the_stated_error_is_that_of_recordings_held_out(world):
    known, learnt, _ = world
    found = estimate_rightness(learnt, known.confidence[:ANSWERS])
    assert found.error == pytest.approx(measure_error(known))
    assert found.error < MAX_ERROR
    # a quarter of the answers: twice the error
    fewer = estimate_rightness(learnt, known.confidence[: ANSWERS // 4])
    assert fewer.error == pytest.approx(2 * found.error)


def test_a_net_that_is_less_sure_than_it_is_right_is_brought_in_line(world):
    known = world[0]
    assert known.rightness.mean() - known.confidence.mean() > 0.05
    fitted = fit_reliability(known.confidence, known.rightness)
    expected = apply_reliability(fitted, known.confidence)
    assert expected.mean() == pytest.approx(known.rightness.mean(), abs=0.005)


def test_recordings_on_which_estimates_are_off_give_none():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1.0, 600)
    recordings = np.repeat(np.arange(6), 100)
    # as sure of the one half of the recordings, where all is right, as of the other
    known = KnownAnswers(confidence, (recordings < 3).astype(float), recordings)
    found = estimate_rightness(learn_reliability(known), confidence)
    assert found.value is None and found.error > 0.3
    assert "off by" in found.why_not


@pytest.mark.parametrize(
    ("num", "recordings", "told"),
    [(300, 3, "300 answers on 3 recordings"), (40, 8, "40 answers on 8 recordings")],
)
def test_few_known_answers_give_no_estimate(num, recordings, told):
    known = KnownAnswers(np.full(num, 0.9), np.ones(num), np.arange(num) % recordings)
    found = estimate_rightness(learn_reliability(known), np.full(50, 0.9))
    assert found.value is None and found.error is None and told in found.why_not


def test_answers_less_sure_than_any_known_give_no_estimate(world):
    found = estimate_rightness(world[1], np.full(ANSWERS, 0.34))
    assert found.value is None and "less sure" in found.why_not


@pytest.mark.parametrize(
    ("truth", "num", "denies"),
    [
        (0.62, 29, True),  # 18 right, of 0.87 or more: one in 6,000
        (0.87, 29, False),
        (0.90, 29, False),
        (0.5, 4, False),  # two of four: chance explains it
        (0.90, 2000, False),  # by 0.02, which is within what is stated
        (0.80, 2000, True),
        (1.00, 2000, True),  # better than expected is no estimate either
    ],
)
def test_truth_denies_an_estimate_where_chance_does_not_explain_it(truth, num, denies):
    assert is_denied(0.92, truth, num) is denies


def test_no_answer_has_no_estimate(world):
    assert estimate_rightness(world[1], np.empty(0)).why_not == "it has no answer"
