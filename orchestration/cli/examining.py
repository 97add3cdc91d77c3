"""The verb that examines what answers questions about the home."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from orchestration.agent.exam.sitting import Sitting

_MOST_MISSES = 20


def exam(
    context: typer.Context,
    rung: Annotated[
        str,
        typer.Option(
            metavar="rules|model",
            help="What is examined: the rules that `ask` answers by, or the language model that the settings name.",
        ),
    ] = "rules",
    questions: Annotated[
        list[str] | None,
        typer.Option(
            "--questions",
            help="Only this set, such as second; several times for more.",
            show_default=False,
        ),
    ] = None,
    misses: Annotated[
        bool,
        typer.Option(
            "--misses", help="List what was missed, but not of held-out questions."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be asked, and ask nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Examine what answers questions: hundreds of them about this home, whose right answers are counted by other code.

    Marks are kept in the tables agent_exams and agent_marks and in MLflow, and judged; exits 1 where a check fails.
    """
    from checks.gates import gate_session
    from orchestration.agent.exam.keeping import keep, log
    from orchestration.agent.exam.questions import SETS
    from orchestration.agent.exam.rungs import find_rung
    from orchestration.agent.exam.sitting import sit
    from orchestration.cli.proposing import open_world
    from orchestration.profiles import load_settings

    examined = find_rung(rung, load_settings().asked_model)
    chosen = list(dict.fromkeys(questions or SETS))
    if dry_run:
        return _say_planned(open_world(context.obj).catalog, chosen, as_json)
    open_home = partial(open_world, context.obj)
    world = open_home()
    sittings = []
    for which in chosen:
        with show_progress(f"asking {which}", "questions") as on_progress:
            sittings.append(sit(open_home, examined, which, on_progress=on_progress))
        keep(world.catalog, sittings[-1])
        log(world.tracker, sittings[-1])
    verdicts = [
        v
        for name in ("agent_exams", "agent_marks")
        for v in gate_session(world.catalog, name, None)
    ]
    facts = {
        "exams": [_describe(one, misses) for one in sittings],
        "checks": describe_verdicts(verdicts),
    }
    lines = [line for one in sittings for line in _tell(one, misses)]
    say(as_json, facts, join_lines([*lines, *tell_failures(verdicts)]))
    raise typer.Exit(0 if all(v.passed for v in verdicts) else 1)


def _say_planned(catalog: "Catalog", chosen: list[str], as_json: bool) -> None:
    from orchestration.agent.exam.questions import list_questions

    facts, lines = {}, []
    for which in chosen:
        asked, num_lacking = list_questions(catalog, which)
        kinds = {one.kind for one in asked}
        facts[which] = {
            "questions": [one.text for one in asked],
            "lacking": num_lacking,
        }
        lines.append(
            f"{which}: {len(asked)} questions of {len(kinds)} kinds{_tell_lacking(num_lacking)}"
        )
    say(as_json, facts, join_lines(lines))


def _describe(sitting: "Sitting", shows_misses: bool) -> dict[str, Any]:
    told = {
        "rung": sitting.rung.name,
        "rung_version": sitting.rung.code_version,
        "questions": sitting.which,
        "num_questions": len(sitting.marks),
        "num_kinds": sitting.num_kinds,
        "num_lacking": sitting.num_lacking,
        "marks": {s.mark: s.value for s in sitting.shares if s.kind == "all"},
        "num_numbers": sitting.sum("num_numbers"),
        "num_invented": sitting.sum("num_invented"),
        "num_traced": sitting.sum("num_traced"),
        "num_lost": sitting.sum("num_lost"),
        "p50_ms": sitting.find_percentile_ms(50),
        "p95_ms": sitting.find_percentile_ms(95),
    }
    return told | ({"misses": list(_list_misses(sitting))} if shows_misses else {})


def _tell(sitting: "Sitting", shows_misses: bool) -> Iterator[str]:
    yield (
        f"{sitting.rung.name}, {sitting.which}: {len(sitting.marks)} questions of {sitting.num_kinds} kinds"
        f"{_tell_lacking(sitting.num_lacking)}"
    )
    for share in sitting.shares:
        if share.kind == "all" and share.value is not None:
            name = share.mark.replace("_", " ")
            yield f"  {name} {share.value:.3f} ({share.num_right} of {share.num_asked})"
    numbers, facts = sitting.sum("num_numbers"), sitting.sum("num_traced")
    traced = facts - sitting.sum("num_lost")
    yield f"  {numbers} numbers told, {sitting.sum('num_invented')} invented; {traced} of {facts} traced"
    p50, p95 = sitting.find_percentile_ms(50), sitting.find_percentile_ms(95)
    yield f"  an answer in {p50:.0f} ms, 95 % within {p95:.0f} ms"
    if shows_misses:
        found = list(_list_misses(sitting))
        yield from (f"  missed: {for_line(text)}" for text in found[:_MOST_MISSES])
        if len(found) > _MOST_MISSES:
            yield f"  and {len(found) - _MOST_MISSES} more: --json lists all"


def _tell_lacking(count: int) -> str:
    return f", {count} templates left out for want of a name" if count else ""


def _list_misses(sitting: "Sitting") -> Iterator[str]:
    """None of held-out ones: who reads them would write rules for them."""
    from checks.agent_exam import HELD_OUT

    if sitting.which != HELD_OUT:
        for one in sitting.marks:
            if one.is_missed:
                yield f"{one.asked.text} ({one.asked.kind})"
