"""Numbers of an answer: those that no fact of it is, and whether facts can be looked up where they say they are from.

Belongs here: both counts. Does not: whether a number is the right one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assets.tables.catalog import Catalog, repr_sql
from orchestration.agent.answer import Answer, Fact, Source
from orchestration.agent.world import World

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_NUMBER = re.compile(r"-?\d[\d.,e+-]*\d|\d")
_TABLES_OF_IDS = {
    "capture": ("captures", "capture_id"),
    "frame": ("frames", "frame_id"),
    "release": ("releases", "release_id"),
    "model": ("models", "model_sha256"),
    "prediction": ("predictions", "prediction_id"),
    "track": ("tracks", "track_id"),
}
_MOST_ROWS = 200
_MOST_SECONDS = 10.0
_OF_SESSIONS = ("session", "drift", "quarantine")
_OF_ALL = ("terms", "departures")  # where they have no id


def list_numbers(said: Answer) -> list[str]:
    """Numbers in the words of an answer, outside of names in quotation marks."""
    found: Sequence[str] = _NUMBER.findall(_QUOTED.sub("", said.text))
    return list(found)


def list_invented(said: Answer) -> list[str]:
    """Numbers in the words of an answer that are no fact of it."""
    facts = {str(fact) for fact in said.facts} | {
        part for fact in said.facts for part in str(fact).split()
    }
    return [number for number in list_numbers(said) if number not in facts]


@dataclass(frozen=True)
class Traced:
    """How many facts with a number an answer has, and those whose source is not there or says another number."""

    num_facts: int
    lost: tuple[Fact, ...]


def trace_numbers(world: World, said: Answer) -> Traced:
    """Look each number up where its fact says that it is from."""
    numbers = [fact for fact in said.facts if _is_number(fact)]
    statements = {f.source.id for f in numbers if f.source.kind == "sql"}
    said_by = {one: _run(world, one) for one in statements}
    lost = tuple(fact for fact in numbers if not _is_there(world, fact, said_by))
    return Traced(len(numbers), lost)


def _is_number(fact: Fact) -> bool:
    return isinstance(fact.value, int | float) and not isinstance(fact.value, bool)


def _is_there(
    world: World, fact: Fact, said_by: Mapping[str, Sequence[Mapping[str, object]]]
) -> bool:
    """Whether the source exists; of a statement, whether its rows or their number have the value."""
    source = fact.source
    if source.kind == "sql":
        return _is_in(fact, said_by[source.id])
    if source.kind in _TABLES_OF_IDS:
        table, column = _TABLES_OF_IDS[source.kind]
        return _has(world.catalog, table, column, source.id)
    if source.kind in _OF_SESSIONS:
        return source.id in ("", "*") or any(
            _has(world.catalog, table, "session", source.id)
            for table in ("captures", "quarantine")
        )
    return _OTHERS.get(source.kind, _is_named)(source)


def _run(world: World, statement: str) -> list[dict[str, object]]:
    from assets.retrieval.query import Bounds, run_query

    bounds = Bounds(_MOST_ROWS, _MOST_SECONDS)
    found = run_query(world.catalog, world.ledger, statement, False, bounds)
    rows: list[dict[str, object]] = found.rows.to_pylist()
    return rows


def _is_in(fact: Fact, rows: Sequence[Mapping[str, object]]) -> bool:
    if fact.name == "limit":  # what the tool was given
        return True
    is_count = fact.name == "rows" and fact.value == len(rows)
    return is_count or any(fact.value in row.values() for row in rows)


def _has(catalog: Catalog, table: str, column: str, value: str) -> bool:
    return (
        len(catalog.read_latest(table, [column], f"{column} = {repr_sql(value)}")) > 0
    )


def _is_named(source: Source) -> bool:
    """Of what has no row of its own: there is a command that shows it."""
    is_told = bool(source.id) or source.kind in _OF_ALL
    return is_told and source.follow.startswith("daguerre ")


def _is_asset(source: Source) -> bool:
    from orchestration.plan.making import list_assets

    return source.id in list_assets()


def _is_task(source: Source) -> bool:
    from models.known_tasks import all_task_names

    return source.id in all_task_names()


_OTHERS: dict[str, Callable[[Source], bool]] = {"asset": _is_asset, "task": _is_task}
