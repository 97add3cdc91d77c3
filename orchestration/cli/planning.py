"""The verb `plan`: what a change makes stale, and what it costs. Changes nothing."""

import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line, for_markdown
from orchestration.cli.chosen import Sessions, read_names
from orchestration.cli.output import Json, say

if TYPE_CHECKING:
    from orchestration.plan.lines import Cost, Line, Plan

_MOST_SESSIONS = 3
_MOST_SAID_SAME = 3  # lines about code; more are one line
_SAID_SAME = "other code, which was said to make the same rows"
_NO_RUNS = "no runs"
_LEAST_SHOWN = 0.001  # device-hours: 3.6 s
_OF_ESTIMATES = "~: what runs before decides; ?: not known before"


def plan(
    base: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Only what the change of the code since this commit makes stale.",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ASSETS",
            help="As if these had to be made anew, parted by commas: frame_embeddings.",
        ),
    ] = None,
    sessions: Sessions = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="For a comment on a pull request.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what is stale, down to sessions and rows, why, and what making it anew costs by recorded runs."""
    from orchestration.plan.making import make_plan
    from orchestration.profiles import load_settings

    if markdown and as_json:
        raise ValueError("--markdown and --json: give one of the two")
    found = make_plan(load_settings(), base, read_names(select), read_names(sessions))
    if as_json:
        say(True, to_json(found), "")
    elif markdown:
        print(draw_markdown(found))
    else:
        _print_plan(found)


def to_json(found: "Plan") -> dict[str, Any]:
    """Everything, every session of every line."""
    facts = asdict(found)
    facts["changes"] = [
        asdict(change) | {"is_same": change.is_same} for change in found.changes
    ]
    return facts


def draw_markdown(found: "Plan") -> str:
    """A table of all lines, and below it what changed and what it comes to."""
    title = (
        f"What the change since `{for_markdown(found.base)}` makes stale"
        if found.base
        else "What is stale"
    )
    lines = [f"### {title}", ""]
    if found.lines:
        lines += [
            "| asset | rows | sessions | why | device-hours |",
            "|---|---:|---|---|---:|",
        ]
    for line in found.lines:
        cells = _tell_line(line).values()
        lines.append(
            "| " + " | ".join(for_markdown(str(cell)) for cell in cells) + " |"
        )
    told = [f"- {for_markdown(text)}" for text in _list_words(found)]
    return "\n".join([*lines, *([""] if found.lines else []), *told])


def _print_plan(found: "Plan") -> None:
    width = shutil.get_terminal_size().columns
    for line in found.lines:
        told = _tell_line(line)
        unit = "" if line.unit != "rows" else " rows"
        print(_fill(f"{told['asset']}: {told['rows']}{unit}, {told['why']}", width))
        hours = told["device-hours"]
        cost = (
            "no recorded runs to go by"
            if line.cost is None
            else f"device-hours: {hours}"
        )
        for more in filter(None, (cost, told["sessions"])):
            print(_fill(f"    {more}", width))
    for words in _list_words(found):
        print(_fill(words, width))


def _fill(text: str, width: int) -> str:
    indent = "    " if text.startswith("    ") else ""
    return textwrap.fill(
        for_line(text.strip()), width, initial_indent=indent, subsequent_indent="    "
    )


def _tell_line(line: "Line") -> dict[str, str]:
    mark = "" if line.is_exact else "~"
    count = "?" if line.num_rows is None else f"{mark}{line.num_rows:,}"
    unit = (
        ""
        if line.unit == "rows"
        else f" {line.unit.removesuffix('s' * (count == f'{mark}1'))}"
    )
    why = f"{line.reason}: {line.why}" if line.why else line.reason
    return {
        "asset": line.asset,
        "rows": f"{count}{unit}",
        "sessions": _tell_sessions(line),
        "why": why,
        "device-hours": _NO_RUNS if line.cost is None else _tell_hours(line.cost),
    }


def _tell_sessions(line: "Line") -> str:
    named = [
        session if rows is None else f"{session} {rows:,}"
        for session, rows in line.sessions.items()
    ]
    if len(named) > _MOST_SESSIONS:
        return f"{len(named):,}: {', '.join(named[:_MOST_SESSIONS])}, ..."
    return ", ".join(named)


def _tell_hours(cost: "Cost") -> str:
    runs = f"{cost.num_runs} run{'s' * (cost.num_runs != 1)}"
    money = "" if cost.money is None else f", costs {cost.money:.2f}"
    if cost.most < _LEAST_SHOWN:
        return f"under {_LEAST_SHOWN} ({runs}){money}"
    spread = f"{_round(cost.least)} to {_round(cost.most)}"
    return f"{_round(cost.device_hours)} ({spread}, {runs}){money}"


def _tell_said_same(said_same: Mapping[str, str]) -> list[str]:
    if len(said_same) > _MOST_SAID_SAME:
        first = ", ".join(list(said_same)[:_MOST_SAID_SAME])
        return [
            f"{len(said_same)} makers of rows ({first}, ...): {_SAID_SAME}; --json says of each why"
        ]
    return [f"{maker}: {_SAID_SAME} ({why})" for maker, why in said_same.items()]


def _round(hours: float) -> str:
    return f"{hours:.2f}" if hours >= 1 else f"{hours:.3f}"


def _list_words(found: "Plan") -> list[str]:
    """What stands below the table."""
    from orchestration.plan.lines import name_change

    words = [name_change(change) for change in found.changes]
    words += _tell_said_same(found.said_same)
    if found.base and not found.changes:
        words.append("no code that makes rows differs")
    words += found.notes
    if not found.lines:
        return [*words, "nothing is stale"]
    if any(not line.is_exact for line in found.lines):
        words.append(_OF_ESTIMATES)
    without = found.num_without_cost
    lacking = (
        f"; {without} lines have no recorded runs, or no number of rows, to go by"
        * bool(without)
    )
    if found.cost is None:
        return [*words, f"in all: no recorded runs to go by{lacking}"]
    price = (
        ""
        if found.cost.money is not None
        else "; DAGUERRE_DEVICE_HOUR_PRICE tells what an hour costs"
    )
    hours = _tell_hours(found.cost)
    return [*words, f"in all device-hours: {hours}{lacking}{price}"]
