"""What a question names of a home: sessions, sensors, tasks, assets, classes, tables, ids, times, numbers.

Belongs here: finding them, and the question with a word for their kind in their place. Does not: what is asked about
them. A name is taken for a name, whatever it says.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from assets.tables.sql import VIEWS
from models.known_tasks import all_task_names
from orchestration.agent.asking.moments import TIME, find_time, tell_period
from orchestration.agent.asking.rewording import reword
from orchestration.agent.asking.spelling import mend
from orchestration.agent.asking.words import find_meaning, spell_out
from orchestration.agent.world import World
from orchestration.plan.making import list_assets, list_known_sessions

_WORD = re.compile(r"[A-Za-z0-9][\w./:-]*[\w]|[A-Za-z0-9]")
# an apostrophe within a word, or behind one, opens and closes nothing
_QUOTED = re.compile(
    r"(?<!\w)'((?:[^']|'(?=\w))*)'(?!\w)|\"([^\"]*)\"|`([^`]*)`|“([^”]*)”"
)
# "search the documentation for lens flare"; the verb may be mistyped
_SEARCH = re.compile(
    r"(?:(?:please|can you|could you|kindly|hey|hi|i want to|let us|run a|do a)[, ]+)*(?P<verb>\w+) "
    r"(?:(?:in|through|the|all|our|your|my|home|docs|documentation|manual|documents|handbook|index|stored) )*"
    r"(?:for |about )?(?:(?:pages|documents|docs|anything|everything|something|what is known|all) "
    r"(?:about|on|for|regarding) )?"
    r"(?P<text>.+)",
    re.IGNORECASE,
)
# "find pages that mention lens flare"
_PAGES = re.compile(
    r"(?:please |can you |could you |kindly )*(?:find|show|list|give|get|look up|look for|are there"
    r"|which|what)(?: me| us)?"
    r"(?: (?:all|any|the|every|some))* (?:pages?|documents?|docs|documentation|passages?|paragraphs?"
    r"|articles?|manuals?|sections?)"
    r"(?: (?:of|in) the (?:docs|documentation|manual|handbook))?"
    r"(?: (?:that|which|where))? (?:mention|mentions|about|on|speak of|talk about|tell of|say something about|describe"
    r"|regarding|concerning|deal with|dealing with|discuss|cover|explain)(?:ing)? (?P<text>.+)",
    re.IGNORECASE,
)
_ID = re.compile(r"[0-9a-f]{6,64}")
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JOINED = ("session", "sensor", "class")  # kinds of names that people write with spaces
_MOST_JOINED = 4  # words
_BEFORE_SENSOR = ("by", "from", "of", "with")  # the last word of a question
_OF_TABLES = frozenset({"table", "column"})  # what words beside a table's name mean
_TABLES_OF_IDS = {
    "model": ("models", "model_sha256"),
    "release": ("releases", "release_id"),
    "capture": ("captures", "capture_id"),
    "frame": ("frames", "frame_id"),
    "prediction": ("predictions", "prediction_id"),
    "track": ("tracks", "track_id"),
}


@dataclass(frozen=True)
class Question:
    """The words with `<kind>` for each name, and the names by kind, in their order."""

    words: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def first(self, kind: str) -> str:
        """The first name of a kind. Raises LookupError where none is named."""
        found = self.names.get(kind, ())
        if not found:
            raise LookupError(kind)
        return found[0]

    def each(self, kind: str) -> "Iterator[Question]":
        """The question about each name of a kind alone."""
        for name in self.names.get(kind, ()):
            yield replace(self, names={**self.names, kind: (name,)})


@dataclass(frozen=True)
class Known:
    """The names of a home, by kind."""

    names: Mapping[str, Collection[str]]
    catalog: Catalog | None  # where ids are looked up
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def read(self, text: str, vocabulary: Collection[str]) -> Question:
        """The question in words. A name that is a word of `vocabulary` is one in quotation marks or beside its kind."""
        looked_for = _find_looked_for(text, vocabulary)
        if looked_for:
            return Question(("search", "<text>"), {"text": (looked_for,)})
        found: dict[str, list[str]] = {}
        words: list[str] = []
        parts = list(self._join(list(_split(text)), vocabulary))
        said = [part.lower() for part, _ in parts]
        meant = [find_meaning(word) for word in said]
        usual = frozenset(vocabulary)
        if _OF_TABLES & set(meant) or said[:1] == ["describe"]:
            usual -= set(self.names["table"])
            meant = [("table" if m in _OF_TABLES else m) for m in meant]
        for at, (part, is_quoted) in enumerate(parts):
            is_name = is_quoted or self._is_named(said, at, meant)
            kind, name = self._find(part, frozenset() if is_name else usual, meant)
            if kind:
                found.setdefault(kind, []).append(name)
                words.append(f"<{kind}>")
            elif is_quoted:
                words.append("<unknown>")
            else:
                words += [mend(word, vocabulary) for word in _list_words(part.lower())]
        words, period = find_time(reword(spell_out(words)), self.now)
        if period:
            found[TIME[1:-1]] = [period]
        words = [_take_number(word, found) for word in words]
        return Question(tuple(words), {k: tuple(v) for k, v in found.items()})

    def fill(self, form: str, question: Question) -> str | None:
        """A sentence with a name for each `<kind>`: of the question, or else of the home; None where there is none."""
        for kind in re.findall(r"<(\w+)>", form):
            names = [*question.names.get(kind, ()), *sorted(self.names.get(kind, ()))]
            if not names:
                return None
            name = names[0] if _WORD.fullmatch(names[0]) else f"'{names[0]}'"
            form = form.replace(f"<{kind}>", name, 1)
        return form

    def tell(self, form: str, question: Question) -> str:
        """A form with the names of the question, a stretch of time as people write it."""
        for kind, names in question.names.items():
            for name in names:
                is_word = _WORD.fullmatch(name) is not None
                told = tell_period(name) if f"<{kind}>" == TIME else name
                said = told if is_word or told != name else f"'{name}'"
                form = form.replace(f"<{kind}>", said, 1)
        return form

    def _join(
        self, parts: Sequence[tuple[str, bool]], usual: Collection[str]
    ) -> Iterator[tuple[str, bool]]:
        """Words that are one name of the home by spaces for its dashes, "desk south", as one in quotation marks."""
        spaced = _space_names(self.names, usual)
        at = 0
        while at < len(parts):
            for length in range(_MOST_JOINED, 1, -1):
                run = parts[at : at + length]
                said = " ".join(part.lower() for part, _ in run)
                name = spaced.get(said) or spaced.get(said.removesuffix("s"))
                if name and len(run) == length and not any(q for _, q in run):
                    yield name, True
                    at += length
                    break
            else:
                yield parts[at]
                at += 1

    def _is_named(self, said: Sequence[str], at: int, meant: Sequence[str]) -> bool:
        """Whether the words beside one that may be usual say that it is a name: "left camera", "... from left"."""
        word, is_last = said[at], at + 1 == len(said)
        if at and is_last and said[at - 1] in _BEFORE_SENSOR:
            return word in self.names.get("sensor", ())
        before = meant[at - 1] if at else ""
        after = meant[at + 1] if at + 1 < len(meant) and meant[at] else ""
        of_label = self.names.get("class", ()) if after == "label" else ()
        return any(
            word in names
            for names in (
                self.names.get(before, ()),
                self.names.get(after, ()),
                of_label,
            )
        )

    def _find(
        self, part: str, usual: Collection[str], meant: Sequence[str]
    ) -> tuple[str, str]:
        """The kind and name of a word; kinds that the question speaks of come first."""
        lowered = part.lower()
        kinds = sorted(self.names, key=lambda kind: kind not in meant)
        for spelled in dict.fromkeys(
            (part, lowered, lowered.removesuffix("s"), lowered.removesuffix("es"))
        ):
            if spelled.lower() in usual:
                continue
            for kind in kinds:
                if spelled in self.names[kind]:
                    return kind, spelled
        named = [s for s in self.names["session"] if lowered in s.split("-")[1:]]
        if len(named) == 1 and lowered not in usual:
            return "session", named[0]
        if _RUN.fullmatch(lowered):
            return "run", lowered
        if _ID.fullmatch(lowered) and any(c.isdigit() for c in lowered):
            return self._find_id(lowered)
        return "", ""

    def _find_id(self, beginning: str) -> tuple[str, str]:
        if self.catalog is None:
            return "id", beginning
        for kind, (table, column) in _TABLES_OF_IDS.items():
            where = f"starts_with({column}, '{beginning}')"
            rows = self.catalog.read_latest(table, [column], where)
            if len(rows[column].unique()) == 1:
                return kind, str(rows[column][0])
        return "id", beginning


def list_names(world: World) -> Known:
    """All that the home has names for."""
    catalog = world.catalog
    landed = world.zone.look_around().sessions
    released = catalog.read_latest("releases", ["class_names"])["class_names"]
    assets = list_assets()
    return Known(
        {
            "session": list_known_sessions(catalog, landed),
            "sensor": _list_column(catalog, "frames", "sensor"),
            "task": frozenset(all_task_names()),
            "asset": frozenset([*assets, *_list_nouns(assets)]),
            "table": frozenset([*TABLES, *VIEWS, "files"]),
            "class": {
                *_list_column(catalog, "labels", "class_name"),
                *(name for names in released.to_pylist() for name in names or ()),
            },
        },
        catalog,
    )


def _space_names(
    names: Mapping[str, Collection[str]], usual: Collection[str]
) -> dict[str, str]:
    """Names of several words as people say them -> as they are; none that two have, or that says usual words alone."""
    found: dict[str, set[str]] = {}
    for kind in _JOINED:
        for name in names.get(kind, ()):
            words = re.split(r"[-_ ]+", name.lower())
            if len(words) > 1 and not set(words) <= set(usual):
                found.setdefault(" ".join(words), set()).add(name)
    return {said: min(some) for said, some in found.items() if len(some) == 1}


def _list_column(catalog: Catalog, table: str, column: str) -> frozenset[str]:
    """The values that there are."""
    values = catalog.read_latest(table, [column])[column].unique()
    return frozenset(values.drop_null().to_pylist())


def _list_words(part: str) -> list[str]:
    """A date as one word, other words by their letters and digits."""
    return re.findall(r"\d{4}-\d{2}-\d{2}|[a-z0-9]+", part)


def _take_number(word: str, found: dict[str, list[str]]) -> str:
    if not re.fullmatch(r"\d{1,4}", word):
        return word
    found.setdefault("number", []).append(word)
    return "<number>"


def _find_looked_for(text: str, vocabulary: Collection[str]) -> str:
    """What the home is searched for: all behind "search the documentation for"."""
    of_pages = _PAGES.match(text)
    if of_pages:
        return of_pages["text"].strip(" ?.!\"'")
    match = _SEARCH.match(text)
    if (
        match is None
        or match["text"].lower() in ("for", "about", "the", "in")
        or mend(match["verb"].lower(), vocabulary) != "search"
    ):
        return ""
    return match["text"].strip(" ?.!\"'")


def _list_nouns(assets: Sequence[str]) -> Iterator[str]:
    """Those without their stage that one asset alone has."""
    nouns = [asset.partition("/")[2] for asset in assets]
    return (noun for noun in nouns if nouns.count(noun) == 1 and "_" in noun)


def list_quoted(text: str) -> tuple[str, ...]:
    """What stands in quotation marks."""
    return tuple(part for part, is_quoted in _split(text) if is_quoted)


def _split(text: str) -> Iterator[tuple[str, bool]]:
    """Words, and what stands in quotation marks as one."""
    end = 0
    for match in _QUOTED.finditer(text):
        yield from ((word, False) for word in _WORD.findall(text[end : match.start()]))
        yield next(part for part in match.groups() if part is not None), True
        end = match.end()
    yield from ((word, False) for word in _WORD.findall(text[end:]))
