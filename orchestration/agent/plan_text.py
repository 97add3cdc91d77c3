"""A plan for people: first what will be made, how many and at what price, then what the verb's look said.

Belongs here: lines. Does not: what they are made of. Notes on code that makes the same rows are one line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.foreign_text import for_line
from orchestration.plan.lines import Cost

_MOST_LINES = 60
_MOST_IN_LINE = 8
_HOUR_S = 3600.0
_OF_CODE = ("said_same", "changes")  # of a plan: makers, by name


def tell_plan(lead: Sequence[str], looks: Sequence[Any]) -> tuple[str, ...]:
    """The lead, and below it the facts of each look; how many lines were left out, where some were."""
    lines = [line for facts in looks for line in list_lines(_fold_code(facts))]
    told = [*map(for_line, lead), *lines]
    more = len(told) - _MOST_LINES
    return (*told[:_MOST_LINES], *([f"and {more} more lines"] * (more > 0)))


def tell_cost(cost: Cost | None) -> str:
    """How long it takes by recorded runs, and what that costs where an hour has a price."""
    if cost is None:
        return "how long it takes is not known: no recorded runs to go by"
    took = f"{tell_hours(cost.device_hours)} on a device"
    spread = f"{tell_hours(cost.least)} to {tell_hours(cost.most)}"
    runs = f"{cost.num_runs} recorded run{'s' * (cost.num_runs != 1)}"
    price = "" if cost.money is None else f"; it costs {cost.money:.2f}"
    return f"takes {took} ({spread}, by {runs}){price}"


def tell_hours(hours: float) -> str:
    """0.01 -> "36 s", 0.5 -> "30 min", 2.25 -> "2.2 h"."""
    seconds = hours * _HOUR_S
    if seconds < 1:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if hours < 2 else f"{hours:.1f} h"


def list_lines(facts: Any, indent: str = "") -> list[str]:
    """What a verb says as JSON, for people: a line a name, long lists by how many they are."""
    lines = []
    pairs = facts.items() if isinstance(facts, Mapping) else [("rows", facts)]
    for name, value in pairs:
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{name}:", *list_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines.append(f"{indent}{name}: {len(value)}")
            lines += [f"{indent}  - {_tell_row(row)}" for row in value[:_MOST_IN_LINE]]
        else:
            lines.append(f"{indent}{name}: {_shorten(value)}")
    return [for_line(line) for line in lines]


def _fold_code(facts: Any) -> Any:
    """A plan's facts with the makers of other code counted; `daguerre plan` names each."""
    if not isinstance(facts, Mapping) or "said_same" not in facts:
        return facts
    kept = {name: value for name, value in facts.items() if name not in _OF_CODE}
    same = len(facts["said_same"])
    if not same:
        return kept
    return {**kept, "other code, the same rows": f"{same} makers: `daguerre plan`"}


def _tell_row(row: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in row.items() if not isinstance(v, list | dict)}
    return ", ".join(f"{k} {_shorten(v, 60)}" for k, v in plain.items())


def _shorten(value: Any, most: int = 200) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:_MOST_IN_LINE]))
        more = len(value) - _MOST_IN_LINE
        value = f"{shown} and {more} more" if more > 0 else shown or "none"
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"
