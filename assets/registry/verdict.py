"""What the gate of models asks for, what it is shown, and what it says. Here belong the values; not the judging."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assets.comparison.models import Comparison
from assets.registry.cost import Cost
from assets.registry.person import NOBODY_IS_ASKED, Ruling

Slice = tuple[str, str]  # slice_by, slice_value
WHOLE: Slice = ("all", "all")


@dataclass(frozen=True)
class GateRules:
    """What a champion must be. `floor` and `max_drop` are in the metric's own unit.

    `max_drop` is the margin below the best of the champion's line that still counts as no worse: about what the test
    split can resolve. A champion that is below that best has spent so much of it for those who come after.

    Against the champion: the difference of `metric` is surely not below the margin; no slice is surely more than
    `slice_drop` below; the calibration error rises by no more than `max_ece_rise`; on spoilt pictures the metric is no
    more than `corruption_drop` below; a picture takes no more than `max_slowdown` of its processor time, and the model
    no more than `max_growth` of its bytes.
    """

    metric: str
    floor: float
    max_drop: float
    min_test_samples: int
    slice_drop: float = 0.05
    max_ece_rise: float = 0.05
    corruption_drop: float = 0.05
    max_slowdown: float = 1.5
    max_growth: float = 2.0
    # a first champion may rest on a test part that cannot tell everything, and miss a class that it shows
    accepts_thin_test: bool = False

    def __post_init__(self) -> None:
        if self.max_drop < 0 or self.min_test_samples < 1:
            raise ValueError(
                f"max_drop = {self.max_drop} and min_test_samples = {self.min_test_samples}: 0 or more, 1 or more"
            )


@dataclass(frozen=True)
class Evaluation:
    """What one model scored on the test split of one release: metric -> value, over all and per slice.

    `weaknesses` say what that split cannot tell; `missed` are classes that it shows and the model never finds.
    `new_classes` are those that the champion does not know. `spent` is of a champion: how far it is below the best of
    its line.
    """

    model_sha256: str
    release_id: str
    num_samples: int
    metrics: Mapping[str, float | None]
    slices: Mapping[Slice, Mapping[str, float | None]] = field(default_factory=dict)
    slice_samples: Mapping[Slice, int] = field(default_factory=dict)
    weaknesses: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    new_classes: tuple[str, ...] = ()
    spent: float = 0.0


@dataclass(frozen=True)
class RuleResult:
    """One rule: the claim, whether it holds, the figure and the bound it met (None where there was no figure).

    `may_be_approved`: where it does not hold, a person's word may stand in for it.
    """

    claim: str
    is_passed: bool
    measured: float | None
    bound: float | None
    detail: str
    may_be_approved: bool = False


@dataclass(frozen=True)
class Evidence:
    """What is known beside scores: champion and challenger on the same frames, what they cost, in this order, what
    persons said, and what of its data was erased since ("": nothing). None: it could not be had."""

    comparison: Comparison | None = None
    costs: tuple[Cost, Cost] | None = None
    ruling: Ruling = NOBODY_IS_ASKED
    erased: str = ""


NOTHING_ELSE = Evidence()


@dataclass(frozen=True)
class Decision:
    """Promote only if every rule holds. `checks` are those that it was asked with, `against` is the champion's weights.

    `accepts_thin_test` is what a person let pass. Numbers that the rules rest on are in `evidence`.
    """

    results: tuple[RuleResult, ...]
    checks: Mapping[str, bool | None] = field(default_factory=dict)
    against: str | None = None
    accepts_thin_test: bool = False
    evidence: Evidence = NOTHING_ELSE

    @property
    def is_promoted(self) -> bool:
        """Whether every condition held; without conditions nothing is promoted."""
        return bool(self.results) and all(r.is_passed for r in self.results)

    @property
    def waits_for_person(self) -> bool:
        """Whether nothing but a person's word stands against it."""
        return not self.is_promoted and all(
            r.is_passed or r.may_be_approved for r in self.results
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
        comparison = self.evidence.comparison
        return {
            "is_promoted": self.is_promoted,
            "outcome": self.outcome,
            "results": [asdict(r) for r in self.results],
            "checks": dict(self.checks),
            "against": self.against,
            "accepts_thin_test": self.accepts_thin_test,
            "comparison": comparison.to_dict() if comparison else None,
            "costs": [asdict(cost) for cost in self.evidence.costs or ()],
        }


def bound_figure(
    claim: str, value: float | None, bound: float, what: str
) -> RuleResult:
    """A rule that holds where a figure reaches its bound; one that was not measured does not."""
    if value is None:
        return RuleResult(
            claim, False, None, bound, f"not measured ({what}): score the model again"
        )
    return RuleResult(claim, value >= bound, value, bound, f"{value:.4f} ({what})")


def find_figure(metrics: Mapping[str, float | None], name: str) -> float | None:
    """A figure by its name; None where it was not measured, or is not finite."""
    value = metrics.get(name)
    return float(value) if value is not None and math.isfinite(value) else None
