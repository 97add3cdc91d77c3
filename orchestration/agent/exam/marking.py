"""Marks of one answer: is it right, by the right tool, with the right arguments; is what has no answer refused.

Belongs here: one answer held against what is known. Does not: asking, and what many marks come to.
"""

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from assets.tables.catalog import Catalog
from orchestration.agent.answer import Answer, Value
from orchestration.agent.exam.figures import list_invented, list_numbers, trace_numbers
from orchestration.agent.exam.kinds import ANYTHING, KINDS, MAYBE, UNANSWERED, Kind
from orchestration.agent.exam.questions import Asked
from orchestration.agent.exam.truths import Truth
from orchestration.agent.world import Heard, World

_FREE = ("limit", "seconds")  # arguments that may be anything
_BEGUN_ID = re.compile(r"[0-9a-f]{12,}")


@dataclass(frozen=True)
class Marks:
    """Of one answer. None: that is not asked of this question."""

    asked: Asked
    is_right_tool: bool | None = None
    has_right_arguments: bool | None = None
    is_right_answer: bool | None = None
    is_refused: bool | None = None
    num_numbers: int = 0
    num_invented: int = 0
    num_traced: int = 0
    num_lost: int = 0
    took_ms: float = 0.0
    error: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether one of the marks is bad."""
        told = (
            self.is_right_tool,
            self.has_right_arguments,
            self.is_right_answer,
            self.is_refused,
        )
        return False in told


def mark(
    world: World, asked: Asked, said: Answer | None, error: str, took_ms: float
) -> Marks:
    """The marks of an answer, given in a world that heard which tools were called; `said` None where it raised."""
    heard = world.heard or []
    if said is None:
        return _mark_choice(asked, heard, None, error, took_ms)
    traced = trace_numbers(world, said)
    numbers = (len(list_numbers(said)), len(list_invented(said)))
    figures = (*numbers, traced.num_facts, len(traced.lost))
    if asked.kind == UNANSWERED:
        return Marks(asked, None, None, None, not said.is_known, *figures, took_ms)
    told = _mark_choice(
        asked, heard, _find_answer(world.catalog, asked, said), error, took_ms
    )
    choice = (told.is_right_tool, told.has_right_arguments, told.is_right_answer)
    return Marks(asked, *choice, None, *figures, took_ms, error)


def _mark_choice(
    asked: Asked,
    heard: Sequence[Heard],
    is_right: bool | None,
    error: str,
    took_ms: float,
) -> Marks:
    if asked.kind == UNANSWERED:  # a tool that refuses in words has not answered
        return Marks(asked, is_refused=True, took_ms=took_ms, error=error)
    kind = KINDS[asked.kind]
    tools = tuple(dict.fromkeys(call.tool for call in heard))
    is_tool = tools == kind.tools
    fits = is_tool and _fit(kind, heard, asked.names)
    if kind.truth is not None and is_right is None:
        is_right = False
    return Marks(asked, is_tool, fits, is_right, took_ms=took_ms, error=error)


def _fit(kind: Kind, heard: Sequence[Heard], names: Mapping[str, str]) -> bool:
    given = json.dumps([dict(call.arguments) for call in heard], ensure_ascii=False)
    if not all(_tell(name) in given for name in names.values()):
        return False
    return kind.tools == ("sql",) or all(_is_given(kind, c, names) for c in heard)


def _tell(name: str) -> str:
    """A name as it stands in JSON within a statement of SQL."""
    return json.dumps(name.replace("'", "''"), ensure_ascii=False)[1:-1]


def _is_given(kind: Kind, call: Heard, names: Mapping[str, str]) -> bool:
    """Whether the tool got the arguments of the kind, and none beside them."""
    wanted = {key: _fill(value, names) for key, value in kind.arguments.items()}
    given = {k: v for k, v in call.arguments.items() if k not in _FREE}
    needed = {key for key, value in wanted.items() if value != MAYBE}
    return needed <= given.keys() <= wanted.keys() and all(
        wanted[key] in (ANYTHING, MAYBE) or _is_same(wanted[key], value)
        for key, value in given.items()
    )


def _is_same(wanted: object, given: object) -> bool:
    """Whether an argument is as it should be; an id may be whole where the question has its beginning."""
    if isinstance(wanted, str) and _BEGUN_ID.fullmatch(wanted):
        return str(given).startswith(wanted)
    return wanted == given


def _fill(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, list):
        return [_fill(one, names) for one in value]
    return value.format(**names) if isinstance(value, str) else value


def _find_answer(catalog: Catalog, asked: Asked, said: Answer) -> bool | None:
    """Whether the answer is what the tables say; None where the exam does not know."""
    truth = KINDS[asked.kind].truth
    return None if truth is None else _says(said, truth(catalog, asked.names))


def _says(said: Answer, truth: Truth) -> bool:
    cells = [value for rows in said.rows for row in rows.rows for value in row.values()]
    values: list[Value] = [*(fact.value for fact in said.facts), *cells]
    told = {value for value in values if isinstance(value, str)}
    has_pairs = truth.pairs is None or _list_pairs(said) == truth.pairs
    has_names = told & truth.all_names == truth.names
    return has_pairs and has_names and all(_has(values, n) for n in truth.numbers)


def _list_pairs(said: Answer) -> frozenset[tuple[object, object]]:
    rows = [tuple(row.values()) for rows in said.rows for row in rows.rows]
    return frozenset((row[0], row[1]) for row in rows if len(row) == 2)


def _has(values: Collection[Value], number: float) -> bool:
    numbers = [v for v in values if isinstance(v, int | float) and v is not True]
    return any(math.isclose(value, number, rel_tol=1e-6) for value in numbers)
