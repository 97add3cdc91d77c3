"""The verbs that a program may propose: how each is looked at, what its plan leads with, rests on, and costs.

Belongs here: one value a verb. Does not: what a verb does, and proposals.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from assets.retrieval.recorded_costs import read_rates
from orchestration.agent.world import World
from orchestration.plan.lines import Cost
from orchestration.roles.rights import Right

Words: TypeAlias = tuple[str, ...]
Price: TypeAlias = Callable[[World, Words, Sequence[Any]], Cost | None]
_HOUR_S = 3600.0
_IS_OF_LINE = ("asset", "reason", "why", "unit", "num_rows", "sessions")


@dataclass(frozen=True)
class Act:
    """A verb that may be proposed: how its plan is looked at, and what of that it rests on.

    `looks`: the words of verbs that change nothing; their facts, in this order, are the plan. `lead` says in lines what
    will be made. `price`: None of what is done at once. `right`: who may decide about it through a server.
    """

    verb: Words
    rests_on: Callable[[Sequence[Any]], Any]
    lead: Callable[[Sequence[Any]], Sequence[str]]
    looks: Callable[[Words], Sequence[Words]] = lambda words: [(*words, "--dry-run")]
    price: Price | None = None
    right: Right = Right.OPERATE


def find_act(words: Words) -> Act:
    """That of the verb which the words begin with. Raises ValueError for one that may not be proposed."""
    for act in _ACTS:
        if words[: len(act.verb)] == act.verb:
            return act
    raise ValueError(f"the verb {shlex.join(words[:2])} is never proposed")


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


def _lead_queue(facts: Sequence[Any]) -> list[str]:
    (queue,) = facts
    by = ", ".join(f"{count} by {name}" for name, count in queue["by"].items())
    return [
        f"asks people for {queue['task']} labels of {_count(queue['asked'], 'frame')}"
        f"{f' ({by})' * bool(by)}; {queue['open_before']} are open before"
    ]


def _lead_files(facts: Sequence[Any]) -> list[str]:
    (files,) = facts
    sessions = ", ".join(sorted({file["session"] for file in files}))
    return [
        f"takes {_count(len(files), 'quarantined file')} of {sessions} again; what was read before stays"
    ]


def _lead_backfill(facts: Sequence[Any]) -> list[str]:
    order, _ = facts
    lines = _list_made(facts)
    known = {line["asset"] for line in lines}
    untold = [asset for asset in order["targets"] if asset not in known]
    return [
        *map(_lead_line, lines),
        *(f"makes {asset} anew, how many is not known before" for asset in untold),
    ] or ["makes nothing: nothing is stale"]


def _lead_line(line: Mapping[str, Any]) -> str:
    most = "" if line["is_exact"] else "at most "
    count = "?" if line["num_rows"] is None else f"{most}{line['num_rows']:,}"
    of = f" of {_count(len(line['sessions']), 'session')}" * bool(line["sessions"])
    return f"makes {count} {line['unit']} of {line['asset']} anew{of}: {line['reason']}"


def _lead_training(facts: Sequence[Any]) -> list[str]:
    (dataset,) = facts
    parts = ", ".join(f"{count} {part}" for part, count in dataset["parts"].items())
    frames = _count(sum(dataset["parts"].values()), "frame")
    classes = _count(len(dataset["classes"]), "class", "classes")
    waiting = dataset.get("waiting", {})
    lead = f"trains one model on {frames} ({parts}) of {classes}, scores it, and lets it meet the gate"
    return [
        lead,
        *[f"first completes {_count(len(waiting), 'session')}"][: len(waiting)],
    ]


def _lead_champion(facts: Sequence[Any]) -> list[str]:
    """Servers follow the table of champions."""
    (change,) = facts
    before, after = change["before"], change["after"]
    place = (
        f"in the place of version {before['version']}" if before else "the first one"
    )
    return [
        f"makes {change['task']} version {after['version']} champion, {place}; servers of {change['task']} follow"
    ]


def _count(number: int, noun: str, many: str = "") -> str:
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


_ACTS = (
    Act(("queue",), _rest_of_queue, _lead_queue),
    Act(("quarantine", "retry"), _rest_of_files, _lead_files, price=_price_files),
    Act(
        ("backfill",), _rest_of_backfill, _lead_backfill, _look_at_backfill, _price_plan
    ),
    Act(("train",), _rest_of_training, _lead_training, price=_price_training),
    Act(("approve",), _rest_of_champion, _lead_champion, right=Right.APPROVE),
    Act(("rollback",), _rest_of_champion, _lead_champion, right=Right.APPROVE),
)
