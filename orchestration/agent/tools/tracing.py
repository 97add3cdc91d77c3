"""The tool that traces one thing both ways: to the bytes it came from, and to all that saw it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field, field_validator

from assets.retrieval.lineage import KINDS, trace
from assets.tables.schemas import TABLES
from assets.tables.sql import list_private
from orchestration.agent.answer import Answer, Fact, Rows, Source, plain, say, take
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World

_DIRECTIONS = ("upstream", "downstream")
# tables of which lineage reads none: those of requests, and who opened what
_NOT_TRACED = {t.name for t in TABLES.values() if t.stage == "serving"} | {"unsealings"}
# what may stand in a row of lineage, and is followed by lineage again: first what the row itself is
_KEYS = {
    "prediction_id": "prediction",
    "track_id": "track",
    "model_sha256": "model",
    "release_id": "release",
    "frame_id": "frame",
    "capture_id": "capture",
}


class Traced(Listing):
    """What is traced."""

    kind: str = Field(
        description="What the id is of.", json_schema_extra={"enum": [*sorted(KINDS)]}
    )
    id: str = Field(
        min_length=6, max_length=64, description="An id, or a beginning of it."
    )
    limit: int = Field(12, ge=1, le=100, description="Rows of each kind at most.")

    @field_validator("kind")
    @classmethod
    def _require_kind(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} has no lineage: use one of {', '.join(KINDS)}")
        return kind


def trace_both_ways(world: World, asked: Traced) -> Answer:
    """Everything that lineage knows of it."""
    found = trace(world.catalog, asked.kind, asked.id)
    source = _source_of(asked.kind, found["id"])
    hidden = {
        name
        for table in TABLES.values()
        if table.name not in _NOT_TRACED
        for name in list_private(table.name)
        if name not in _KEYS
    } | list_private(KINDS[asked.kind][0])
    rows: list[Rows] = []
    facts = [Fact("id", found["id"], source)]
    words = []
    for direction in _DIRECTIONS:
        for name, some in _list_groups(found[direction]):
            rows.append(
                _tabulate(f"{direction}: {name}", some, asked.limit, source, hidden)
            )
            fact = Fact(f"{direction}_{name}", len(some), source)
            facts.append(fact)
            words.append(f"{{{fact.name}}} {name.replace('_', ' ')} {direction}")
    told = "; ".join(words) or "nothing is known of where it is from"
    return Answer((say(f"{asked.kind} {{id}}: {told}.", *facts),), tuple(rows))


def _source_of(kind: str, wanted_id: str) -> Source:
    if kind in _KEYS.values():
        return Source(kind, wanted_id)
    table, column = KINDS[kind]
    return Source("sql", f"select * from {table} where {column} = '{wanted_id}'")


def _list_groups(part: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Name -> rows; one thing is a row."""
    for name, inner in part.items():
        if name == "asked":  # queues, and the frames that they brought
            yield from ((f"asked_{n}", v) for n, v in inner.items() if len(v))
        elif isinstance(inner, Mapping):
            yield name, [inner]
        elif inner is not None and len(inner):
            yield name, inner


def _tabulate(
    name: str, rows: Sequence[Any], limit: int, source: Source, hidden: set[str]
) -> Rows:
    shown = [
        {k: plain(v) for k, v in row.items() if k not in hidden} for row in rows[:limit]
    ]
    key = next((k for k in _KEYS if shown and shown[0].get(k)), "")
    said = take(name, shown, limit, source, key=key, key_kind=_KEYS.get(key, ""))
    return replace(said, num_left_out=len(rows) - len(shown))


LINEAGE = Tool(
    "lineage",
    "Trace a capture, frame, release, model, prediction or track to its bytes, and to all that saw it.",
    Traced,
    trace_both_ways,
)
