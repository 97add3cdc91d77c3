"""May the int8 form of a model be shipped? Judged against the float form on the same exam, by what it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assets.comparison.models import Comparison, SliceDifference, tell_difference
from assets.registry.cost import Cost
from assets.registry.verdict import GateRules, RuleResult

MAX_TIME = 0.65  # of the float form's processor time
MAX_BYTES = 0.5  # of its bytes
_NAMED = 5


@dataclass(frozen=True)
class EdgeVerdict:
    """The rules, and what they rest on: the float form first, the int8 form second."""

    results: tuple[RuleResult, ...]
    comparison: Comparison
    costs: tuple[Cost, Cost]
    num_examples: int

    @property
    def is_accepted(self) -> bool:
        """Whether every rule holds."""
        return all(result.is_passed for result in self.results)

    @property
    def reasons(self) -> list[str]:
        """What stands against it."""
        return [f"{r.claim}: {r.detail}" for r in self.results if not r.is_passed]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        one, other = self.costs
        return {
            "is_accepted": self.is_accepted,
            "rules": [asdict(result) for result in self.results],
            "comparison": self.comparison.to_dict(),
            "float": {"cpu_ms": one.cpu_ms, "bytes": one.size_bytes},
            "int8": {"cpu_ms": other.cpu_ms, "bytes": other.size_bytes},
            "calibration_frames": self.num_examples,
        }


def judge_edge(
    comparison: Comparison,
    costs: tuple[Cost, Cost],
    rules: GateRules,
    num_examples: int,
) -> EdgeVerdict:
    """By the margins of the task's gate; its time and bytes must be worth the drop."""
    one, other = costs
    times = f"{other.cpu_ms:.2f} ms a picture, float {one.cpu_ms:.2f} ms, one thread"
    sizes = f"{other.size_bytes:,} bytes, float {one.size_bytes:,}"
    results = (
        _judge_drop(comparison, rules),
        _judge_slices(comparison, rules),
        _judge_ratio("processor time", other.cpu_ms / one.cpu_ms, MAX_TIME, times),
        _judge_ratio("bytes", other.size_bytes / one.size_bytes, MAX_BYTES, sizes),
    )
    return EdgeVerdict(results, comparison, costs, num_examples)


def _judge_drop(comparison: Comparison, rules: GateRules) -> RuleResult:
    """By the figures on all frames: both forms answered about each of them, and they are one net."""
    claim = f"{rules.metric} no more than {rules.max_drop:g} below the float form"
    drop = comparison.whole.value
    if drop is None:
        return RuleResult(claim, False, None, -rules.max_drop, "not measured")
    told = f"{comparison.whole.first:.4f} -> {comparison.whole.second:.4f}, {tell_difference(comparison.whole)}"
    return RuleResult(claim, drop >= -rules.max_drop, drop, -rules.max_drop, told)


def _judge_slices(comparison: Comparison, rules: GateRules) -> RuleResult:
    """Where an interval can be had, it must not be all below the margin."""
    claim = f"no slice is more than {rules.slice_drop:g} below the float form"
    highs: Mapping[SliceDifference, float] = {
        s: s.difference.interval.high
        for s in comparison.slices
        if s.difference.interval
    }
    worse = sorted((s for s in highs if highs[s] < -rules.slice_drop), key=highs.get)  # type: ignore[arg-type]
    told = f"{len(highs)} of {len(comparison.slices)} slices have an interval"
    if worse:
        names = "; ".join(
            f"{s.name} {tell_difference(s.difference)}" for s in worse[:_NAMED]
        )
        told = f"{len(worse)} are: {names}"
    lowest = min(highs.values(), default=None)
    return RuleResult(claim, not worse, lowest, -rules.slice_drop, told)


def _judge_ratio(what: str, ratio: float, bound: float, figures: str) -> RuleResult:
    claim = f"no more than {bound:g} of the float form's {what}"
    return RuleResult(claim, ratio <= bound, ratio, bound, f"{ratio:.2f} ({figures})")
