"""The gate: may this challenger become champion? A decision on numbers, with the numbers it rests on.

A figure that is absent, None or not finite fails its rule: what was not measured is not good enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from assets.registry.against_champion import find_figures, judge_against
from assets.registry.person import Ruling
from assets.registry.verdict import (
    NOTHING_ELSE,
    WHOLE,
    Decision,
    Evaluation,
    Evidence,
    GateRules,
    RuleResult,
    Slice,
    bound_figure,
    find_figure,
)
from assets.tables.erased_from import CLAIM
from assets.tables.missed_classes import FOUND_BY, list_missed, tell_missed

PERSON = "it has the word of a person where one is needed"


_RULES = {
    "recognition": GateRules(
        "accuracy", floor=0.60, max_drop=0.01, min_test_samples=20
    ),
    "detection": GateRules("map50", floor=0.40, max_drop=0.02, min_test_samples=10),
    "segmentation": GateRules("miou", floor=0.40, max_drop=0.02, min_test_samples=10),
}


def rules_of(task: str) -> GateRules:
    """The rules of a task: an open one brings its own. Raises ValueError for a task that is not known."""
    if task in _RULES:
        return _RULES[task]
    from models.tasks import OpenTask, find_task

    found = find_task(task)
    assert isinstance(found, OpenTask), task
    return GateRules(
        found.metric.removeprefix("val_"),
        found.floor,
        found.max_drop,
        min_test_samples=10,
    )


def find_rules(task: str) -> GateRules | None:
    """The rules of a task, without loading what trains; None of an open task, which brings its own."""
    return _RULES.get(task)


def decide(
    challenger: Evaluation,
    champion: Evaluation | None,
    rules: GateRules,
    checks: Mapping[str, bool | None],
    evidence: Evidence = NOTHING_ELSE,
) -> Decision:
    """Judge the challenger against the floors, the champion, the asset checks (name -> passed) and what persons said.

    The champion counts only with its score on the same release: figures on different test splits do not compare. No
    champion yet: the floors decide, on a test split that can tell. No check at all, or one without an outcome, fails.
    """
    results = [
        _judge_checks(checks),
        _judge_person(evidence.ruling),
        _judge_erased(evidence.erased),
        _judge_samples(challenger, rules),
        _judge_floor(challenger, rules),
        _judge_exam(challenger, champion, rules),
        _judge_missed(challenger, champion, rules),
        _judge_new_classes(challenger, rules),
        *judge_against(challenger, champion, rules, evidence),
    ]
    if evidence.ruling.approved_by:
        results = [_approve(result, evidence.ruling) for result in results]
    against = champion.model_sha256 if champion else None
    return Decision(tuple(results), checks, against, rules.accepts_thin_test, evidence)


def find_spent(
    challenger: Evaluation,
    champion: Evaluation | None,
    rules: GateRules,
    evidence: Evidence = NOTHING_ELSE,
) -> float:
    """How far the challenger would be below the best of its line, in the metric's unit; 0 where it begins one.

    On one exam that is the distance to the best that a champion had there. From one exam to the next the distance goes
    along: what it is measured by are two models on the same frames, each time.
    """
    if champion is None or champion.release_id != challenger.release_id:
        return 0.0
    value, former = find_figures(challenger, champion, rules, evidence)
    if value is None or former is None:
        return 0.0
    return max(champion.spent + former - value, 0.0)


def read_evaluation(
    score_rows: Iterable[Mapping[str, Any]], model_sha256: str, release_id: str
) -> Evaluation | None:
    """One model on one release, from rows of `scores`; None where it was not scored on the test split."""
    slices: dict[Slice, dict[str, float | None]] = {}
    samples: dict[Slice, int] = {}
    rows = list(score_rows)
    for row in rows:
        if (row["model_sha256"], row["release_id"], row["split"]) == (
            model_sha256,
            release_id,
            "test",
        ):
            place = (row["slice_by"], row["slice_value"])
            slices.setdefault(place, {})[row["metric"]] = row["value"]
            samples[place] = max(samples.get(place, 0), row["num_samples"])
    if WHOLE not in slices:
        return None
    return Evaluation(
        model_sha256,
        release_id,
        samples.pop(WHOLE),
        slices.pop(WHOLE),
        slices,
        samples,
        missed=list_missed(rows, model_sha256, release_id),
    )


def _judge_checks(checks: Mapping[str, bool | None]) -> RuleResult:
    claim = "its checks passed"
    failed = sorted(name for name, passed in checks.items() if passed is not True)
    if not checks:
        return RuleResult(
            claim,
            False,
            0.0,
            1.0,
            "no check has run: run the checks of its data, training and scores first",
        )
    detail = (
        f"failed or without outcome: {', '.join(failed)}"
        if failed
        else f"{len(checks)} checks"
    )
    return RuleResult(
        claim, not failed, float(len(checks) - len(failed)), float(len(checks)), detail
    )


def _judge_person(ruling: Ruling) -> RuleResult:
    return RuleResult(
        PERSON, ruling.is_settled, None, None, ruling.detail, may_be_approved=True
    )


def _judge_erased(erased: str) -> RuleResult:
    told = erased or "nothing of its release was"
    return RuleResult(CLAIM, not erased, None, None, told)


def _approve(result: RuleResult, ruling: Ruling) -> RuleResult:
    """A person's word in the place of a rule that asks for it."""
    if result.is_passed or not result.may_be_approved:
        return result
    told = f"{result.detail}; approved by {ruling.approved_by}"
    return replace(result, is_passed=True, detail=told)


def _judge_samples(evaluation: Evaluation, rules: GateRules) -> RuleResult:
    enough = evaluation.num_samples >= rules.min_test_samples
    detail = f"{evaluation.num_samples} test samples, {rules.min_test_samples} needed"
    return RuleResult(
        "enough test samples",
        enough,
        evaluation.num_samples,
        rules.min_test_samples,
        detail,
    )


def _judge_floor(evaluation: Evaluation, rules: GateRules) -> RuleResult:
    value = find_figure(evaluation.metrics, rules.metric)
    return bound_figure(
        f"{rules.metric} reaches the floor",
        value,
        rules.floor,
        f"{rules.metric}, floor {rules.floor:g}",
    )


def _judge_exam(
    challenger: Evaluation, champion: Evaluation | None, rules: GateRules
) -> RuleResult:
    """A first champion is believed for its figures alone, so they must say something."""
    claim = "its test part can judge a first champion"
    told = "; ".join(challenger.weaknesses)
    num_weak = float(len(challenger.weaknesses))
    if champion is not None:
        return RuleResult(
            claim, True, None, None, "there is a champion to compare with"
        )
    if not challenger.weaknesses:
        return RuleResult(
            claim,
            True,
            0.0,
            0.0,
            "it shows every class, and all of its answers are judged",
        )
    if rules.accepts_thin_test:
        return RuleResult(claim, True, num_weak, num_weak, f"accepted as it is: {told}")
    remedy = "add recordings that show it, choose other data or more classes, or train again with --accept-thin-test"
    return RuleResult(claim, False, num_weak, 0.0, f"{told}: {remedy}")


def _judge_missed(
    challenger: Evaluation, champion: Evaluation | None, rules: GateRules
) -> RuleResult:
    """A mean hides a class without a hit. Who follows a champion is held to the mean, and the class is named."""
    claim = "it finds every class that its test part shows"
    num_missed = float(len(challenger.missed))
    told = tell_missed(challenger.missed)
    if not told:
        return RuleResult(claim, True, 0.0, 0.0, "none of them is at 0")
    if champion is not None:
        lost = sorted(set(challenger.missed) - set(champion.missed))
        found = f", of which the champion finds {', '.join(lost)}" * bool(lost)
        return RuleResult(
            claim, True, num_missed, None, f"not held against a follower: {told}{found}"
        )
    if rules.accepts_thin_test:
        return RuleResult(
            claim, True, num_missed, num_missed, f"accepted as it is: {told}"
        )
    remedy = "label more of it, train longer, choose other classes, or train again with --accept-thin-test"
    return RuleResult(claim, False, num_missed, 0.0, f"{told}: {remedy}")


def _judge_new_classes(challenger: Evaluation, rules: GateRules) -> RuleResult:
    """Of a class that the champion does not know nothing can be compared: the floor decides, class by class.

    A test part that does not show it cannot tell, and a person may.
    """
    claim = f"each class that the champion does not know reaches {rules.floor:g}"
    if not challenger.new_classes:
        return RuleResult(claim, True, None, None, "there is none")
    found = {name: _find_found(challenger, name) for name in challenger.new_classes}
    told = ", ".join(
        f"{name} {'not shown' if value is None else f'{value:.4f}'}"
        for name, value in found.items()
    )
    shown = [value for value in found.values() if value is not None]
    lowest = min(shown, default=None)
    if lowest is not None and lowest < rules.floor:
        told += ": label more of it, or train longer"
        return RuleResult(claim, False, lowest, rules.floor, told)
    if len(shown) == len(found):
        return RuleResult(claim, True, lowest, rules.floor, told)
    if rules.accepts_thin_test:
        return RuleResult(
            claim, True, lowest, rules.floor, f"accepted as it is: {told}"
        )
    told += ": add a labelled recording of it to the test part, or `daguerre approve`"
    return RuleResult(claim, False, lowest, rules.floor, told, may_be_approved=True)


def _find_found(evaluation: Evaluation, class_name: str) -> float | None:
    """How much of a class was found on the test part; None where that shows none of it."""
    figures = evaluation.slices.get(("class", class_name), {})
    found = (find_figure(figures, name) for name in FOUND_BY)
    return next((value for value in found if value is not None), None)
