"""What is stored and may be counted: tables, their columns by kind of thing, and how one table leads to another.

Belongs here: one table of tables, and the conditions that follow from it. Does not: questions, and whole statements.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assets.tables.catalog import is_in

# columns by the kind of thing that they name
TABLES: Mapping[str, Mapping[str, str]] = {
    "frames": {"frame": "frame_id", "capture": "capture_id", "session": "session", "sensor": "sensor"},
    "captures": {"capture": "capture_id", "session": "session"},
    "labels": {"label": "label_id", "frame": "frame_id", "capture": "capture_id", "session": "session",
               "class": "class_name", "task": "task"},
    "release_frames": {"frame": "frame_id", "capture": "capture_id", "session": "session", "sensor": "sensor",
                       "release": "release_id", "part": "split"},
    "releases": {"release": "release_id", "task": "task"},
    "models": {"model": "model_sha256", "release": "release_id", "task": "task"},
    "label_queue": {"session": "session", "sensor": "sensor", "task": "task"},
}  # fmt: skip
# where things of a kind are counted, the first that has most of the columns asked for; and how the number is called
PLACES: Mapping[str, Mapping[str, str]] = {
    "frame": {"frames": "stored_frames", "release_frames": "frames", "labels": "labelled_frames"},
    "label": {"labels": "stored_labels"},
    "session": {"captures": "stored_sessions", "frames": "stored_sessions", "labels": "labelled_sessions",
                "release_frames": "sessions"},
    "sensor": {"frames": "sensors", "release_frames": "sensors"},
    "class": {"labels": "labelled_classes"},
    "capture": {"captures": "stored_captures", "frames": "stored_captures", "labels": "labelled_captures"},
    "release": {"releases": "releases", "release_frames": "releases"},
    "model": {"models": "models"},
}  # fmt: skip
# of what a row is one
_ROWS = {"frames": "frame", "captures": "capture", "labels": "label", "release_frames": "frame",
         "releases": "release", "models": "model"}  # fmt: skip
_JOINED_BY = ("frame", "capture", "release")
# a release has the labels of its day, and the table those of today
_APART = frozenset({"labels", "release_frames"})


@dataclass(frozen=True)
class Place:
    """A table in which things of a kind are counted."""

    noun: str
    table: str

    @property
    def column(self) -> str:
        """That which names the things."""
        return TABLES[self.table][self.noun]

    @property
    def number(self) -> str:
        """How many things some rows are."""
        is_one_a_row = _ROWS[self.table] == self.noun
        return "count(*)" if is_one_a_row else f"count(distinct {self.column})"

    @property
    def called(self) -> str:
        """What the number counts."""
        return PLACES[self.noun][self.table]

    def join(self, kind: str) -> tuple[str, str] | None:
        """The rows with a column for a kind, which may stand in another table, and its name; None where none has it."""
        if kind in TABLES[self.table]:
            return self.table, TABLES[self.table][kind]
        for key, other in _list_joins(self.table, kind):
            column = TABLES[other][kind]
            pairs = f"(select distinct {key}, {column} from {other})"
            return f"{self.table} join {pairs} using ({key})", column
        return None

    def have(self, kind: str, names: Sequence[str]) -> str | None:
        """The condition that a row belongs to one of the names; None where no table tells."""
        column = TABLES[self.table].get(kind)
        if column is not None:
            return is_in(column, list(names))
        for key, other in _list_joins(self.table, kind):
            inside = is_in(TABLES[other][kind], list(names))
            return f"{key} in (select {key} from {other} where {inside})"
        return None

    def ever_have(
        self, kind: str, names: Sequence[str], *, is_other: bool = False
    ) -> str | None:
        """The condition that any row of the thing, which may have many, belongs to one of the names, or to another."""
        for table, columns in TABLES.items():
            if {self.noun, kind} <= columns.keys():
                mine = columns[self.noun]
                inside = is_in(columns[kind], list(names))
                where = f"not ({inside})" if is_other else inside
                return f"{mine} in (select {mine} from {table} where {where})"
        return None

    def be_labelled(self) -> str:
        """The condition that there is a label of the thing."""
        column = self.column if self.noun in TABLES["labels"] else "frame_id"
        return f"{column} in (select {column} from labels)"


def find_place(noun: str, kinds: Sequence[str]) -> Place:
    """The table of a noun that has most of these kinds of names."""
    known = {table: sum(k in TABLES[table] for k in kinds) for table in PLACES[noun]}
    return Place(noun, max(known, key=lambda table: known[table]))


def may_have_several(noun: str, kind: str) -> bool:
    """Whether one thing may have several names of a kind: a frame several classes, and one sensor."""
    first = next(iter(PLACES.get(noun, ())), "")
    return kind not in TABLES.get(first, {kind}) and any(
        {noun, kind} <= columns.keys() for columns in TABLES.values()
    )


def has_one(noun: str, kind: str) -> bool:
    """Whether each thing belongs to one of a kind: a frame to a session, a label to a class."""
    first = next(iter(PLACES.get(noun, ())), "")
    return kind != noun and kind in TABLES.get(first, ())


def _list_joins(table: str, kind: str) -> Iterator[tuple[str, str]]:
    """(column, other table) by which a table leads to one with a kind."""
    for key in _JOINED_BY:
        for other, columns in TABLES.items():
            is_joined = {table, other} != _APART and key in TABLES[table]
            if is_joined and {key, kind} <= columns.keys():
                yield columns[key], other
