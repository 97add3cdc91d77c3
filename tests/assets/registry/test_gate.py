"""The gate on numbers: what promotes, what does not, and that nothing unmeasured passes."""

import math
from dataclasses import replace

import pytest

from assets.registry.release import decide, find_spent, read_evaluation
from assets.registry.verdict import Evaluation, GateRules

RULES = GateRules("accuracy", floor=0.7, max_drop=0.02, min_test_samples=100)
CHECKS = {"splits_share_no_session": True, "loss_fell": True}


def evaluation(accuracy, release="r1", model="m2", samples=200, **more):
    return Evaluation(model, release, samples, {"accuracy": accuracy}, **more)


def failed(decision):
    return [r.claim for r in decision.results if not r.is_passed]


def test_first_model_above_the_floor_is_promoted():
    decision = decide(evaluation(0.8), None, RULES, CHECKS)
    assert decision.is_promoted
    assert any(
        "no champion with these classes" in reason for reason in decision.reasons
    )


def test_first_model_below_the_floor_is_not():
    decision = decide(evaluation(0.69), None, RULES, CHECKS)
    assert failed(decision) == ["accuracy reaches the floor"]
    assert decision.reasons == (
        "accuracy reaches the floor: 0.6900 (accuracy, floor 0.7)",
    )


@pytest.mark.parametrize(("accuracy", "is_promoted"), [(0.881, True), (0.879, False)])
def test_champion_at_090_and_margin_002_ask_for_088(accuracy, is_promoted):
    assert (
        decide(
            evaluation(accuracy), evaluation(0.90, model="m1"), RULES, CHECKS
        ).is_promoted
        is is_promoted
    )


def test_champion_scored_on_another_release_does_not_compare():
    decision = decide(
        evaluation(0.99), evaluation(0.90, release="r0", model="m1"), RULES, CHECKS
    )
    assert failed(decision) == ["accuracy no more than 0.02 below the best champion"]
    assert "score the champion on that one too" in decision.reasons[0]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_figure_that_is_not_a_number_fails(value):
    assert not decide(evaluation(value), None, RULES, CHECKS).is_promoted


@pytest.mark.parametrize("value", [None, math.nan])
def test_champion_without_a_figure_blocks_until_it_is_scored(value):
    decision = decide(evaluation(0.99), evaluation(value, model="m1"), RULES, CHECKS)
    assert "score it again" in decision.reasons[0]


def test_absent_metric_fails_both_of_its_rules():
    without = Evaluation("m", "r1", 200, {"map50": 0.9})
    assert len(failed(decide(without, evaluation(0.1, model="m1"), RULES, CHECKS))) == 2


@pytest.mark.parametrize("checks", [{}, {"a": False}, {"a": True, "b": None}])
def test_failed_missing_or_open_check_fails(checks):
    assert failed(decide(evaluation(0.9), None, RULES, checks)) == ["its checks passed"]


def test_too_few_test_samples_fail():
    assert failed(decide(evaluation(0.9, samples=99), None, RULES, CHECKS)) == [
        "enough test samples"
    ]


def score(metric, value, by="all", slice_value="all", n=50, split="test", release="r1"):
    return {
        "model_sha256": "m",
        "release_id": release,
        "split": split,
        "slice_by": by,
        "slice_value": slice_value,
        "metric": metric,
        "value": value,
        "num_samples": n,
    }


def test_exam_is_read_from_the_test_rows_of_one_model_and_release():
    rows = [
        score("accuracy", 0.8),
        score("ece", None),
        score("accuracy", 0.5, "sensor", "left", 20),
        score("accuracy", 0.99, split="val"),
        score("accuracy", 0.1, release="r0"),
    ]
    found = read_evaluation(rows, "m", "r1")
    assert found == Evaluation(
        "m",
        "r1",
        50,
        {"accuracy": 0.8, "ece": None},
        {("sensor", "left"): {"accuracy": 0.5}},
        {("sensor", "left"): 20},
    )


def test_no_test_rows_are_no_exam():
    assert read_evaluation([score("accuracy", 0.9, split="val")], "m", "r1") is None


# ---- the tolerance is spent once -------------------------------------------------------------------------------------


def test_the_bound_is_below_the_best_of_the_line_and_not_below_the_champion():
    """0.961 was followed by 0.953: 0.008 of 0.02 are spent, so the next must reach 0.941, not 0.933."""
    champion = evaluation(0.953, model="m1", spent=0.008)
    for accuracy, is_promoted in ((0.942, True), (0.940, False)):
        decision = decide(evaluation(accuracy), champion, RULES, CHECKS)
        assert decision.is_promoted is is_promoted, decision.reasons
    assert (
        "champion 0.9530 on the same test split, itself 0.0080 below the best of its line"
        in decision.reasons[0]
    )
    claim = "accuracy no more than 0.02 below the best champion"
    (result,) = (r for r in decision.results if r.claim == claim)
    assert result.bound == pytest.approx(0.941)


@pytest.mark.parametrize(
    ("accuracy", "spent_before", "spent"),
    [
        (0.953, 0.0, 0.008),  # 0.961 - 0.953
        (0.953, 0.004, 0.012),  # what the champion was below the best goes along
        (0.963, 0.004, 0.002),  # earned back in part
        (0.990, 0.004, 0.0),  # a new best
    ],
)
def test_what_a_champion_is_below_the_best_is_what_it_has_spent(
    accuracy, spent_before, spent
):
    champion = evaluation(0.961, model="m1", spent=spent_before)
    assert find_spent(evaluation(accuracy), champion, RULES) == pytest.approx(spent)


def test_who_begins_a_line_has_spent_nothing():
    assert find_spent(evaluation(0.8), None, RULES) == 0.0
    elsewhere = evaluation(0.9, release="r0", model="m1", spent=0.01)
    assert find_spent(evaluation(0.8), elsewhere, RULES) == 0.0


# ---- a first champion on a thin test ---------------------------------------------------------------------------------

THIN = "the test part shows no object of 3 of 56 classes: a, b, c"


def test_a_first_champion_on_a_thin_test_is_refused_with_the_remedy():
    decision = decide(evaluation(0.99, weaknesses=(THIN,)), None, RULES, CHECKS)
    assert failed(decision) == ["its test part can judge a first champion"]
    assert THIN in decision.reasons[0] and "--accept-thin-test" in decision.reasons[0]


def test_a_thin_test_can_be_accepted_and_that_stands_in_the_verdict():
    rules = replace(RULES, accepts_thin_test=True)
    decision = decide(evaluation(0.8, weaknesses=(THIN,)), None, rules, CHECKS)
    assert decision.is_promoted
    assert any(f"accepted as it is: {THIN}" in reason for reason in decision.reasons)


def test_where_there_is_a_champion_a_thin_test_compares_the_two():
    challenger = evaluation(0.9, weaknesses=(THIN,))
    champion = evaluation(0.9, model="m1")
    assert decide(challenger, champion, RULES, CHECKS).is_promoted


def test_a_first_champion_that_never_finds_a_class_is_refused_by_name():
    decision = decide(evaluation(0.99, missed=("cup", "mug")), None, RULES, CHECKS)
    assert failed(decision) == ["it finds every class that its test part shows"]
    assert "classes cup, mug: " in decision.reasons[0]
    assert "--accept-thin-test" in decision.reasons[0]
    rules = replace(RULES, accepts_thin_test=True)
    decision = decide(evaluation(0.99, missed=("cup",)), None, rules, CHECKS)
    assert decision.is_promoted
    assert any("accepted as it is: never found" in r for r in decision.reasons)


def test_a_follower_that_never_finds_a_class_is_held_to_the_mean_and_says_so():
    challenger = evaluation(0.9, missed=("cup", "mug"))
    champion = evaluation(0.9, model="m1", missed=("mug",))
    decision = decide(challenger, champion, RULES, CHECKS)
    assert decision.is_promoted
    assert any("of which the champion finds cup" in r for r in decision.reasons)


def test_missed_classes_are_read_from_figures_that_are_0(score_of):
    rows = [
        score_of("all", "all", "map50", 0.5),
        score_of("class", "cup", "ap50", 0.0),
        score_of("class", "cup", "ap", 0.0),
        score_of("class", "mug", "ap50", 0.001),
        score_of("class", "jug", "ap50", None),
        score_of("session", "can", "ap50", 0.0),
        score_of("class", "pot", "ap50", 0.0) | {"release_id": "r2"},
    ]
    assert read_evaluation(rows, "m", "r").missed == ("cup",)


@pytest.fixture
def score_of():
    return lambda slice_by, slice_value, metric, value: {
        "model_sha256": "m",
        "release_id": "r",
        "split": "test",
        "slice_by": slice_by,
        "slice_value": slice_value,
        "metric": metric,
        "value": value,
        "num_samples": 3,
    }


def test_negative_margin_is_refused():
    with pytest.raises(ValueError, match="max_drop"):
        GateRules("accuracy", 0.5, -0.1, 10)
