"""What a question names of the things of a home: sessions, tasks, assets, classes, tables, ids of models and others.

Belongs here: finding them, and the question with a word for their kind in their place. Does not: what is asked about
them. A name is taken for a name, whatever it says.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from assets.tables.sql import VIEWS
from models.task_names import all_task_names
from orchestration.agent.world import World
from orchestration.plan.making import list_assets, list_known_sessions

_WORD = re.compile(r"[A-Za-z0-9][\w./:-]*[\w]|[A-Za-z0-9]")
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"|`([^`]+)`|“([^”]+)”")
_ID = re.compile(r"[0-9a-f]{6,64}")
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OF_TABLES = frozenset({"table", "column", "columns"})  # words beside a table's name
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


@dataclass(frozen=True)
class Known:
    """The names of a home, by kind."""

    names: Mapping[str, Collection[str]]
    catalog: Catalog

    def read(self, text: str, vocabulary: Collection[str]) -> Question:
        """The question in words. Names that are words of `vocabulary` are names where they stand in quotation marks."""
        found: dict[str, list[str]] = {}
        words: list[str] = []
        parts = list(_split(text))
        if _OF_TABLES & {part.lower() for part, _ in parts}:
            vocabulary = frozenset(vocabulary) - set(self.names["table"])
        for part, is_quoted in parts:
            kind, name = self._find(part, is_quoted, vocabulary)
            if kind:
                found.setdefault(kind, []).append(name)
                words.append(f"<{kind}>")
            elif is_quoted:
                words.append("<unknown>")
            else:
                words += re.findall(r"[a-z0-9]+", part.lower())
        return Question(tuple(words), {k: tuple(v) for k, v in found.items()})

    def _find(
        self, part: str, is_quoted: bool, vocabulary: Collection[str]
    ) -> tuple[str, str]:
        lowered = part.lower()
        for spelled in dict.fromkeys((part, lowered, lowered.removesuffix("s"))):
            if not is_quoted and spelled.lower() in vocabulary:
                continue
            for kind, names in self.names.items():
                if spelled in names:
                    return kind, spelled
        named = [s for s in self.names["session"] if lowered in s.split("-")[1:]]
        if len(named) == 1 and lowered not in vocabulary:
            return "session", named[0]
        if _RUN.fullmatch(lowered):
            return "run", lowered
        if _ID.fullmatch(lowered) and any(c.isdigit() for c in lowered):
            return self._find_id(lowered)
        return "", ""

    def _find_id(self, beginning: str) -> tuple[str, str]:
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
    classes = catalog.read_latest("labels", ["class_name"])["class_name"]
    released = catalog.read_latest("releases", ["class_names"])["class_names"]
    assets = list_assets()
    return Known(
        {
            "session": list_known_sessions(catalog, landed),
            "task": frozenset(all_task_names()),
            "asset": frozenset([*assets, *_list_nouns(assets)]),
            "table": frozenset([*TABLES, *VIEWS, "files"]),
            "class": {
                *classes.drop_null().to_pylist(),
                *(name for names in released.to_pylist() for name in names or ()),
            },
        },
        catalog,
    )


def _list_nouns(assets: Sequence[str]) -> Iterator[str]:
    """Those without their stage that one asset alone has."""
    nouns = [asset.partition("/")[2] for asset in assets]
    return (noun for noun in nouns if nouns.count(noun) == 1 and "_" in noun)


def _split(text: str) -> Iterator[tuple[str, bool]]:
    """Words, and what stands in quotation marks as one."""
    end = 0
    for match in _QUOTED.finditer(text):
        yield from ((word, False) for word in _WORD.findall(text[end : match.start()]))
        yield next(part for part in match.groups() if part), True
        end = match.end()
    yield from ((word, False) for word in _WORD.findall(text[end:]))
