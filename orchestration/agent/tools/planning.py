"""Tools on what is stale and what it costs: rows to be made anew and why, the price, what runs took."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from assets.retrieval.recorded_costs import read_rates
from orchestration.agent.answer import Answer, Fact, Source, say, take, unknown
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World
from orchestration.plan.lines import Cost
from orchestration.plan.making import make_plan

PLAN = Source("plan", "now")
_UNITS = {"device_hours": "h", "least_hours": "h", "most_hours": "h"}


class Asked(Listing):
    """Of which part of the graph."""

    select: tuple[str, ...] = Field(
        (), max_length=20, description="As if these assets had to be made anew."
    )
    sessions: tuple[str, ...] = Field(
        (), max_length=50, description="Only these sessions; patterns too."
    )


def tell_stale(world: World, asked: Asked) -> Answer:
    """The plan as `daguerre plan` makes it."""
    plan = make_plan(world.settings, None, asked.select, asked.sessions)
    rows = [
        {
            "asset": line.asset,
            "rows": line.num_rows,
            "of": line.unit,
            "sessions": len(line.sessions),
            "reason": f"{line.reason}: {line.why}" if line.why else line.reason,
            "is_exact": line.is_exact,
            "device_hours": line.cost.device_hours if line.cost else None,
        }
        for line in plan.lines
    ]
    if not rows:
        return Answer(
            (say("Nothing is stale: {lines} lines.", Fact("lines", 0, PLAN)),)
        )
    sentences = [
        say(
            "{lines} assets and reasons are stale or follow.",
            Fact("lines", len(rows), PLAN),
        )
    ]
    if plan.cost is not None:
        sentences.append(say_cost("In all ", plan.cost, PLAN))
    lacking = Fact("without_cost", plan.num_without_cost, PLAN)
    if plan.num_without_cost:
        sentences.append(say("{without_cost} of them have no recorded runs.", lacking))
    sentences += [say("{note}.", Fact("note", note, PLAN)) for note in plan.notes]
    listed = take(
        "stale", rows, asked.limit, PLAN, units=_UNITS, key="asset", key_kind="asset"
    )
    return Answer(tuple(sentences), (listed,))


def say_cost(begin: str, cost: Cost, source: Source) -> Any:
    """A sentence with what recorded runs tell of a price."""
    facts = [
        Fact("device_hours", round(cost.device_hours, 4), source, "h"),
        Fact("least_hours", round(cost.least, 4), source, "h"),
        Fact("most_hours", round(cost.most, 4), source, "h"),
        Fact("runs", cost.num_runs, source),
    ]
    words = "{device_hours} on a device ({least_hours} to {most_hours}, by {runs} recorded runs)"
    if cost.money is not None:
        facts.append(Fact("money", round(cost.money, 2), source))
        words += ", at a price of {money}"
    return say(f"{begin}{words}.", *facts)


class Costs(Listing):
    """Of which asset."""

    asset: str = Field("", description="One asset, stage/noun; none: all.")


def tell_costs(world: World, asked: Costs) -> Answer:
    """What a row, file or training took, by recorded runs."""
    rates = read_rates(world.settings.dagster_home, world.settings.dagster_url)
    chosen = _choose(list(rates), asked.asset)
    source = Source("runs", "recorded")
    if not rates:
        return unknown("No run is recorded that tells what anything took.")
    price = world.settings.workspace.device_hour_price
    rows: list[dict[str, Any]] = [
        {
            "asset": name,
            "median_s": round(rates[name].median_s, 4),
            "least_s": round(rates[name].least_s, 4),
            "most_s": round(rates[name].most_s, 4),
            "runs": rates[name].num_runs,
        }
        for name in chosen
    ]
    units = dict.fromkeys(("median_s", "least_s", "most_s"), "s")
    listed = take(
        "costs", rows, asked.limit, source, units=units, key="asset", key_kind="asset"
    )
    sentences = [
        say(
            "Recorded runs tell what a row, file or training of {assets} assets took.",
            Fact("assets", len(rows), source),
        )
    ]
    if len(rows) == 1:
        own = Source("asset", rows[0]["asset"])
        facts = (
            Fact("asset", rows[0]["asset"], own),
            Fact("median_s", rows[0]["median_s"], own, "s"),
            Fact("runs", rows[0]["runs"], own),
        )
        sentences = [
            say(
                "{asset} took {median_s} a row, file or training, by {runs} runs.",
                *facts,
            )
        ]
    if price is not None:
        fact = Fact("price", price, Source("home", "settings"))
        sentences.append(say("An hour of a device costs {price}.", fact))
    return Answer(tuple(sentences), (listed,))


def _choose(known: Sequence[str], name: str) -> list[str]:
    if not name:
        return sorted(known)
    mine = [asset for asset in known if name in (asset, asset.partition("/")[2])]
    if not mine and known:
        raise ValueError(
            f"no recorded run tells what {name!r} took: choose of {', '.join(sorted(known))}"
        )
    return sorted(mine)


STALE = Tool(
    "stale",
    "What is stale and why, down to rows, what follows from it, and what making it anew costs by recorded runs.",
    Asked,
    tell_stale,
)
COST = Tool(
    "cost",
    "What a row, file or training of an asset took, by recorded runs.",
    Costs,
    tell_costs,
)
