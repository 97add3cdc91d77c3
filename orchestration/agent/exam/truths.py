"""What is right, computed from the tables of a home with plain Python: no tool, no SQL and no code that tools call.

Belongs here: a function a kind of question. Names are those that the question is about, ids as they were shortened.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES

Names: TypeAlias = Mapping[str, str]
Pair: TypeAlias = tuple[object, object]


@dataclass(frozen=True)
class Truth:
    """What an answer must say.

    `numbers`: each of them. `pairs`: these rows of two columns, no others. `names`: of `all_names` these, no others.
    """

    numbers: tuple[float, ...] = ()
    pairs: frozenset[Pair] | None = None
    names: frozenset[str] = frozenset()
    all_names: frozenset[str] = frozenset()


FindTruth: TypeAlias = Callable[[Catalog, Names], Truth]


def number_of(table: str, **equal: str) -> FindTruth:
    """How many rows of a table there are whose columns have the names of these kinds."""

    def find(catalog: Catalog, names: Names) -> Truth:
        return Truth((sum(1 for _ in list_rows(catalog, table, names, equal)),))

    return find


def number_of_different(table: str, column: str) -> FindTruth:
    """How many values a column has."""
    return lambda catalog, names: Truth((len(list_values(catalog, table, column)),))


def counts_by(table: str, column: str, **equal: str) -> FindTruth:
    """How many rows each value of a column has."""

    def find(catalog: Catalog, names: Names) -> Truth:
        counts = Counter(
            r[column] for r in list_rows(catalog, table, names, equal, column)
        )
        return Truth(pairs=frozenset(counts.items()))

    return find


def names_in(table: str, column: str, **equal: str) -> FindTruth:
    """The values of a column, of all that it has."""

    def find(catalog: Catalog, names: Names) -> Truth:
        mine = frozenset(
            str(r[column]) for r in list_rows(catalog, table, names, equal, column)
        )
        return Truth(names=mine, all_names=list_values(catalog, table, column))

    return find


def frames_of_both(catalog: Catalog, names: Names) -> Truth:
    """How many frames each of two sessions has."""
    counts = Counter(row["session"] for row in read_rows(catalog, "frames", "session"))
    return Truth((counts[names["session"]], counts[names["session2"]]))


def largest(catalog: Catalog, names: Names) -> Truth:
    """The session with the most frames; equal ones are all of them."""
    counts = Counter(row["session"] for row in read_rows(catalog, "frames", "session"))
    most = max(counts.values())
    largest_ones = frozenset(s for s, count in counts.items() if count == most)
    return Truth((most,), names=largest_ones, all_names=frozenset(counts))


def open_questions(catalog: Catalog, names: Names) -> Truth:
    """How many frames of the queue nobody has labelled yet."""
    states = Counter(row["state"] for row in read_rows(catalog, "label_queue", "state"))
    return Truth((states["open"],))


def held_sessions(catalog: Catalog, names: Names) -> Truth:
    """How many sessions, or of the one that is named, are held back."""
    rows = read_rows(catalog, "publications", "session", "is_held")
    held = {row["session"] for row in rows if row["is_held"]}
    return Truth((len(held & {names["session"]} if "session" in names else held),))


def champion(catalog: Catalog, names: Names) -> Truth:
    """The model that is champion of the task; nothing where there is none."""
    rows = read_rows(catalog, "champions", "task", "model_sha256")
    mine = {row["model_sha256"] for row in rows if row["task"] == names["task"]}
    known = list_values(catalog, "models", "model_sha256")
    return Truth(names=frozenset(mine), all_names=known)


def frames_between(catalog: Catalog, names: Names) -> Truth:
    """How many frames came with the second release, and how many went."""
    found: dict[str, set[str]] = {"release": set(), "release2": set()}
    for row in read_rows(catalog, "release_frames", "release_id", "frame_id"):
        for which, frames in found.items():
            if row["release_id"].startswith(names[which]):
                frames.add(row["frame_id"])
    old, new = found["release"], found["release2"]
    return Truth((len(new - old), len(old - new), len(old & new)))


def whole_id(catalog: Catalog, names: Names) -> Truth:
    """The whole id of what is traced, and for a frame that of its recording."""
    places = {"frame": ("frames", "frame_id"), "model": ("models", "model_sha256")}
    places["release"] = ("releases", "release_id")
    ((kind, begun),) = names.items()
    table, column = places[kind]
    found = {v for v in list_values(catalog, table, column) if v.startswith(begun)}
    if kind == "frame":
        rows = read_rows(catalog, "frames", "frame_id", "capture_id")
        found |= {r["capture_id"] for r in rows if r["frame_id"] in found}
    return Truth(names=frozenset(found), all_names=frozenset(found))


def all_tables(catalog: Catalog, names: Names) -> Truth:
    """The names of all tables."""
    return Truth(names=frozenset(TABLES), all_names=frozenset(TABLES))


def shown_columns(catalog: Catalog, names: Names) -> Truth:
    """The columns of a table that are neither personal nor restricted."""
    columns = TABLES[names["table"]].columns
    shown = frozenset(c.name for c in columns if c.privacy in ("public", "internal"))
    return Truth(names=shown, all_names=frozenset(c.name for c in columns))


def list_rows(
    catalog: Catalog, table: str, names: Names, equal: Mapping[str, str], *more: str
) -> Iterator[dict[str, Any]]:
    """Rows whose columns begin with these names: ids are shortened, other names are whole."""
    for row in read_rows(catalog, table, *equal, *more):
        if all(_is(row[column], column, names[kind]) for column, kind in equal.items()):
            yield row


def read_rows(catalog: Catalog, table: str, *columns: str) -> list[dict[str, Any]]:
    """The newest rows of a table; without columns those of its key."""
    names = dict.fromkeys(columns or (TABLES[table].key,))
    rows: list[dict[str, Any]] = catalog.read_latest(table, list(names)).to_pylist()
    return rows


def list_values(catalog: Catalog, table: str, column: str) -> frozenset[str]:
    """The values of a column, without null."""
    rows = read_rows(catalog, table, column)
    return frozenset(r[column] for r in rows if r[column] is not None)


def _is(value: object, column: str, name: str) -> bool:
    is_id = column.endswith(("_id", "_sha256"))
    return str(value).startswith(name) if is_id else value == name
