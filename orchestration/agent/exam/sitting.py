"""One sitting: a set of questions asked of a rung, and what its marks come to.

Belongs here: asking in turn, shares and times. Does not: what is stored, and how one answer is marked.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from orchestration.agent.answer import Answer
from orchestration.agent.exam.kinds import UNANSWERED
from orchestration.agent.exam.marking import Marks, mark
from orchestration.agent.exam.questions import Asked, hash_questions, list_questions
from orchestration.agent.world import World

# answers a question; raises ValueError where a tool refuses. Tools are called by `orchestration.agent.tool.call`
Ask: TypeAlias = Callable[[World, str], Answer]
MARKS = ("right_tool", "right_arguments", "right_answer", "refused")


@dataclass(frozen=True)
class Rung:
    """What is examined: its name, the version of its code, and how it answers."""

    name: str
    code_version: str
    ask: Ask


@dataclass(frozen=True)
class Share:
    """How many of those that were asked for it have a mark."""

    kind: str  # of questions; "all"
    mark: str
    num_right: int
    num_asked: int

    @property
    def value(self) -> float | None:
        """In [0, 1]; None where nothing was asked for it."""
        return self.num_right / self.num_asked if self.num_asked else None


@dataclass(frozen=True)
class Sitting:
    """What came of the questions of one set. `num_lacking`: templates that the home has no names for."""

    rung: Rung
    which: str
    questions_sha256: str
    num_lacking: int
    marks: tuple[Marks, ...]

    @property
    def shares(self) -> list[Share]:
        """Over all, then by kind of question."""
        kinds = sorted({one.asked.kind for one in self.marks})
        return [
            *_count("all", self.marks),
            *(s for k in kinds for s in _count(k, self._of(k))),
        ]

    @property
    def num_kinds(self) -> int:
        """Kinds of questions that have an answer."""
        return len({one.asked.kind for one in self.marks} - {UNANSWERED})

    def find_share(self, name: str) -> Share:
        """Over all questions. Raises StopIteration for a mark that nothing was asked for."""
        return next(one for one in _count("all", self.marks) if one.mark == name)

    def sum(self, name: str) -> int:
        """The sum of a count of `Marks`."""
        return sum(getattr(one, name) for one in self.marks)

    def find_percentile_ms(self, percent: float) -> float:
        """Of the times of answers, by the clock."""
        return float(np.percentile([one.took_ms for one in self.marks], percent))

    def _of(self, kind: str) -> Sequence[Marks]:
        return [one for one in self.marks if one.asked.kind == kind]


def sit(
    open_world: Callable[[], World],
    rung: Rung,
    which: str,
    num_each: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Sitting:
    """Ask all questions of a set, each in a world of its own. Raises ValueError where there is nothing to ask about."""
    asked, num_lacking = list_questions(open_world().catalog, which, num_each)
    if not any(one.names for one in asked):
        raise ValueError(
            "the home has no session to ask about: take one in first, `daguerre ingest`"
        )
    marks = []
    for number, one in enumerate(asked, start=1):
        marks.append(_ask(replace(open_world(), heard=[]), rung.ask, one))
        on_progress(number, len(asked))
    return Sitting(rung, which, hash_questions(asked), num_lacking, tuple(marks))


def _ask(world: World, ask: Ask, asked: Asked) -> Marks:
    began = time.perf_counter()
    said, error = None, ""
    try:
        said = ask(world, asked.text)
    except ValueError as refused:  # a tool that has nothing to say, in words
        error = str(refused)
    took_ms = 1000 * (time.perf_counter() - began)
    return mark(world, asked, said, error, took_ms)


def _count(kind: str, marks: Sequence[Marks]) -> Iterator[Share]:
    for name, field in zip(MARKS, _FIELDS, strict=True):
        told = [getattr(one, field) for one in marks if getattr(one, field) is not None]
        if told:
            yield Share(kind, name, sum(told), len(told))


_FIELDS = ("is_right_tool", "has_right_arguments", "is_right_answer", "is_refused")
