"""The verb that says why a run failed or a session is held back."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.output import Json, join_lines, refuse, say

if TYPE_CHECKING:
    from orchestration.agent.world import World
    from orchestration.triage.diagnosis import Diagnosis, Evidence

_MOST_SHOWN = 12
_LONG_NUMBER = re.compile(r"-?\b\d+\.\d{4,}(?:e-?\d+)?\b")


def triage(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SESSION|last",
            help="A run by its id or a beginning of it, a session by name; by default the newest run that failed.",
        ),
    ] = "last",
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="Keep the command that helps as a proposal; a person decides with `daguerre approve`.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say why a run failed or a session is held back: cause, evidence, what helps, what it stopped besides.

    Exits 1 where nothing is the matter.
    """
    from orchestration.agent.tools.triaging import diagnose
    from orchestration.cli.proposing import open_world
    from orchestration.triage.diagnosis import NothingWrongError

    world = open_world(context.obj)
    try:
        found = diagnose(world, what)
    except NothingWrongError as error:
        refuse(as_json, f"nothing is the matter: {error}")
    proposal = _propose(world, found) if propose else None
    facts: dict[str, Any] = {**found.to_dict(), "proposal": proposal}
    say(as_json, facts, join_lines(_draw(found, proposal)))


def _propose(world: "World", found: "Diagnosis") -> str:
    """The id of the proposal. Raises ValueError where the remedy is no verb that may be proposed, or is refused."""
    from orchestration.agent.proposing import propose

    if not found.proposal:
        raise ValueError(
            f"against '{found.kind}' nothing can be proposed: {'; '.join(found.remedies) or 'no remedy is known'}"
        )
    because = f"triage of {found.of.kind} {found.of.id}: {found.kind}"
    return propose(world, found.proposal, because)[0].proposal_id


def _draw(found: "Diagnosis", proposal: str | None) -> Iterator[str]:
    job = f" of {found.job}" if found.job else ""
    yield f"{found.of.kind} {found.of.id}{job}: {found.kind}"
    yield f"  {found.cause}"
    for kind in found.also:
        yield f"  besides: {kind}"
    yield from _list("evidence", [_tell(one) for one in found.more_evidence])
    yield from _list("stopped by it", list(found.stopped))
    yield from _list("what helps", list(found.remedies))
    if proposal:
        yield f"proposed: `daguerre approve {proposal}` carries it out"
    yield f"more: {found.of.follow}"


def _tell(one: "Evidence") -> str:
    from orchestration.agent.answer import round_for_people

    short = _LONG_NUMBER.sub(lambda m: round_for_people(float(m[0])), one.numbers)
    numbers = f" [{short}]" if short else ""
    at = f" ({one.at})" if one.at else ""
    says = f": {one.says}" if one.says else ""
    return f"{one.what} {one.name}{says}{numbers}{at}"


def _list(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
    yield from (f"  {line}" for line in lines[:_MOST_SHOWN])
    if more := len(lines[_MOST_SHOWN:]):
        yield f"  and {more} more: --json lists all"
