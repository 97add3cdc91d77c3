"""Proposals: a verb's words with its plan, its price and a fingerprint of the world that both rest on.

Belongs here: making one, and carrying one out once, through the verb that a person would call. Does not: the verbs, and
who may approve: that is whoever may run `daguerre approve` on the home.
"""

import hashlib
import json
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from assets.foreign_text import for_line
from assets.ledger.proposals import Proposal, Proposals, Standing, tell_decided
from orchestration.agent.acts import Words, find_act
from orchestration.agent.call_log import tell_now
from orchestration.agent.plan_text import tell_cost, tell_plan
from orchestration.agent.proposal_ids import PREFIX
from orchestration.agent.world import Done, World
from orchestration.plan.lines import Cost
from orchestration.plan.making import name_code

_MOST_TOLD = 2000  # characters of how a verb ended
_BECAUSE = "--because="


@dataclass(frozen=True)
class Outlook:
    """What a verb would do now."""

    plan: tuple[str, ...]
    fingerprint: str
    cost: Cost | None


def propose(world: World, words: Words, because: str) -> tuple[Proposal, Outlook]:
    """Keep a verb as a proposal, with what it would do now. Raises ValueError where the verb refuses it already."""
    outlook = look(world, words)
    proposal = Proposal(
        f"{PREFIX}{secrets.token_hex(4)}",
        find_act(words).verb[-1],
        words,
        because,
        world.who,
        tell_now(),
        outlook.fingerprint,
        outlook.plan,
        asdict(outlook.cost) if outlook.cost else {},
    )
    return open_book(world, to_write=True).propose(proposal), outlook


def look(world: World, words: Words) -> Outlook:
    """What the verb of these words would do now."""
    act = find_act(words)
    done = [world.run_verb(one) for one in act.looks(words)]
    facts = [one.facts for one in done]
    rests_on = [act.rests_on(facts), name_code()]
    text = json.dumps(rests_on, sort_keys=True, default=str)
    cost = act.price(world, words, facts) if act.price else None
    lead = [*act.lead(facts), *([tell_cost(cost)] if act.price else [])]
    return Outlook(
        tell_plan(lead, facts),
        hashlib.sha256(text.encode()).hexdigest()[:16],
        cost,
    )


def require_unchanged(world: World, standing: Standing) -> None:
    """Raises ValueError for a proposal that was decided, and where what its plan rests on is another by now."""
    if standing.state != "open":
        raise ValueError(tell_decided(standing))
    proposal = standing.proposal
    if look(world, proposal.words).fingerprint != proposal.fingerprint:
        raise ValueError(
            f"proposal {proposal.proposal_id} rests on what is another by now: "
            f"`daguerre reject {proposal.proposal_id}` ends it, and what is still wanted is proposed again"
        )


def carry_out(world: World, standing: Standing, why: str) -> Done:
    """Run the verb of an open proposal, once. Raises ValueError as `require_unchanged` and the verb do."""
    proposal = standing.proposal
    require_unchanged(world, standing)
    book = open_book(world, to_write=True)
    book.begin(proposal.proposal_id, world.who, tell_now(), why)
    exit_code, told = 1, "it was interrupted"
    try:
        done = world.run_verb(proposal.words)
        exit_code, told = done.exit_code, json.dumps(done.facts, default=str)
        return done
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise
    finally:
        end = (exit_code, told[:_MOST_TOLD])
        book.end(proposal.proposal_id, world.who, tell_now(), *end)


def open_book(world: World, to_write: bool = False) -> Proposals:
    """The proposals of the home."""
    return Proposals(world.settings.ledger_url, is_read_only=not to_write)


def may_know_of(world: World, standing: Standing) -> bool:
    """Whether who asks is told by whom something was proposed and decided, and why: who may decide about it is."""
    proposal = standing.proposal
    return world.may_know(proposal.by, find_act(proposal.words).right)


def list_plan(proposal: Proposal, with_reason: bool) -> list[str]:
    """Its lines; none without the reason where that was given to the verb, which says it."""
    says_it = any(word.startswith(_BECAUSE) for word in proposal.words)
    return [] if says_it and not with_reason else list(proposal.plan)


def tell_command(words: Sequence[str], with_reason: bool = True) -> str:
    """As a person would type it; a reason may name persons."""
    shown = [w for w in words if with_reason or not w.startswith(_BECAUSE)]
    return for_line(f"daguerre {shlex.join(shown)}")
