"""Tools on what does not hold: failed checks with their numbers, held sessions, what lies in quarantine, who waits."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from assets.causes import group_by_cause
from assets.retrieval.dagster_checks import list_failed_checks
from assets.retrieval.quarantine import list_quarantine
from orchestration.agent.answer import Answer, Fact, Source, plain, say, take
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World

_MOST_CHECKS = 500


class Checks(Listing):
    """Of which session and asset."""

    session: str = Field("", max_length=64, description="One session; none: all.")
    asset: str = Field("", max_length=100, description="One asset; none: all.")


def tell_failed(world: World, asked: Checks) -> Answer:
    """Checks that do not hold by their newest verdicts, and what is held back from readers because of one."""
    settings = world.settings
    found = list_failed_checks(
        settings.dagster_home, settings.dagster_url, _MOST_CHECKS
    )
    failed: list[dict[str, Any]] = [
        {
            "check": one.check,
            "asset": one.asset,
            "session": one.session,
            "blocks": one.blocks,
            "says": one.says,
            "numbers": plain(one.figures),
            "run": one.run_id,
            "at": _tell_time(one.at_s),
        }
        for one in found
        if _is_meant(one.session, one.asset, asked)
    ]
    held = [
        {"session": row["session"], "table": row["table_name"], "says": row["reason"]}
        for row in world.catalog.read_latest(
            "publications", where="is_held"
        ).to_pylist()
        if asked.session in ("", row["session"])
    ]
    runs, home = Source("runs", "checks"), Source("home", "publications")
    facts = (
        Fact("failed", len(failed), runs),
        Fact("blocking", sum(one["blocks"] for one in failed), runs),
        Fact("held", len({one["session"] for one in held}), home),
    )
    words = "{failed} checks do not hold, {blocking} of them block; {held} sessions are held back from readers."
    sentences = [say(words, *facts)]
    if failed:
        first = next((one for one in failed if one["blocks"]), failed[0])
        own = Source("run", first["run"])
        named = [Fact(n, first[n], own) for n in ("check", "asset", "session", "says")]
        sentences.append(
            say("First: {check} of {asset}, session {session}: {says}.", *named)
        )
    rows = (
        take("failed", failed, asked.limit, runs, key="run", key_kind="run"),
        take("held", held, asked.limit, home, key="session", key_kind="session"),
    )
    return Answer(tuple(sentences), tuple(r for r in rows if r.rows))


def _is_meant(session: str, asset: str, asked: Checks) -> bool:
    is_asset = asked.asset in ("", asset, asset.partition("/")[2])
    return asked.session in ("", session) and is_asset


def _tell_time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Quarantine(Listing):
    """Of which session."""

    session: str = Field("", max_length=64, description="One session; none: all.")


def tell_quarantine(world: World, asked: Quarantine) -> Answer:
    """What could not be read, for each cause a count and one example."""
    session = asked.session or None
    if session is not None:
        world.zone.locate(session)
    rows = list_quarantine(world.catalog, world.zone, session)
    source = Source("quarantine", asked.session) if session else Source("file", "all")
    causes = [
        {
            "session": alike[0]["session"],
            "what": alike[0]["what"],
            "count": len(alike),
            "example": alike[0]["path"],
            "reader": alike[0]["reader"],
            "reason": alike[0]["reason"],
            "remedy": alike[0]["remedy"],
        }
        for alike in group_by_cause(rows, _name_cause)
    ]
    kinds = Counter(row["what"] for row in rows)
    facts = (
        Fact("files", kinds["file"], source),
        Fact("records", kinds["record"], source),
        Fact("dropped", kinds["dropped"], source),
        Fact("causes", len(causes), source),
    )
    words = (
        "{files} files and {records} records of others could not be read, by {causes} causes; {dropped} files "
        "were acknowledged."
    )
    listed = take(
        "causes", causes, asked.limit, source, key="session", key_kind="quarantine"
    )
    return Answer((say(words, *facts),), (listed,) if causes else ())


def _name_cause(row: dict[str, Any]) -> tuple[str, ...]:
    return row["session"], row["what"], row["reader"], row["reason"], row["remedy"]


CHECKS = Tool(
    "failed_checks",
    "Which checks and gates do not hold now, with the numbers that they rest on, and which sessions are held back.",
    Checks,
    tell_failed,
)
QUARANTINE = Tool(
    "quarantine",
    "What could not be read, with the reason and the remedy, for each cause a count and one example.",
    Quarantine,
    tell_quarantine,
)
