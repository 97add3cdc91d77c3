"""The verb `backfill`: make what a plan names, and end with a verdict."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line, for_markdown
from assets.wording import many
from orchestration.cli.chosen import Sessions, read_names
from orchestration.cli.output import Json, join_lines, say, say_error
from orchestration.cli.progress import show_activity
from orchestration.log_lines import tell, tell_failure

if TYPE_CHECKING:
    from orchestration.backfill.orders import Order
    from orchestration.backfill.verdict import Claim, Outcome, Verdict

_MOST_SESSIONS = 5
_MOST_NAMED = 50
_ENDS = {
    0: "all good",
    1: "refused: a check or a gate does not hold",
    3: "not at its end: something was not made, or not checked",
}


def backfill(
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What `daguerre plan --json` wrote; without: what is stale.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ASSETS", help="These instead, parted by commas: frame_embeddings."
        ),
    ] = None,
    sessions: Sessions = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Config of one asset: training/detection.recipe=tiny_detection, or ....settings.epochs=5.",
        ),
    ] = None,
    give_up: Annotated[
        bool,
        typer.Option(
            "--give-up",
            help="Where a training of the same task or another backfill goes on, start nothing; else it is waited for.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made; start nothing.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="For a comment or a summary of a job.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make what a plan names as one Dagster backfill, and judge it: 0 all good, 1 refused, 2 a wrong call, 3 not ended.

    The same plan is the same backfill: after a kill it goes on, and what was made well is not made twice.
    """
    from orchestration.backfill.orders import read_order, require_writable
    from orchestration.cluster import require_cluster
    from orchestration.profiles import load_settings

    if markdown and as_json:
        raise ValueError("--markdown and --json: give one of the two")
    settings = load_settings()
    with show_activity("loading Dagster and the graph"):
        order = read_order(
            settings, plan, read_names(select), read_names(sessions), set_ or ()
        )
    if dry_run or not order.targets:
        say(as_json, _order_facts(order), _draw_order(order))
        return
    require_writable(settings)
    require_cluster(settings)
    raise typer.Exit(_launch(settings, order, give_up, as_json, markdown))


def _launch(
    settings: Any,
    order: "Order",
    give_up: bool,
    as_json: bool,
    markdown: bool,
) -> int:
    from dagster._core.errors import DagsterExecutionInterruptedError

    from orchestration.backfill.launch import Busy, backfill

    try:
        verdict = backfill(settings, order, give_up, _tell)
    except Busy as error:
        return _end(as_json, f"{error}: nothing was started")
    except (KeyboardInterrupt, DagsterExecutionInterruptedError):
        return _end(as_json, "interrupted: the same call goes on where it was")
    except ValueError:
        raise
    except Exception as error:  # of Dagster or a store: no verdict is no success
        return _end(
            as_json,
            f"the backfill did not come to its end: {type(error).__name__}: {error}",
        )
    text = draw_markdown(verdict) if markdown else draw_text(verdict)
    say(as_json, to_json(verdict), text)
    return verdict.exit_code


def _end(as_json: bool, reason: str) -> int:
    if as_json:
        say_error(reason, 3)
    tell_failure(for_line(reason.splitlines()[0]))
    return 3


def _tell(text: str) -> None:
    tell(for_line(text))


def _order_facts(order: "Order") -> dict[str, Any]:
    return {"order": order.key, **asdict(order)}


def _draw_order(order: "Order") -> str:
    if not order.targets:
        return "nothing is to be made"
    lines = [
        f"{asset}: {_name_sessions(sessions)}" if sessions else asset
        for asset, sessions in order.targets.items()
    ]
    lines += [
        f"    {asset}.{name} = {value}"
        for asset, told in order.config.items()
        for name, value in told.items()
    ]
    return join_lines([*lines, "nothing was started"])


def _name_sessions(sessions: tuple[str, ...]) -> str:
    named = ", ".join(sessions[:_MOST_SESSIONS])
    more = len(sessions) - _MOST_SESSIONS
    return f"{many(len(sessions), 'session')}: {named}{f' and {more} more' if more > 0 else ''}"


def to_json(verdict: "Verdict") -> dict[str, Any]:
    """Everything, each asset and session."""
    facts = asdict(verdict)
    return {
        "backfill": facts.pop("backfill_id"),
        "exit_code": verdict.exit_code,
        **facts,
    }


def draw_text(verdict: "Verdict") -> str:
    """What was good in one line an asset, and below it what was not, with its numbers."""
    lines = []
    for asset, outcomes in _group(verdict).items():
        num_good = sum(one.state == "good" for one in outcomes)
        lines.append(f"{asset}: {num_good} of {len(outcomes)} good")
        told = [line for one in outcomes for line in _tell_outcome(one)]
        lines += told[:_MOST_NAMED]
        if len(told) > _MOST_NAMED:
            lines.append(f"    and {len(told) - _MOST_NAMED} more: --json lists all")
    lines += [f"    {error}" for error in verdict.errors]
    return join_lines([*lines, _name_end(verdict)])


def draw_markdown(verdict: "Verdict") -> str:
    """The same as a table, for a comment."""
    lines = [f"### {for_markdown(_name_end(verdict))}", ""]
    lines += ["| asset | good | what is not |", "|---|---:|---|"]
    for asset, outcomes in _group(verdict).items():
        told = [line.strip() for one in outcomes for line in _tell_outcome(one)]
        more = [f"and {len(told) - _MOST_NAMED} more"] * (len(told) > _MOST_NAMED)
        words = "<br>".join(for_markdown(line) for line in [*told[:_MOST_NAMED], *more])
        num_good = sum(one.state == "good" for one in outcomes)
        lines.append(
            f"| {for_markdown(asset)} | {num_good} of {len(outcomes)} | {words} |"
        )
    return "\n".join(
        [*lines, *(f"- {for_markdown(error)}" for error in verdict.errors)]
    )


def _name_end(verdict: "Verdict") -> str:
    runs = f"{verdict.num_runs} run{'s' * (verdict.num_runs != 1)}"
    which = (
        f"backfill {verdict.backfill_id}, {runs}"
        if verdict.backfill_id
        else "made before"
    )
    return f"{_ENDS[verdict.exit_code]} ({which})"


def _group(verdict: "Verdict") -> dict[str, list["Outcome"]]:
    found: dict[str, list[Outcome]] = {}
    for one in verdict.outcomes:
        found.setdefault(one.asset, []).append(one)
    return found


def _tell_outcome(one: "Outcome") -> Iterable[str]:
    where = f"    {one.session}: " if one.session else "    "
    if one.why:
        yield f"{where}{one.state}: {one.why}"
    for claim in one.refused:
        yield f"{where}refused: {_tell_claim(claim)}"
    for claim in one.warned:
        yield f"{where}warning: {_tell_claim(claim)}"


def _tell_claim(claim: "Claim") -> str:
    figures = ", ".join(f"{name} {value:g}" for name, value in claim.figures.items())
    return f"{claim.check}: {claim.says}{f' [{figures}]' * bool(figures)}"
