"""Take ids, names and pictures of a subject out of texts that say other things besides."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache

from assets.stages import all_stages
from assets.tables.schemas import TABLES
from models.known_tasks import all_task_names

# hex ids and hashes; paths and names
_HEX = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])")
_NAME = re.compile(r"[\w.~+@-]+(?:/[\w.~+@-]+)*")
# frames that are shown; charts are PNG, as everywhere
_PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+")
# what follows a key of JSON, also in JSON that is a text of JSON
_IS_KEY = re.compile(r'\\*" ?:')
# in the configuration of a run of Dagster, which is no class
_CONFIGURED = ("config", "execution", "loggers", "ops", "resources")
_EMPTY = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def list_own_words() -> set[str]:
    """Names of assets, tables, columns and tasks: where such a word stands it means no session."""
    stages = all_stages()
    nouns = {noun for stage in stages for key in stage.session_assets for noun in key}
    columns = {column.name for table in TABLES.values() for column in table.columns}
    return {*TABLES, *nouns, *columns, *(s.name for s in stages), *all_task_names()}


def list_kept_keys(sessions: Iterable[str]) -> set[str]:
    """Those of the names that are keys of JSON by which Dagster or MLflow find what they stored."""
    words = {name for name in sessions if name.isidentifier()}
    return words & _list_library_words() if words else set()


@cache
def _list_library_words() -> frozenset[str]:
    import dagster  # noqa: F401  # its classes are known from here on
    from dagster_shared.serdes import serdes
    from mlflow.protos import service_pb2

    stored = serdes._WHITELIST_MAP.object_serializers.values()
    fields = {name for one in stored for name in one.constructor_param_names}
    messages = service_pb2.DESCRIPTOR.message_types_by_name.values()
    sent = {field.name for one in messages for field in one.fields}
    return frozenset(fields | sent | set(_CONFIGURED))


def _list_forms(name: str) -> set[str]:
    """As it is, and as it stands in JSON, also in JSON that is a text of JSON."""
    once = json.dumps(name)[1:-1]
    return {name, once, json.dumps(once)[1:-1]}


@dataclass
class Redactor:
    """Puts `mark` in the place of each id and name, and an empty picture in that of each JPEG; counts what it did."""

    ids: Collection[str]
    names: Collection[str]
    mark: str
    kept_keys: Collection[str] = ()  # stay as keys of JSON, being words of who reads it
    num_found: int = 0
    _odd: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = frozenset(self.ids)
        self.names = frozenset(form for n in self.names for form in _list_forms(n))
        # which no pattern of names meets: with spaces, say
        odd = (n for n in self.names if not _NAME.fullmatch(n))
        self._odd = sorted(odd, key=lambda n: (-len(n), n))  # parts of others last

    def redact(self, text: str, with_pictures: bool = False) -> str:
        """The text without them; `with_pictures` takes JPEGs out too."""
        text = _HEX.sub(self._replace_id, text) if self.ids else text
        text = _NAME.sub(self._replace_name, text) if self.names else text
        for name in self._odd:
            self.num_found += text.count(name)
            text = text.replace(name, self.mark)
        if with_pictures:
            text, count = _PICTURE.subn(_EMPTY, text)
            self.num_found += count
        return text

    def redact_place(self, text: str) -> str:
        """The same of where something lies, whose name is often that of what it holds: `/out/monday.zip`."""
        text = self.redact(text)
        folder, slash, name = text.rpartition("/")
        stem, dot, ending = name.partition(".")
        return f"{folder}{slash}{self._mark(stem)}{dot}{ending}"

    def _replace_id(self, found: re.Match[str]) -> str:
        return self._put() if found[0] in self.ids else found[0]

    def _replace_name(self, found: re.Match[str]) -> str:
        """Of `/home/landing/monday/images/0.png` what begins at any part of it, and a part that is a name."""
        text = found[0]
        if text in self.kept_keys and _IS_KEY.match(found.string, found.end()):
            return text
        parts = text.split("/")
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            if tail in self.names:
                return "/".join([*map(self._mark, parts[:start]), self._put()])
        return "/".join(map(self._mark, parts))

    def _mark(self, part: str) -> str:
        return self._put() if part in self.names else part

    def _put(self) -> str:
        self.num_found += 1
        return self.mark
