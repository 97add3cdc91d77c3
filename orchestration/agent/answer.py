"""What a tool says: sentences that quote facts, rows of facts, and where each of them can be looked up.

Belongs here: the values, and how they look as text and as JSON. Does not: where they come from. A number is said as a
fact alone: the words around it have no digits.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, TypeAlias

from assets.addresses import hide
from assets.foreign_text import for_line

Value: TypeAlias = str | int | float | bool | None
MAX_TEXT = 400  # characters of one text
_NUMBER_LIKE = re.compile(r"\d")
# what shows more of a source, by its kind
_FOLLOWED_BY = {
    "alarm": "daguerre drift",
    "asset": "daguerre plan --select {id}",
    "calls": "daguerre ask 'what was asked'",
    "departures": "daguerre departures {id}",
    "check": "daguerre ask 'which checks failed'",
    "drift": "daguerre drift --sessions {id}",
    "file": "daguerre quarantine list",
    "home": "daguerre status",
    "plan": "daguerre plan",
    "proposal": "daguerre proposals {id}",
    "quarantine": "daguerre quarantine list {id}",
    "queue": "daguerre queue show {id}",
    "release_pair": "daguerre diff {id}",
    "model_pair": "daguerre compare {id}",
    "run": "daguerre ask {quoted}",
    "runs": "daguerre ask 'the newest runs'",
    "search": "daguerre search {id}",
    "session": "daguerre report {id}",
    "sql": "daguerre query {quoted}",
    "terms": "daguerre terms {id}",
    "task": "daguerre results --task {id}",
}
_ACTS_IN_DOUBLE_QUOTES = frozenset('"$`\\!')
_TRACED = ("capture", "frame", "release", "model", "prediction", "track")


@dataclass(frozen=True)
class Source:
    """Where a fact is from: a kind of thing, and the id of one."""

    kind: str
    id: str

    def __post_init__(self) -> None:
        assert self.kind in _FOLLOWED_BY or self.kind in _TRACED, self.kind

    @property
    def follow(self) -> str:
        """The command that shows more of it."""
        if self.kind in _TRACED:
            return f"daguerre lineage {self.kind} {_quote(self.id)}"
        said = f"log of run {self.id}" if self.kind == "run" else self.id
        form = _FOLLOWED_BY[self.kind]
        is_pair = self.kind in ("release_pair", "model_pair")
        name = self.id if is_pair else _quote(self.id)
        return form.format(id=name, quoted=_quote(said))

    def to_dict(self) -> dict[str, str]:
        """As JSON has it."""
        return {"kind": self.kind, "id": self.id, "follow": self.follow}


def _quote(text: str) -> str:
    """As one word for a shell: what has single quotes, as SQL has, in double ones where these change nothing in it."""
    is_plain = "'" in text and not _ACTS_IN_DOUBLE_QUOTES & set(text)
    return f'"{text}"' if is_plain else shlex.quote(text)


@dataclass(frozen=True)
class Fact:
    """One value, its unit ("1" for none), and its source."""

    name: str
    value: Value
    source: Source
    unit: str = "1"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "value": clip(self.value),
            "unit": self.unit,
            "source": self.source.to_dict(),
        }

    def __str__(self) -> str:
        """As it stands in a sentence. What others have named stands in quotation marks."""
        if self.unit == "h" and isinstance(self.value, int | float):
            return tell_hours(self.value)
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{tell(self.value)}{unit}"


@dataclass(frozen=True)
class Sentence:
    """Words with `{name}` for each fact that they quote."""

    words: str
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        parts = list(Formatter().parse(self.words))
        named = {name for _, name, _, _ in parts if name is not None}
        assert named == {fact.name for fact in self.facts}, (self.words, self.facts)
        assert not any(_NUMBER_LIKE.search(text) for text, *_ in parts), self.words

    def __str__(self) -> str:
        return self.words.format(**{fact.name: fact for fact in self.facts})


@dataclass(frozen=True)
class Rows:
    """Facts of one shape: a row each, with the columns' units.

    `key`: the column that holds the id of a row's own source, of the kind `key_kind`; without, `source` is that of all.
    `num_left_out` counts rows that there are besides; `is_cut` where how many is not known.
    """

    name: str
    rows: tuple[Mapping[str, Value], ...]
    source: Source
    units: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    key_kind: str = ""
    num_left_out: int = 0
    is_cut: bool = False

    @property
    def columns(self) -> list[str]:
        """In the order in which they come up."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def source_of(self, row: Mapping[str, Value]) -> Source:
        """Where one row can be looked up."""
        own = row.get(self.key) if self.key else None
        return Source(self.key_kind, str(own)) if own else self.source

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        columns = self.columns
        return {
            "name": self.name,
            "columns": [{"name": n, "unit": self.units.get(n, "1")} for n in columns],
            "rows": [[clip(row.get(name)) for name in columns] for row in self.rows],
            "source": self.source.to_dict(),
            "row_sources": {"kind": self.key_kind, "column": self.key}
            if self.key
            else None,
            "left_out": None if self.is_cut else self.num_left_out,
            "is_cut": self.is_cut or self.num_left_out > 0,
        }


@dataclass(frozen=True)
class Answer:
    """What a tool says. Not `is_known`: nothing that it looked at says it."""

    sentences: tuple[Sentence, ...]
    rows: tuple[Rows, ...] = ()
    more: tuple[Fact, ...] = ()  # that no sentence quotes
    is_known: bool = True

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All that are no rows, each once."""
        quoted = [fact for sentence in self.sentences for fact in sentence.facts]
        return tuple(dict.fromkeys([*quoted, *self.more]))

    @property
    def text(self) -> str:
        """The sentences."""
        return " ".join(map(str, self.sentences))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "text": self.text,
            "is_known": self.is_known,
            "facts": [fact.to_dict() for fact in self.facts],
            "rows": [rows.to_dict() for rows in self.rows],
        }


def say(words: str, *facts: Fact) -> Sentence:
    """A sentence."""
    return Sentence(words, facts)


def say_masked(num_rows: int, source: Source) -> list[Sentence]:
    """How many rows do not say who did it and why; nothing where all say it."""
    count = Fact("masked", num_rows, source)
    words = "By whom and why is not told of {masked} of them: that takes the right to read private columns."
    return [Sentence(words, (count,))] if num_rows else []


def unknown(words: str, *facts: Fact) -> Answer:
    """An answer that says what is not known, and what would tell it."""
    return Answer((Sentence(words, facts),), is_known=False)


def tell(value: Value) -> str:
    """A value in a sentence: whole numbers as they are, others rounded, text in quotation marks and in one line."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else round_for_people(value)
    quoted = str(clip(value)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{for_line(quoted)}"'


def round_for_people(value: float) -> str:
    """Three digits that count; from 100 on none behind the point. JSON has the exact number."""
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def tell_hours(hours: float) -> str:
    """A duration in the unit that people say it in."""
    seconds = hours * 3600
    if seconds < 90:
        return f"{round_for_people(seconds)} s"
    if seconds < 5400:
        return f"{round_for_people(seconds / 60)} min"
    return f"{round_for_people(hours)} h"


def clip(value: Value) -> Value:
    """Text without the passwords of addresses, and of `MAX_TEXT` characters at most."""
    if not isinstance(value, str):
        return value
    shown = hide(value)
    return shown if len(shown) <= MAX_TEXT else shown[: MAX_TEXT - 1] + "…"


def take(
    name: str,
    found: Sequence[Mapping[str, Any]],
    limit: int,
    source: Source,
    **changes: Any,
) -> Rows:
    """The first of many rows, and how many were left out. Values that are no plain ones are told as text."""
    rows = tuple({k: plain(v) for k, v in row.items()} for row in found[:limit])
    left_out = max(0, len(found) - limit)
    return Rows(name, rows, source, num_left_out=left_out, **changes)


def plain(value: Any) -> Value:
    """A value as a fact holds it: lists in one text, bytes by how many they are."""
    if isinstance(value, list | tuple | set):
        return ", ".join(str(plain(one)) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float) and (value != value or value in (1e400, -1e400)):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
