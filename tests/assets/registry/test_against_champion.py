"""The gate with intervals: sure, not sure, worse; slices, calibration and budgets; and where there is no interval."""

from dataclasses import replace

import numpy as np
import pytest

from assets.comparison.models import compare_exams
from assets.registry.cost import Cost
from assets.registry.person import Ruling
from assets.registry.release import decide
from assets.registry.verdict import Evaluation, Evidence, GateRules
from assets.tables.frame_scores import FrameScores
from models.metrics.frame_parts import ClassParts

RULES = GateRules("accuracy", floor=0.5, max_drop=0.05, min_test_samples=10)
CHECKS = {"splits_share_no_session": True}
EQUAL = (Cost(5.0, 1000), Cost(5.0, 1000))
NUM_UNITS = 40
PER_UNIT = 10


def sit(model: str, is_right: np.ndarray, num_units: int = NUM_UNITS) -> FrameScores:
    """An exam on frames of two sensors, shared out among recordings; a frame that is not right was called a box."""
    count = len(is_right)
    true_ids = np.zeros(count, np.int64)
    parts = ClassParts(
        2, true_ids, 1 - is_right.astype(np.int64), np.full(count, 0.9), np.zeros(count)
    )
    units = [f"recording {n % num_units}" for n in range(count)]
    return FrameScores(
        "recognition",
        model * 64,
        "r1",
        "test",
        ("cup", "box"),
        tuple(f"{n:032x}" for n in range(count)),
        tuple(units),
        tuple(units),
        tuple(f"session {n % num_units}" for n in range(count)),
        tuple("left" if n < count // 2 else "right" for n in range(count)),
        is_right.astype(np.float64),
        parts,
    )


def right(*wrong: int) -> np.ndarray:
    """All frames are right but these."""
    is_right = np.ones(NUM_UNITS * PER_UNIT, bool)
    is_right[list(wrong)] = False
    return is_right


def judge(first, second, rules=RULES, num_units=NUM_UNITS, **evidence):
    champion, challenger = sit("a", first, num_units), sit("b", second, num_units)
    found = Evidence(compare_exams(champion, challenger), EQUAL)
    sat = [
        Evaluation(exam.model_sha256, "r1", len(exam), {"ece": 0.1, **exam.figures()})
        for exam in (challenger, champion)
    ]
    return decide(*sat, rules, CHECKS, replace(found, **evidence))


def failed(decision):
    return [r.claim for r in decision.results if not r.is_passed]


METRIC = "accuracy no more than 0.05 below the best champion"
SLICES = "no slice is more than 0.05 below the champion"


def test_one_that_is_surely_no_worse_is_promoted_with_its_interval():
    decision = judge(right(), right(0, 1))
    assert decision.is_promoted
    (told,) = (reason for reason in decision.reasons if reason.startswith(METRIC))
    assert "difference -0.0050 [-0.0125, +0.0000] over 40 recordings or groups" in told
    numbers = decision.to_dict()["comparison"]["difference"]
    assert numbers["interval"] == pytest.approx([-0.0125, 0.0])
    assert numbers["num_units"] == 40


def test_one_that_is_within_the_margin_by_its_mean_alone_waits_for_a_person():
    """16 of 400 frames are lost, all in 4 of 40 recordings: -0.04, but in other recordings it may be -0.07."""
    lost = [n for n in range(400) if n % 40 < 4 and n < 160]
    decision = judge(right(), right(*lost), replace(RULES, slice_drop=1.0))
    assert (failed(decision), decision.outcome) == ([METRIC], "waits")
    assert "this test part cannot tell" in decision.reasons[0]
    ruling = Ruling(approved_by="ana (seen)")
    approved = judge(
        right(), right(*lost), replace(RULES, slice_drop=1.0), ruling=ruling
    )
    assert approved.is_promoted
    assert any("approved by ana (seen)" in reason for reason in approved.reasons)


def test_one_that_is_below_the_margin_is_refused_and_no_approval_helps():
    decision = judge(
        right(), right(*range(40)), ruling=Ruling(approved_by="ana (seen)")
    )
    assert METRIC in failed(decision) and decision.outcome == "refused"


def test_what_the_line_has_spent_narrows_the_margin():
    lost = range(16)
    rules = replace(RULES, slice_drop=1.0)
    champion, challenger = sit("a", right()), sit("b", right(*lost))
    evidence = Evidence(compare_exams(champion, challenger), EQUAL)
    outcomes = [
        decide(
            Evaluation("b" * 64, "r1", 400, {"accuracy": 0.96}),
            Evaluation("a" * 64, "r1", 400, {"accuracy": 1.0}, spent=spent),
            replace(rules, max_drop=0.07),
            CHECKS,
            evidence,
        ).outcome
        for spent in (0.0, 0.02, 0.04)
    ]
    # the interval of -0.04 begins near -0.06; bounds are -0.07, -0.05 and -0.03
    assert outcomes == ["passed", "waits", "refused"]


def test_a_slice_that_is_surely_worse_refuses_one_whose_mean_is_better():
    """The champion loses 60 frames of the left sensor, the challenger 40 of the right one alone."""
    decision = judge(right(*range(60)), right(*range(200, 240)))
    assert failed(decision) == [SLICES]
    assert "sensor = right -0.2000" in decision.reasons[0]


NEW = ("box",)
NEW_CLASS = "each class that the champion does not know reaches 0.5"


def judge_new(recall: float | None, rules=RULES, second=None):
    """A challenger that knows boxes, too, of which it finds so many; cups alone are what both are compared by."""
    champion = sit("a", right())
    challenger = sit("b", right() if second is None else second)
    shown = {("class", "box"): {"recall": recall}} if recall is not None else {}
    # over all classes the champion would be far below
    sat = [
        Evaluation("b" * 64, "r1", 400, {"accuracy": 0.9}, shown, new_classes=NEW),
        Evaluation("a" * 64, "r1", 400, {"accuracy": 0.5}),
    ]
    found = compare_exams(champion, challenger)
    return decide(*sat, rules, CHECKS, Evidence(found, EQUAL))


def test_of_a_new_class_the_floor_decides_and_of_the_others_the_champion():
    assert judge_new(0.6).is_promoted
    assert failed(judge_new(0.4)) == [NEW_CLASS]
    assert judge_new(0.4).outcome == "refused"
    worse = judge_new(0.9, second=right(*range(40)))
    assert failed(worse) == [f"{METRIC}, over the classes that it knows", SLICES]


def test_a_new_class_that_the_test_part_does_not_show_waits_for_a_person():
    decision = judge_new(None)
    assert (failed(decision), decision.outcome) == ([NEW_CLASS], "waits")
    assert "box not shown" in decision.reasons[0]
    assert judge_new(None, replace(RULES, accepts_thin_test=True)).is_promoted


def test_without_its_exam_of_the_new_classes_a_champion_is_not_beaten():
    sat = [
        Evaluation("b" * 64, "r1", 400, {"accuracy": 1.0}, new_classes=NEW),
        Evaluation("a" * 64, "r1", 400, {"accuracy": 0.1}),
    ]
    rules = replace(RULES, accepts_thin_test=True)
    claim = f"{METRIC}, over the classes that it knows"
    assert failed(decide(*sat, rules, CHECKS)) == [claim]


def test_few_recordings_are_judged_by_the_means_and_the_verdict_says_so():
    decision = judge(right(), right(*range(16)), num_units=5)
    assert decision.is_promoted
    told = "; ".join(decision.reasons)
    assert "by the means alone: 5 recordings or groups, an interval needs 8" in told
    assert "not judged: 0 of" in told
    refused = judge(right(), right(*range(24)), num_units=5)
    assert failed(refused) == [METRIC]


def test_a_task_that_stores_no_frames_is_judged_by_the_means():
    decision = judge(right(), right(0), comparison=None)
    assert decision.is_promoted
    assert any("no scores of frames are stored" in r for r in decision.reasons)


def test_calibration_may_rise_by_its_margin():
    sat = [
        Evaluation(m * 64, "r1", 400, {"accuracy": 1.0, "ece": ece})
        for m, ece in (("b", 0.16), ("a", 0.10))
    ]
    (claim,) = failed(decide(*sat, RULES, CHECKS))
    assert claim == "its calibration error is no more than 0.05 above the champion's"
    unmeasured = [replace(sat[0], metrics={"accuracy": 1.0}), sat[1]]
    assert failed(decide(*unmeasured, RULES, CHECKS)) == [claim]


def test_times_that_are_mostly_noise_are_not_held_against_a_model():
    fast = (Cost(0.01, 1000), Cost(0.4, 1000))
    assert judge(right(), right(), costs=fast).is_promoted


def test_spoilt_pictures_are_compared_by_their_mean_over_corruptions():
    def spoil(blur, fog):
        figures = {"blur 3": blur, "fog 3": fog, "none 0": None}
        return {
            ("corruption", name): {"accuracy": value} for name, value in figures.items()
        } | {("corruption", "none"): {"accuracy": 0.0}}

    champion = Evaluation("a" * 64, "r1", 400, {"accuracy": 1.0}, spoil(0.8, 0.6))
    outcomes = []
    # means of 0.66 and 0.64, where the champion has 0.70
    for blur, fog in ((0.8, 0.52), (0.8, 0.48)):
        challenger = Evaluation(
            "b" * 64, "r1", 400, {"accuracy": 1.0}, spoil(blur, fog)
        )
        decision = decide(challenger, champion, RULES, CHECKS)
        outcomes.append(decision.outcome)
    assert outcomes == ["passed", "waits"]
    assert "least fog 3: 0.4800, champion 0.6000" in decision.reasons[0]


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (Cost(8.0, 1000), "1.60 (8.00 ms, champion 5.00 ms"),
        (Cost(7.6, 1000), "1.52 (7.60 ms"),
        (Cost(5.0, 2100), "2.10 (2,100 bytes"),
    ],
)
def test_a_budget_that_is_exceeded_waits_for_a_person(cost, words):
    decision = judge(right(), right(), costs=(EQUAL[0], cost))
    assert decision.outcome == "waits" and words in decision.reasons[0]
