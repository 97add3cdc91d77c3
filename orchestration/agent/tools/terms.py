"""Tools on the terms of data: what something rests on and may be used for, and what has left. Persons are not named."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from assets.retrieval.rests_on import describe_rests, find_departures, list_sessions
from assets.tables.sql import list_private
from orchestration.agent.answer import Answer, Fact, Source, plain, say, take
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World

_PRIVATE = list_private("consents") | list_private("departures") | {"summary"}


class Named(Listing):
    """Whose terms are asked for."""

    of: str = Field(
        "",
        max_length=300,
        description="A session, SESSION/CAPTURE, a release or model by its id, or a task; none: all.",
    )


def tell_terms(world: World, asked: Named) -> Answer:
    """Of a release or model its licences and purposes; of a session what was stated, and what rests on it."""
    policy = world.settings.workspace.policy
    if not asked.of:
        return _tell_all(list_sessions(world.catalog, policy), asked)
    found = describe_rests(world.catalog, asked.of, policy, _version_of(world))
    if found["kind"] == "session":
        return _tell_session(found, asked)
    return _tell_release(found, asked)


def tell_departures(world: World, asked: Named) -> Answer:
    """What left, the newest first, without places and persons."""
    rows = find_departures(world.catalog, asked.of or None, _version_of(world))
    source = Source("departures", asked.of)
    count = Fact("departures", len(rows), source)
    shown = [_hide(row) for row in rows[: asked.limit]]
    words = "{departures} exports, pushes, backups and pages have left."
    listed = take("departures", shown, asked.limit, source)
    return Answer((say(words, count),), (listed,))


def _tell_all(rows: list[dict[str, Any]], asked: Named) -> Answer:
    source = Source("terms", "")
    facts = (
        Fact("sessions", len(rows), source),
        Fact("silent", sum(row["licence"] is None for row in rows), source),
        Fact("refused", sum(row["is_refused"] for row in rows), source),
    )
    words = "Of {sessions} sessions and captures {silent} have no terms that hold, and {refused} may not be used."
    listed = take("sessions", list(map(_hide, rows)), asked.limit, source)
    return Answer((say(words, *facts),), (listed,))


def _tell_session(found: Mapping[str, Any], asked: Named) -> Answer:
    source = Source("terms", asked.of)
    facts = (
        Fact("statements", len(found["statements"]), source),
        Fact("frames", found["num_frames"], source, "frames"),
        Fact("releases", len(found["releases"]), source),
        Fact("models", len(found["models"]), source),
    )
    words = "{statements} statements; on it rest {frames} frames, {releases} releases and {models} models."
    rows = tuple(
        take(name, list(map(_hide, found[name])), asked.limit, source)
        for name in ("statements", "releases", "models")
    )
    return Answer((say(words, *facts),), rows)


def _tell_release(found: Mapping[str, Any], asked: Named) -> Answer:
    source = Source("terms", asked.of)
    facts = (
        Fact("licences", ", ".join(found["licences"]) or "none", source),
        Fact("purposes", ", ".join(found["purposes"]) or "nothing", source),
        Fact("refused", sum(p["is_refused"] for p in found["parts"]), source),
    )
    words = "Licences: {licences}; all of it may be used for: {purposes}; against it stand {refused} sessions."
    listed = take("sessions", list(map(_hide, found["parts"])), asked.limit, source)
    return Answer((say(words, *facts),), (listed,))


def _hide(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what names persons, or quotes them."""
    return {name: plain(v) for name, v in row.items() if name not in _PRIVATE}


def _version_of(world: World) -> Any:
    return lambda task, number: world.tracker.version(task, number).model_sha256


TERMS = Tool(
    "terms",
    "Say the licences, purposes and end of consent of a session, release or model, and what rests on a session.",
    Named,
    tell_terms,
)
DEPARTURES = Tool(
    "departures",
    "List what left the home: exports, pushes to labelling tools, backups and pages.",
    Named,
    tell_departures,
)
