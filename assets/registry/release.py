"""The gate: may this challenger become champion? A decision on numbers, with the numbers it rests on.

A figure that is absent, None or not finite fails its rule: what was not measured is not good enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assets.registry.person import Ruling
from assets.tables.missed_classes import list_missed, tell_missed

Slice = tuple[str, str]  # slice_by, slice_value
WHOLE: Slice = ("all", "all")
NOBODY_IS_ASKED = Ruling()
PERSON = "it has the word of a person where one is needed"


@dataclass(frozen=True)
class GateRules:
    """What a champion must be. `floor` and `max_drop` are in the metric's own unit.

    `max_drop` is the margin below the best of the champion's line that still counts as no worse: about what the test
    split can resolve. A champion that is below that best has spent so much of it for those who come after.
    `slice_floor` None: slices are not judged; else every slice of `slice_by` with `min_slice_samples` must reach it.
    """

    metric: str
    floor: float
    max_drop: float
    min_test_samples: int
    slice_floor: float | None = None
    slice_by: tuple[str, ...] = ("session", "sensor", "brightness")
    min_slice_samples: int = 30
    # a first champion may rest on a test part that cannot tell everything, and miss a class that it shows
    accepts_thin_test: bool = False

    def __post_init__(self) -> None:
        if self.max_drop < 0 or self.min_test_samples < 1:
            raise ValueError(
                f"max_drop = {self.max_drop} and min_test_samples = {self.min_test_samples}: 0 or more, 1 or more"
            )


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


@dataclass(frozen=True)
class Evaluation:
    """What one model scored on the test split of one release: metric -> value, over all and per slice.

    `weaknesses` say what that split cannot tell; `missed` are classes that it shows and the model never finds. `spent`
    is of a champion: how far it is below the best of its line.
    """

    model_sha256: str
    release_id: str
    num_samples: int
    metrics: Mapping[str, float | None]
    slices: Mapping[Slice, Mapping[str, float | None]] = field(default_factory=dict)
    slice_samples: Mapping[Slice, int] = field(default_factory=dict)
    weaknesses: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    spent: float = 0.0


@dataclass(frozen=True)
class RuleResult:
    """One rule: the claim, whether it holds, the figure and the bound it met (None where there was no figure)."""

    claim: str
    is_passed: bool
    measured: float | None
    bound: float | None
    detail: str


@dataclass(frozen=True)
class Decision:
    """Promote only if every rule holds. `checks` are those that it was asked with, `against` is the champion's weights.

    `accepts_thin_test` is what a person let pass.
    """

    results: tuple[RuleResult, ...]
    checks: Mapping[str, bool | None] = field(default_factory=dict)
    against: str | None = None
    accepts_thin_test: bool = False

    @property
    def is_promoted(self) -> bool:
        """Whether every condition held; without conditions nothing is promoted."""
        return bool(self.results) and all(r.is_passed for r in self.results)

    @property
    def waits_for_person(self) -> bool:
        """Whether nothing but a person's word stands against it."""
        return not self.is_promoted and all(
            r.is_passed or r.claim == PERSON for r in self.results
        )

    @property
    def outcome(self) -> str:
        """ "passed", "waits" for a person, or "refused"."""
        if self.is_promoted:
            return "passed"
        return "waits" if self.waits_for_person else "refused"

    @property
    def reasons(self) -> tuple[str, ...]:
        """What stands against it; for a promotion, what it rests on."""
        wanted = self.is_promoted
        return tuple(
            f"{r.claim}: {r.detail}" for r in self.results if r.is_passed == wanted
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "is_promoted": self.is_promoted,
            "outcome": self.outcome,
            "results": [asdict(r) for r in self.results],
            "checks": dict(self.checks),
            "against": self.against,
            "accepts_thin_test": self.accepts_thin_test,
        }


def decide(
    challenger: Evaluation,
    champion: Evaluation | None,
    rules: GateRules,
    checks: Mapping[str, bool | None],
    ruling: Ruling = NOBODY_IS_ASKED,
) -> Decision:
    """Judge the challenger against the floors, the champion, the asset checks (name -> passed) and what persons said.

    The champion counts only with its score on the same release: figures on different test splits do not compare. No
    champion yet: the floors decide, on a test split that can tell. No check at all, or one without an outcome, fails.
    """
    results = [
        _judge_checks(checks),
        _judge_person(ruling),
        _judge_samples(challenger, rules),
        _judge_floor(challenger, rules),
        _judge_exam(challenger, champion, rules),
        _judge_missed(challenger, champion, rules),
        _judge_champion(challenger, champion, rules),
    ]
    if rules.slice_floor is not None:
        results.append(_judge_slices(challenger, rules, rules.slice_floor))
    against = champion.model_sha256 if champion else None
    return Decision(tuple(results), checks, against, rules.accepts_thin_test)


def find_spent(
    challenger: Evaluation, champion: Evaluation | None, rules: GateRules
) -> float:
    """How far the challenger would be below the best of its line, in the metric's unit; 0 where it begins one.

    On one exam that is the distance to the best that a champion had there. From one exam to the next the distance goes
    along: what it is measured by are two models on the same frames, each time.
    """
    if champion is None or champion.release_id != challenger.release_id:
        return 0.0
    value = _figure(challenger.metrics, rules.metric)
    former = _figure(champion.metrics, rules.metric)
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
    return RuleResult(PERSON, ruling.is_settled, None, None, ruling.detail)


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
    value = _figure(evaluation.metrics, rules.metric)
    return _bound(
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


def _judge_champion(
    challenger: Evaluation, champion: Evaluation | None, rules: GateRules
) -> RuleResult:
    claim = f"{rules.metric} no more than {rules.max_drop:g} below the best champion"
    if champion is None:
        return RuleResult(
            claim,
            True,
            None,
            None,
            "there is no champion with these classes: the floors decide",
        )
    if champion.release_id != challenger.release_id:
        return RuleResult(
            claim,
            False,
            None,
            None,
            f"the champion was scored on release {champion.release_id[:8]}, the challenger on "
            f"{challenger.release_id[:8]}: score the champion on that one too",
        )
    best = _figure(champion.metrics, rules.metric)
    if best is None:
        return RuleResult(
            claim,
            False,
            None,
            None,
            f"the champion has no {rules.metric} on this release: score it again",
        )
    value = _figure(challenger.metrics, rules.metric)
    below = f", itself {champion.spent:.4f} below the best of its line" * (
        champion.spent > 0
    )
    return _bound(
        claim,
        value,
        best + champion.spent - rules.max_drop,
        f"{rules.metric}, champion {best:.4f} on the same test split{below}",
    )


def _judge_slices(evaluation: Evaluation, rules: GateRules, floor: float) -> RuleResult:
    claim = f"{rules.metric} reaches {floor:g} in every slice"
    figures = {
        place: _figure(metrics, rules.metric)
        for place, metrics in evaluation.slices.items()
        if place[0] in rules.slice_by
        and evaluation.slice_samples.get(place, 0) >= rules.min_slice_samples
    }
    if not figures:
        most = max(
            (
                count
                for place, count in evaluation.slice_samples.items()
                if place[0] in rules.slice_by
            ),
            default=0,
        )
        return RuleResult(
            claim,
            False,
            None,
            floor,
            f"no slice of the test part has {rules.min_slice_samples} samples, the largest has {most}: the part grows "
            "with labels of other recordings or pictures",
        )
    unknown = sorted(
        "=".join(place) for place, value in figures.items() if value is None
    )
    if unknown:
        return RuleResult(
            claim, False, None, floor, f"not measured in {', '.join(unknown)}"
        )
    value, place = min(
        (value, place) for place, value in figures.items() if value is not None
    )
    return _bound(
        claim, value, floor, f"lowest of {len(figures)} slices: {'='.join(place)}"
    )


def _bound(claim: str, value: float | None, bound: float, what: str) -> RuleResult:
    if value is None:
        return RuleResult(
            claim, False, None, bound, f"not measured ({what}): score the model again"
        )
    return RuleResult(claim, value >= bound, value, bound, f"{value:.4f} ({what})")


def _figure(metrics: Mapping[str, float | None], name: str) -> float | None:
    value = metrics.get(name)
    return float(value) if value is not None and math.isfinite(value) else None
