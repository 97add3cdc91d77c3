"""What the tools of one question said, to be looked up by how a text may write it: numbers, ids, names, quotations.

Belongs here: the index, and when a number as written is one that was said. Does not: reading sentences.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestration.agent.answer import Answer, Fact, Rows, Source, Value

_LEAST_OF_ID = 8  # characters of a beginning that stands for an id
_LEAST_WORDS = 3  # of a quotation that is a piece of a text
_STATES = ("state", "status", "change", "act")  # columns that say what became of a row
_ENDED = ("finished", "completed", "ended", "done")
# what else may be said of a row in such a state
_MEANS = {
    "done": ("approved", "executed", *_ENDED),
    "failed": ("approved", "started", "ended"),
    "begun": ("approved", "started"),
    "success": _ENDED,
    "failure": ("started", "ended"),
    "started": ("started",),
    "relabelled": ("changed", "updated"),
}
_MADE = ("model", "release", "task")
_NUMBERS_OF = (
    "numbers"  # the column with figures of checks: "num_checked 8, share 0.25"
)
_FIGURE = re.compile(r"(\w+) (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class Made:
    """One call of a tool, and its answer, or why there is none."""

    tool: str
    arguments: Mapping[str, Any]
    answer: Answer | None = None
    error: str = ""


@dataclass(frozen=True)
class Told:
    """A fact, and words for acts that are true of what it is of."""

    fact: Fact
    acts: frozenset[str] = frozenset()


class Said:
    """All facts of some calls but those that whoever called wrote into the arguments."""

    def __init__(self, made: Sequence[Made]) -> None:
        self._exact: dict[Decimal, Told] = {}
        self._rounded: list[tuple[Decimal, Told]] = []
        self._names: dict[str, Told] = {}
        self._texts: dict[str, Told] = {}
        self._commands: dict[str, Told] = {}
        written = _Written(made)
        for one in made:
            numbers = _list_numbers(one.arguments)
            for told in _list_all(one.answer) if one.answer else ():
                self._add(told, numbers, written)
            for source in _list_sources(one.answer) if one.answer else ():
                self._add_command(source, written)

    def _add(
        self, told: Told, numbers: Collection[Decimal], written: "_Written"
    ) -> None:
        value = told.fact.value
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, int | float):
            number = Decimal(str(value))
            if number in numbers:
                return
            self._exact.setdefault(number, told)
            if isinstance(value, float):
                self._rounded.append((number, told))
            return
        if written.is_in(value):
            return
        self._texts.setdefault(_flatten(value), told)
        for part in value.split(", "):
            if _is_name(part):
                own = replace(told, fact=replace(told.fact, value=part))
                self._names.setdefault(part.lower(), told if part == value else own)

    def _add_command(self, source: Source, written: "_Written") -> None:
        follow = source.follow
        if not written.is_in(follow):
            fact = Fact("command", follow, source)
            self._commands.setdefault(_flatten(follow), Told(fact))

    def find_number(self, text: str, unit: str = "") -> Told | None:
        """One that was said, exactly or rounded to the places that `text` writes; "%": a share as percents."""
        try:
            number = Decimal(text)
        except InvalidOperation:
            return None
        places = max(0, -int(number.as_tuple().exponent))
        if unit == "%":
            return self._find_share(number, places)
        found = self._exact.get(number) or self._find_rounded(number, places)
        fits = found is not None and unit in ("", found.fact.unit)
        return found if fits else None

    def _find_share(self, percents: Decimal, places: int) -> Told | None:
        for value, told in self._rounded:
            if told.fact.unit == "1" and round(value * 100, places) == percents:
                return told
        return None

    def _find_rounded(self, number: Decimal, places: int) -> Told | None:
        if not places:
            return None
        found = (
            told for value, told in self._rounded if round(value, places) == number
        )
        return next(found, None)  # fmt: skip

    def find_name(self, text: str) -> Told | None:
        """A name or id of one word, or an id by its beginning."""
        wanted = text.lower()
        exact = self._names.get(wanted)
        if exact is not None or len(wanted) < _LEAST_OF_ID:
            return exact
        if not re.fullmatch(r"[0-9a-f-]+", wanted):
            return None
        begun = (told for name, told in self._names.items() if name.startswith(wanted))
        return next(begun, None)

    def find_quotation(self, text: str) -> Told | None:
        """A text that was said, or a piece of one, of some words."""
        wanted = _flatten(text)
        whole = self._texts.get(wanted) or self.find_name(wanted)
        whole = whole or self._commands.get(wanted)
        if whole is not None or len(wanted.split()) < _LEAST_WORDS:
            return whole
        for said, told in self._texts.items():
            if wanted in said:
                return replace(told, fact=replace(told.fact, value=text))
        return None


class _Written:
    """Texts of several words with a number that the caller wrote: a tool that repeats one does not say it."""

    def __init__(self, made: Sequence[Made]) -> None:
        texts = (text for one in made for text in _list_texts(one.arguments))
        self._texts = {_flatten(t) for t in texts if re.search(r"\d", t) and " " in t}

    def is_in(self, text: str) -> bool:
        """Whether one of them stands in a text."""
        flat = _flatten(text) if self._texts else ""
        return any(written in flat for written in self._texts)


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        inner = value.values() if isinstance(value, Mapping) else value
        for one in inner:
            yield from _list_texts(one)
    elif isinstance(value, int | float):
        yield str(value)


def _list_numbers(arguments: Mapping[str, Any]) -> set[Decimal]:
    """All numbers that stand in arguments, in a statement too."""
    texts = " ".join(_list_texts(arguments))
    found = re.findall(r"(?<![\w.-])-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?", texts)
    return {Decimal(text.replace("_", "")) for text in found}


def _list_all(answer: Answer) -> Iterator[Told]:
    for fact in answer.facts:
        yield Told(fact, _name_acts(fact.source, {fact.name: fact.value}, [fact.name]))
        yield Told(Fact("name", fact.name, fact.source))
    for rows in answer.rows:
        yield from _list_cells(rows)


def _list_sources(answer: Answer) -> Iterator[Source]:
    sources = [fact.source for fact in answer.facts]
    for rows in answer.rows:
        sources += [rows.source, *(rows.source_of(row) for row in rows.rows)]
    yield from dict.fromkeys(sources)


def _list_cells(rows: Rows) -> Iterator[Told]:
    if (
        rows.source.kind != "sql"
    ):  # whose columns have the names that the statement gives
        for column in rows.columns:
            yield Told(Fact("column", column, rows.source))
    if not rows.is_cut and not rows.num_left_out:
        yield Told(Fact("rows", len(rows.rows), rows.source))
    for row in rows.rows:
        source = rows.source_of(row)
        acts = _name_acts(source, row, [])
        for name, value in row.items():
            unit = rows.units.get(name, "1")
            yield Told(Fact(name, value, source, unit), acts)
            if name == _NUMBERS_OF and isinstance(value, str):
                yield from _list_figures(value, source, acts)


def _list_figures(text: str, source: Source, acts: frozenset[str]) -> Iterator[Told]:
    for part in text.split(", "):
        found = _FIGURE.fullmatch(part)
        if found:
            digits = found[2]
            number = int(digits) if re.fullmatch(r"-?\d+", digits) else float(digits)
            yield Told(Fact(found[1], number, source), acts)


def _name_acts(
    source: Source, values: Mapping[str, Value], names: Sequence[str]
) -> frozenset[str]:
    found = defaultdict(set, {"": {word for n in names for word in n.split("_")}})
    for name in _STATES:
        state = str(values.get(name) or "").lower()
        found[name] = {state, *_MEANS.get(state, ())}
    if source.kind in _MADE:
        found["made"] = {"trained"}
    return frozenset(word for words in found.values() for word in words if word)


def _is_name(text: str) -> bool:
    """Of one word with a letter: a number that somebody used as a name counts in quotation marks alone."""
    return bool(re.search("[A-Za-z]", text)) and not re.search(r"\s", text)


def _flatten(text: str) -> str:
    return " ".join(text.lower().split())
