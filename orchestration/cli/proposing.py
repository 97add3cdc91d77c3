"""The verbs by which people decide what becomes of proposals: list and show, reject; `approve` carries one out."""

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.deciding import Because
from orchestration.cli.output import Json, join_lines, say, shorten

if TYPE_CHECKING:
    from assets.ledger.proposals import Standing
    from orchestration.agent.world import RunVerb, World

_MOST_SHOWN = 20
_STATES = {
    "open": "waits",
    "begun": "was begun, and its end is not known",
    "done": "is done",
    "failed": "has failed",
    "rejected": "was rejected",
}


def proposals(
    context: typer.Context,
    proposal: Annotated[
        str | None,
        typer.Argument(
            metavar="PROPOSAL",
            help="One, by its id or a beginning of it: with its plan and price.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what programs propose to be done, or show one with its plan and price. Changes nothing."""
    from orchestration.agent.proposing import open_book

    book = open_book(open_world(context.obj))
    if proposal is not None:
        one = book.find(proposal)
        return say(as_json, describe(one), join_lines(_show(one)))
    found = book.list_all()
    lines = [_tell(one) for one in found[:_MOST_SHOWN]]
    more = len(found) - len(lines)
    lines += [f"and {more} older: --json lists all"] * (more > 0)
    facts = [describe(one) for one in found]
    say(as_json, facts, join_lines(lines or ["nothing was proposed"]))


def reject(
    context: typer.Context,
    proposal: Annotated[
        str, typer.Argument(metavar="PROPOSAL", help="Its id, or a beginning of it.")
    ],
    because: Because,
    as_json: Json = False,
) -> None:
    """End a proposal: nobody can approve it then."""
    from orchestration.agent.call_log import tell_now
    from orchestration.agent.proposing import open_book

    world = open_world(context.obj)
    book = open_book(world, to_write=True)
    proposal_id = book.find(proposal).proposal.proposal_id
    _note(world, "reject proposal", book.find(proposal_id), because)
    book.reject(proposal_id, world.who, tell_now(), because)
    say(as_json, describe(book.find(proposal_id)), f"{proposal_id} is rejected")


def approve_proposal(
    run_verb: "RunVerb", name: str, because: str, dry_run: bool, as_json: bool
) -> None:
    """Carry out what was proposed, and end with the exit code of its verb."""
    from orchestration.agent.proposing import (
        carry_out,
        open_book,
        require_unchanged,
        tell_command,
    )

    world = open_world(run_verb)
    standing = open_book(world).find(name)
    command = tell_command(standing.proposal.words)
    if dry_run:
        require_unchanged(world, standing)
        lines = [*_show(standing), "the world has not changed since; nothing was done"]
        return say(as_json, describe(standing), join_lines(lines))
    _note(world, "approve proposal", standing, because)
    done = carry_out(world, standing, because)
    facts = {
        **describe(open_book(world).find(standing.proposal.proposal_id)),
        "result": done.facts,
    }
    said = [command, *_list_result(done.facts)]
    say(as_json, facts, join_lines(said))
    raise typer.Exit(done.exit_code)


def _note(world: "World", act: str, standing: "Standing", because: str) -> None:
    """Leave in the record of acts that a person decides so; it may still be refused."""
    from assets.audit import Act, note
    from orchestration.agent.proposing import tell_command

    proposal = standing.proposal
    of = f"{proposal.proposal_id}: {tell_command(proposal.words)}"
    note(world.settings.home, Act(act, world.who, of, because))


def open_world(run_verb: "RunVerb") -> "World":
    """The home of the settings, for whoever runs the command, who can read its files: nothing is masked. Raises
    ValueError where there is none; it makes none. A verb finds `run_verb` in the `obj` of its context."""
    from orchestration.agent.world import World
    from orchestration.profiles import load_settings, require_home
    from orchestration.roles.rights import Right

    require_home()
    return World(load_settings(), getpass.getuser(), run_verb, frozenset(Right))


def describe(standing: "Standing") -> dict[str, Any]:
    """As JSON has it."""
    from orchestration.agent.proposing import tell_command

    facts = asdict(standing)
    proposal = facts.pop("proposal")
    return {**proposal, "command": tell_command(standing.proposal.words), **facts}


def _tell(one: "Standing") -> str:
    from orchestration.agent.proposing import tell_command

    proposal = one.proposal
    why = shorten(proposal.because, 80)
    command = shorten(tell_command(proposal.words), 100)
    by = f", {one.decided_by} decided" if one.decided_by else ""
    return f"{proposal.proposal_id}  {_STATES[one.state]}{by}: {command}  ({proposal.by}: {why})"


def _show(one: "Standing") -> list[str]:
    proposal = one.proposal
    plan = [f"  {line}" for line in proposal.plan]
    return [_tell(one), f"proposed at {proposal.at}", "plan:", *plan]


def _list_result(facts: Any) -> list[str]:
    from orchestration.agent.plan_text import list_lines

    return [f"  {line}" for line in list_lines(facts)]
