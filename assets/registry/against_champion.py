"""The rules that hold a challenger against the champion, on the frames of one frozen release.

The interval of the difference is over recordings, drawn for both models at once. Where too few recordings are there for
one, the means alone decide, and the verdict says so. What an interval cannot tell, and what a budget refuses, a person
may let pass.
"""

from __future__ import annotations

from statistics import fmean

from assets.comparison.models import SliceDifference, tell_difference
from assets.registry.verdict import (
    Evaluation,
    Evidence,
    GateRules,
    RuleResult,
    bound_figure,
    find_figure,
)
from models.metrics.paired import Difference
from models.metrics.resampling import MIN_UNITS

_NO_RIVAL = "there is no champion to compare with"
_ECE = "ece"
_LEAST_MS = 0.5  # a champion that takes less is held to have taken this: such times are mostly noise
# of `scores`: the way of slicing by how pictures were spoilt, and those that were not
_CORRUPTION = "corruption"
_UNSPOILT = "none"


def judge_against(
    challenger: Evaluation,
    champion: Evaluation | None,
    rules: GateRules,
    evidence: Evidence,
) -> list[RuleResult]:
    """The rules in order: the metric, its slices, calibration, robustness, latency, size."""
    return [
        _judge_metric(challenger, champion, rules, evidence),
        _judge_slices(champion, rules, evidence),
        _judge_calibration(challenger, champion, rules),
        _judge_robustness(challenger, champion, rules),
        *_judge_costs(champion, rules, evidence),
    ]


def _judge_metric(
    challenger: Evaluation,
    champion: Evaluation | None,
    rules: GateRules,
    evidence: Evidence,
) -> RuleResult:
    claim = f"{rules.metric} no more than {rules.max_drop:g} below the best champion"
    if challenger.new_classes:
        claim += ", over the classes that it knows"
    if champion is None:
        told = "there is no champion with these classes: the floors decide"
        return RuleResult(claim, True, None, None, told)
    if champion.release_id != challenger.release_id:
        told = (
            f"the champion was scored on release {champion.release_id[:8]}, the challenger on "
            f"{challenger.release_id[:8]}: score the champion on that one too"
        )
        return RuleResult(claim, False, None, None, told)
    value, best = find_figures(challenger, champion, rules, evidence)
    if best is None:
        told = f"the champion has no {rules.metric} on this release: score it again"
        return RuleResult(claim, False, None, None, told)
    below = f", itself {champion.spent:.4f} below the best of its line" * (
        champion.spent > 0
    )
    what = f"{rules.metric}, champion {best:.4f} on the same test split{below}"
    difference = evidence.comparison.whole if evidence.comparison else None
    if value is None or difference is None or difference.interval is None:
        told = f"{what}; by the means alone: {_tell_no_interval(difference)}"
        return bound_figure(claim, value, best + champion.spent - rules.max_drop, told)
    return _judge_interval(
        claim, difference, champion.spent - rules.max_drop, f"{value:.4f} ({what})"
    )


def find_figures(
    challenger: Evaluation, champion: Evaluation, rules: GateRules, evidence: Evidence
) -> tuple[float | None, float | None]:
    """The metric of both on one exam: over the classes that both know, where the challenger knows new ones."""
    if not challenger.new_classes:
        both = (challenger, champion)
        value, former = (find_figure(one.metrics, rules.metric) for one in both)
        return value, former
    if evidence.comparison is None:
        return None, None
    whole = evidence.comparison.whole
    return whole.second, whole.first


def _judge_interval(
    claim: str, difference: Difference, bound: float, what: str
) -> RuleResult:
    """Holds where the whole interval is above the bound. Where the difference is and the interval is not, the exam
    cannot tell, and a person may."""
    assert difference.interval is not None and difference.value is not None
    low = difference.interval.low
    told = f"{what}; difference {tell_difference(difference)} over {difference.num_units} recordings or groups"
    cannot_tell = low < bound <= difference.value
    if cannot_tell:
        told += (
            f": it may be below {bound:+.4f}, this test part cannot tell; more recordings can, or a person with "
            "`daguerre approve`"
        )
    return RuleResult(claim, low >= bound, low, bound, told, cannot_tell)


def _judge_slices(
    champion: Evaluation | None, rules: GateRules, evidence: Evidence
) -> RuleResult:
    """A slice is worse where its whole interval is below the margin: of many slices some are below it by chance."""
    claim = f"no slice is more than {rules.slice_drop:g} below the champion"
    if champion is None:
        return RuleResult(claim, True, None, None, _NO_RIVAL)
    if evidence.comparison is None:
        told = f"not judged: {_tell_no_interval(None)}"
        return RuleResult(claim, True, None, None, told)
    slices = evidence.comparison.slices
    highs = {s: s.difference.interval.high for s in slices if s.difference.interval}
    told = f"{len(highs)} of {len(slices)} slices have the {MIN_UNITS} recordings or groups that an interval needs"
    if not highs:
        return RuleResult(claim, True, None, None, f"not judged: {told}")
    worse = sorted(
        (s for s in highs if highs[s] < -rules.slice_drop), key=lambda s: highs[s]
    )
    lowest = min(highs.values())
    if worse:
        names = "; ".join(_tell_slice(s) for s in worse[:5])
        more = f" and {len(worse) - 5} more" if len(worse) > 5 else ""
        told = f"{names}{more}; {told}"
    return RuleResult(claim, not worse, lowest, -rules.slice_drop, told)


def _judge_calibration(
    challenger: Evaluation, champion: Evaluation | None, rules: GateRules
) -> RuleResult:
    claim = f"its calibration error is no more than {rules.max_ece_rise:g} above the champion's"
    if champion is None:
        return RuleResult(claim, True, None, None, _NO_RIVAL)
    mine, best = (find_figure(e.metrics, _ECE) for e in (challenger, champion))
    if best is None:
        return RuleResult(claim, True, mine, None, "the champion's was not measured")
    bound = best + rules.max_ece_rise
    if mine is None:
        told = "not measured: score the model again"
        return RuleResult(claim, False, None, bound, told)
    told = f"{mine:.4f}, champion {best:.4f}"
    return RuleResult(claim, mine <= bound, mine, bound, told)


def _judge_robustness(
    challenger: Evaluation, champion: Evaluation | None, rules: GateRules
) -> RuleResult:
    """By the mean over corruptions, of those that both were asked about: their pictures are too few for an interval."""
    claim = f"on spoilt pictures {rules.metric} is no more than {rules.corruption_drop:g} below the champion's"
    if champion is None:
        return RuleResult(claim, True, None, None, _NO_RIVAL)
    mine, best = (_read_spoilt(e, rules.metric) for e in (challenger, champion))
    both = sorted(mine.keys() & best.keys())
    if champion.release_id != challenger.release_id or not both:
        told = "not judged: one of them was not asked about spoilt pictures"
        return RuleResult(claim, True, None, None, told)
    value, former = (fmean(of[name] for name in both) for of in (mine, best))
    lowest = min(both, key=lambda name: mine[name] - best[name])
    told = (
        f"{value:.4f}, champion {former:.4f}, mean of {len(both)} corruptions; least {lowest}: {mine[lowest]:.4f}, "
        f"champion {best[lowest]:.4f}"
    )
    bound = former - rules.corruption_drop
    return RuleResult(claim, value >= bound, value, bound, told, value < bound)


def _read_spoilt(evaluation: Evaluation, metric: str) -> dict[str, float]:
    """Corruption and strength -> the metric, where it was measured."""
    figures = {
        value: find_figure(metrics, metric)
        for (by, value), metrics in evaluation.slices.items()
        if by == _CORRUPTION and value != _UNSPOILT
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _judge_costs(
    champion: Evaluation | None, rules: GateRules, evidence: Evidence
) -> list[RuleResult]:
    claims = (
        f"a picture takes no more than {rules.max_slowdown:g} of the champion's processor time",
        f"it has no more than {rules.max_growth:g} of the champion's bytes",
    )
    if champion is None or evidence.costs is None:
        told = _NO_RIVAL
        if champion is not None:
            told = "not compared: MLflow does not have the champion's files any more"
        return [RuleResult(claim, True, None, None, told) for claim in claims]
    former, mine = evidence.costs
    times = f"{mine.cpu_ms:.2f} ms, champion {former.cpu_ms:.2f} ms, one thread"
    sizes = f"{mine.size_bytes:,} bytes, champion {former.size_bytes:,}"
    slowdown = mine.cpu_ms / max(former.cpu_ms, _LEAST_MS)
    growth = mine.size_bytes / max(former.size_bytes, 1)
    return [
        _judge_ratio(claims[0], slowdown, rules.max_slowdown, times),
        _judge_ratio(claims[1], growth, rules.max_growth, sizes),
    ]


def _judge_ratio(claim: str, ratio: float, bound: float, what: str) -> RuleResult:
    told = f"{ratio:.2f} ({what})"
    return RuleResult(claim, ratio <= bound, ratio, bound, told, ratio > bound)


def _tell_no_interval(difference: Difference | None) -> str:
    if difference is None:
        return "no scores of frames are stored of both models on this release"
    return f"{difference.num_units} recordings or groups, an interval needs {MIN_UNITS}"


def _tell_slice(one: SliceDifference) -> str:
    return f"{one.name} {tell_difference(one.difference)}"
