"""A verdict: a claim about stored rows, whether it holds, and the numbers it rests on. A rule is what gives one.

A verdict that looked at nothing fails, unless the rule states why there is nothing to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_EXAMPLES = 20
Figure = float | int | str
Judge = Callable[..., "Verdict"]


@dataclass(frozen=True)
class Tolerance:
    """Shares of offenders in [0, 1]: above `warn_above` the claim fails, above `block_above` it also stops the flow."""

    warn_above: float = 0.0
    block_above: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warn_above <= self.block_above <= 1:
            limits = f"warn_above {self.warn_above}, block_above {self.block_above}"
            raise ValueError(f"{limits}: keep 0 <= warn_above <= block_above <= 1")


STRICT = Tolerance()
NEVER_BLOCKS = Tolerance(0.0, 1.0)


@dataclass(frozen=True)
class Verdict:
    """`name` is the claim that is true when it passes; `is_blocking` says whether failing stops what lies downstream.

    `num_checked` counts what was looked at; zero of it passes only with `empty_reason`. `cause` is what several claims
    fail of at once, "" for one that fails by itself.
    """

    name: str
    passed: bool
    is_blocking: bool
    summary: str
    num_checked: int
    figures: Mapping[str, Figure] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    empty_reason: str | None = None
    cause: str = ""

    def __post_init__(self) -> None:
        assert not self.passed or self.num_checked > 0 or self.empty_reason, (
            f"{self.name} passed and checked nothing"
        )
        assert len(self.examples) <= MAX_EXAMPLES, (
            f"{self.name} lists {len(self.examples)} examples"
        )

    @property
    def stops(self) -> bool:
        """True when what lies downstream must not run."""
        return self.is_blocking and not self.passed


@dataclass(frozen=True)
class Rule:
    """A judge and what it reads: the columns of each table, in the order of the judge's arguments.

    `by_batch` names a table that is handed over as something with `to_batches()` and never held in memory as a whole.
    """

    judge: Judge
    reads: Mapping[str, tuple[str, ...]]
    by_batch: str | None = None

    @property
    def name(self) -> str:
        """The claim that is true when the check passes."""
        return self.judge.__name__

    @property
    def claim(self) -> str:
        """The first sentence of the judge's docstring."""
        return (
            " ".join((self.judge.__doc__ or self.name).split())
            .split(". ")[0]
            .rstrip(".")
        )

    def __call__(self, tables: Mapping[str, Any]) -> Verdict:
        """The verdict on tables by name; a judge that raised has failed, and so has a table that lacks a column."""
        try:
            for name, columns in self.reads.items():
                _require_columns(name, columns, tables[name])
            verdict = self.judge(*(tables[name] for name in self.reads))
        except Exception as error:  # whatever it was: a claim that could not be looked at does not hold
            return raised(self.name, error)
        assert verdict.name == self.name, f"rule {self.name} answered as {verdict.name}"
        return verdict


def judge_share(
    name: str,
    *,
    num_checked: int,
    offenders: Iterable[str],
    of: str,
    fault: str,
    tolerance: Tolerance = STRICT,
    figures: Mapping[str, Figure] | None = None,
    empty_reason: str | None = None,
) -> Verdict:
    """The verdict on a share of offenders: "2 of 4888 boxes (0.04 %) have no area".

    `of` is the plural of what was counted, `fault` the rest of the sentence. Nothing counted fails and blocks, unless
    `empty_reason` says why that is right.
    """
    if num_checked == 0:
        return (
            passed_over(name, empty_reason)
            if empty_reason
            else nothing_checked(name, of)
        )
    found = list(offenders)
    share = len(found) / num_checked
    passed = share <= tolerance.warn_above
    summary = f"{len(found)} of {num_checked} {of} ({100 * share:.3g} %) {fault}"
    if tolerance.warn_above and not passed:
        summary += f"; at most {100 * tolerance.warn_above:.3g} % may"
    counts: dict[str, Figure] = {"num_offending": len(found), "share_offending": share}
    return Verdict(
        name,
        passed,
        share > tolerance.block_above or passed,
        summary,
        num_checked,
        {**counts, **(figures or {})},
        tuple(found[:MAX_EXAMPLES]),
    )


def nothing_checked(name: str, of: str) -> Verdict:
    """The failure of a claim about things of which there are none."""
    return Verdict(
        name,
        False,
        True,
        f"there are no {of} to check: an empty check does not pass",
        0,
    )


def not_looked_at(name: str, cause: str) -> Verdict:
    """The failure of a claim that there is nothing to hold against, for a cause that others share."""
    return Verdict(name, False, True, cause, 0, cause=cause)


def passed_over(name: str, reason: str) -> Verdict:
    """The pass of a claim about nothing, with the reason why there is nothing."""
    return Verdict(name, True, True, f"no rows: {reason}", 0, empty_reason=reason)


def raised(name: str, error: Exception) -> Verdict:
    """The failure of a claim that could not be looked at."""
    text = f"could not be evaluated: {type(error).__name__}: {error}"
    return Verdict(name, False, True, text, 0, {"error": type(error).__name__})


def stops_flow(verdicts: Sequence[Verdict]) -> bool:
    """True when one blocking claim fails, or when there is no verdict at all."""
    return not verdicts or any(verdict.stops for verdict in verdicts)


def state_reason(verdicts: Sequence[Verdict]) -> str:
    """Why the flow stops, in one line: the blocking claims that fail, and what several fail of once."""
    stopping = [v.cause or f"{v.name}: {v.summary}" for v in verdicts if v.stops]
    return "; ".join(dict.fromkeys(stopping)) if verdicts else "no check gave a verdict"


def _require_columns(name: str, columns: Sequence[str], rows: Any) -> None:
    missing = [column for column in columns if column not in rows.column_names]
    if missing:
        raise LookupError(f"table {name} lacks the columns {', '.join(missing)}")
