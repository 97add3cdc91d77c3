"""How verbs that make something tell what its checks found: as facts, and as lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.verdicts import Verdict

_MOST_TOLD = 5


def describe_verdicts(verdicts: "Sequence[Verdict]") -> list[dict[str, Any]]:
    """For JSON, all of them."""
    return [
        {
            "name": v.name,
            "passed": v.passed,
            "stops": v.stops,
            "summary": v.summary,
            "examples": list(v.examples),
        }
        for v in verdicts
    ]


def tell_failures(verdicts: "Sequence[Verdict]") -> list[str]:
    """Those that did not pass, each with its first examples below."""
    lines = []
    for verdict in verdicts:
        if not verdict.passed:
            head = "FAILED" if verdict.stops else "WARNING"
            lines.append(f"{head} {verdict.name}: {verdict.summary}")
            lines += [f"  {example}" for example in verdict.examples[:_MOST_TOLD]]
    return lines
