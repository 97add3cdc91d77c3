"""Proposals: a verb's words with its plan, its price and a fingerprint of the world that both rest on.

Belongs here: making one, and carrying one out once, through the verb that a person would call. Does not: the verbs, and
who may approve: that is whoever may run `daguerre approve` on the home.
"""

import hashlib
import json
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from assets.foreign_text import for_line
from assets.ledger.proposals import Proposal, Proposals, Standing, tell_decided
from assets.retrieval.recorded_costs import read_rates
from orchestration.agent.call_log import tell_now
from orchestration.agent.world import PREFIX, Done, World
from orchestration.plan.lines import Cost
from orchestration.plan.making import name_code

Words: TypeAlias = tuple[str, ...]
_MOST_LINES = 60
_MOST_IN_LINE = 8
_MOST_TOLD = 2000  # characters of how a verb ended
_HOUR_S = 3600.0
_IS_OF_LINE = ("asset", "reason", "why", "unit", "num_rows", "sessions")


@dataclass(frozen=True)
class Act:
    """A verb that may be proposed: how its plan is looked at, and what of that it rests on.

    `looks`: the words of verbs that change nothing; their facts, in this order, are the plan.
    """

    verb: Words
    rests_on: Callable[[Sequence[Any]], Any]
    looks: Callable[[Words], Sequence[Words]] = lambda words: [(*words, "--dry-run")]
    price: Callable[[World, Words, Sequence[Any]], Cost | None] = lambda *_: None


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
    lines = [line for one in facts for line in list_lines(one)]
    return Outlook(
        tuple(lines[:_MOST_LINES]),
        hashlib.sha256(text.encode()).hexdigest()[:16],
        act.price(world, words, facts),
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


def find_act(words: Words) -> Act:
    """That of the verb which the words begin with. Raises ValueError for one that may not be proposed."""
    for act in _ACTS:
        if words[: len(act.verb)] == act.verb:
            return act
    raise ValueError(f"the verb {shlex.join(words[:2])} is never proposed")


def open_book(world: World, to_write: bool = False) -> Proposals:
    """The proposals of the home."""
    return Proposals(world.settings.ledger_url, is_read_only=not to_write)


def tell_command(words: Sequence[str]) -> str:
    """As a person would type it."""
    return for_line(f"daguerre {shlex.join(words)}")


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


def _rest_of_queue(facts: Sequence[Any]) -> Any:
    (queue,) = facts
    frames = [(f["rank"], f["frame_id"], f["label_ids"]) for f in queue["frames"]]
    return [queue["task"], queue["open_before"], frames]


def _rest_of_files(facts: Sequence[Any]) -> Any:
    (files,) = facts
    return sorted((f["session"], f["path"], f["reason"]) for f in files)


def _rest_of_backfill(facts: Sequence[Any]) -> Any:
    order = facts[0]
    lines = [{n: line[n] for n in _IS_OF_LINE} for line in _list_made(facts)]
    return [order["targets"], order["config"], order["code"], lines]


def _look_at_backfill(words: Words) -> Sequence[Words]:
    chosen = [w for w in words if w.startswith(("--select=", "--sessions="))]
    return [(*words, "--dry-run"), ("plan", *chosen)]


def _rest_of_training(facts: Sequence[Any]) -> Any:
    """The id of a release is a hash of all that is in it."""
    (dataset,) = facts
    return [dataset["release_id"], dataset.get("waiting", {})]


def _rest_of_champion(facts: Sequence[Any]) -> Any:
    (change,) = facts
    return {name: change[name] for name in ("task", "act", "before", "after")}


def _price_plan(world: World, words: Words, facts: Sequence[Any]) -> Cost | None:
    costs = [line["cost"] for line in _list_made(facts) if line["cost"]]
    if not costs:
        return None
    money = [cost["money"] for cost in costs if cost["money"] is not None]
    names = ("device_hours", "least", "most", "num_runs")
    sums = {name: sum(cost[name] for cost in costs) for name in names}
    return Cost(**sums, money=sum(money) if money else None)


def _list_made(facts: Sequence[Any]) -> list[Any]:
    """The lines of the plan that the backfill makes; what follows from them it does not."""
    order, plan = facts
    return [line for line in plan["lines"] if line["asset"] in order["targets"]]


def _price_training(world: World, words: Words, facts: Sequence[Any]) -> Cost | None:
    return _price_rate(world, f"training/{words[1]}", 1)


def _price_files(world: World, words: Words, facts: Sequence[Any]) -> Cost | None:
    return _price_rate(world, "capture/recordings", len(facts[0]))


def _price_rate(world: World, asset: str, count: int) -> Cost | None:
    """By recorded runs, where there are any."""
    settings = world.settings
    rate = read_rates(settings.dagster_home, settings.dagster_url).get(asset)
    if rate is None:
        return None
    hours = count * rate.median_s / _HOUR_S
    price = settings.workspace.device_hour_price
    return Cost(
        hours,
        count * rate.least_s / _HOUR_S,
        count * rate.most_s / _HOUR_S,
        rate.num_runs,
        None if price is None else hours * price,
    )


_ACTS = (
    Act(("queue",), _rest_of_queue),
    Act(("quarantine", "retry"), _rest_of_files, price=_price_files),
    Act(("backfill",), _rest_of_backfill, _look_at_backfill, _price_plan),
    Act(("train",), _rest_of_training, price=_price_training),
    Act(("approve",), _rest_of_champion),
    Act(("rollback",), _rest_of_champion),
)
