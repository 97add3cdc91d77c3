"""Read what a gate judges: the gated table at one pinned version, other tables as they are, all in one scope."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.tables.catalog import Catalog, TableMissing, is_in, repr_sql
from assets.tables.schemas import SESSION_KEY, TABLES
from checks.expected import is_bytes, lengths_of_payloads
from checks.verdicts import Rule

PUBLISHED = "published "  # before a table's name: what readers see of all other scopes
SEEN = "seen "  # before a table's name: what readers see of all scopes, this one as it was published before
# what they say is of frames, of other sessions too
_SAID_OF_FRAMES = ("labels", "annotated_frames")
_SPOKEN = "frames spoken of"
_OF_COPIES = ("frame_id", "sha256")
_OF_CLASSES = ("task", "class_name")
Others = Mapping[str, Callable[[], pa.Table]]
# of payloads: about 130 frames in memory
_BATCH_ROWS = 64
_LIGHT_BATCH_ROWS = 8192
_BATCHES_AHEAD = 2
# rows of a scope are taken one by one where there are so many times as many in the table
_FEW = 8
_KEYS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Scope:
    """The rows to judge: those with `value` in `column`, in every table that has the column. Empty column: all rows."""

    column: str = ""
    value: str = ""

    @property
    def session(self) -> str | None:
        """The session that is published or held; None for a table that is published as a whole."""
        return self.value if self.column == "session" else None

    def filter(self, table: str, is_elsewhere: bool = False) -> str | None:
        """The filter on `table`, or its opposite."""
        if not self.column or self.column not in TABLES[table].schema.names:
            return None
        return f"{self.column} {'!=' if is_elsewhere else '='} {repr_sql(self.value)}"


def scope_of(session: str | None) -> Scope:
    """One session, or everything. Raises ValueError for a session key that is not one."""
    if session is None:
        return Scope()
    if not re.match(SESSION_KEY, session):
        raise ValueError(
            f"session '{session}' is no session key: it must match {SESSION_KEY}"
        )
    return Scope("session", session)


class StoredRows:
    """Rows of one scope. The gated table is pinned to the version that was newest when this was made.

    `others` are rows that lie in no table, by the name that rules know them by.
    """

    def __init__(
        self, catalog: Catalog, table: str, scope: Scope, others: Others | None = None
    ) -> None:
        self.catalog = catalog
        self.table = table
        self.scope = scope
        self.others = others or {}
        self._kept: dict[str, pa.Table] = {}
        try:
            self.version: int | None = catalog.latest_version(table)
        except TableMissing:
            self.version = None

    def read(self, name: str, columns: tuple[str, ...] | None = None) -> pa.Table:
        """Rows of the gated table at its pinned version, or of another table.

        "published <table>" has what readers see of other scopes, "seen <table>" what they see of all.
        """
        if name in self.others:
            rows = self.others[name]()
            return rows.select(list(columns)) if columns is not None else rows
        if name == "frames" and self.table in _SAID_OF_FRAMES and self.scope.session:
            return self._read_frames_spoken_of(columns)
        if name.startswith(SEEN):
            return self._read_seen(name.removeprefix(SEEN), columns)
        if name.startswith(PUBLISHED):
            return self._read_elsewhere(name.removeprefix(PUBLISHED), columns)
        if columns is not None and self._is_light(name, columns):
            return self._read_light(name).select(list(columns))
        version = self.version if name == self.table else None
        if version is None:
            return self.catalog.read_latest(name, columns, self.scope.filter(name))
        return self.catalog.read(name, columns, self.scope.filter(name), version)

    def _is_light(self, name: str, columns: tuple[str, ...]) -> bool:
        """Whether these columns of the scope are read once for all rules: to look for its rows costs that of all."""
        if self.scope.filter(name) is None:
            return False
        return not set(columns) & _list_heavy(name)

    def _read_light(self, name: str) -> pa.Table:
        """All columns of the scope but bytes, read once."""
        if name == self.table and self.version is not None:
            return self.read_lengths()
        if name not in self._kept:
            heavy = _list_heavy(name)
            light = [c for c in TABLES[name].schema.names if c not in heavy]
            self._kept[name] = self._read_stream(name, tuple(light))
        return self._kept[name]

    def _read_stream(self, name: str, columns: tuple[str, ...]) -> pa.Table:
        try:
            stream = RowStream(self, name, columns)
        except TableMissing:
            return self.catalog.empty(name, columns)
        return self.catalog.memo.recall(
            stream.dataset, ("stream", columns, stream.filter), stream.to_table
        )

    def _read_elsewhere(self, name: str, columns: tuple[str, ...] | None) -> pa.Table:
        """What readers see of other scopes; where labels are judged, of pictures alone that their frames show too."""
        if self.table not in _SAID_OF_FRAMES or not self.scope.session:
            where = self.scope.filter(name, is_elsewhere=True)
            return self.catalog.read(name, columns, where)
        if name == "frames":
            return self._read_copies().select(list(columns or _OF_COPIES))
        own = self.read("frames", ("frame_id",))["frame_id"]
        copies = self._read_copies()["frame_id"]
        ids = sorted({*own.to_pylist(), *copies.to_pylist()})
        return self._read_of_others(name, columns, "frame_id", ids)

    def _read_of_others(
        self,
        name: str,
        columns: tuple[str, ...] | None,
        column: str,
        values: list[str],
    ) -> pa.Table:
        """Published rows of other sessions with one of the values. Few have one, and their session is looked at then:
        a second condition would cost as much as the first."""
        wanted = columns and tuple(dict.fromkeys([*columns, "session"]))
        rows = self.catalog.read_published_of(name, wanted, column, values)
        rows = rows.filter(pc.not_equal(rows["session"], self.scope.value))
        return rows if columns is None else rows.select(list(columns))

    def _read_seen(self, name: str, columns: tuple[str, ...] | None) -> pa.Table:
        """What readers see of all scopes. Of the classes of labels each is there once, and no more is read when all of
        the session's own have been seen."""
        if name != "labels" or columns != _OF_CLASSES:
            return self.catalog.read(name, columns)
        unseen = _list_pairs(self.read(name, columns))
        seen = [TABLES[name].schema.empty_table().select(columns)]
        for part in self.catalog.read_parts(name, columns):
            seen.append(part.group_by(list(columns)).aggregate([]).select(columns))
            unseen -= _list_pairs(seen[-1])
            if not unseen:
                break
        return pa.concat_tables(seen, promote_options="permissive")

    def _read_copies(self) -> pa.Table:
        """The published frames of other sessions with the bytes of a frame that is spoken of here."""
        key = f"{PUBLISHED}frames"
        if key not in self._kept:
            mine = self.read("frames", ("sha256",))["sha256"].unique().to_pylist()
            self._kept[key] = self._read_of_others("frames", _OF_COPIES, "sha256", mine)
        return self._kept[key]

    def _read_frames_spoken_of(self, columns: tuple[str, ...] | None) -> pa.Table:
        """The session's frames, and those of others that its labels are of: all columns but bytes, read once."""
        if _SPOKEN not in self._kept:
            mine = self._read_light("frames")
            said = set(self.read(self.table, ("frame_id",))["frame_id"].to_pylist())
            others = sorted(said - set(mine["frame_id"].to_pylist()))
            found = [
                self.catalog.read_latest(
                    "frames",
                    mine.schema.names,
                    is_in("frame_id", others[start : start + _KEYS_AT_ONCE]),
                )
                for start in range(0, len(others), _KEYS_AT_ONCE)
            ]
            self._kept[_SPOKEN] = pa.concat_tables([mine, *found])
        spoken = self._kept[_SPOKEN]
        return spoken if columns is None else spoken.select(list(columns))

    def count(self, name: str) -> int:
        """Number of rows in the scope."""
        if self._is_light(name, ()):
            return len(self._read_light(name))
        return len(RowStream(self, name, ())) if self.catalog.exists(name) else 0

    def read_lengths(self) -> pa.Table:
        """All columns of the gated table, payloads as their number of bytes; read once."""
        if self.table not in self._kept:
            self._kept[self.table] = self._read_lengths()
        return self._kept[self.table]

    def _read_lengths(self) -> pa.Table:
        if self.version is None:
            return TABLES[self.table].schema.empty_table()
        stream = RowStream(self, self.table, None)
        batches = [
            lengths_of_payloads(pa.Table.from_batches([batch]))
            for batch in stream.to_batches()
        ]
        if batches:
            return pa.concat_tables(batches)
        return lengths_of_payloads(self.read(self.table))

    def read_for(self, rule: Rule) -> Mapping[str, object]:
        """What the rule's judge takes, by table."""
        streamed = (
            rule.by_batch
            if rule.by_batch and self.catalog.exists(rule.by_batch)
            else None
        )
        return {
            name: RowStream(self, name, columns)
            if name == streamed
            else self.read(name, columns)
            for name, columns in rule.reads.items()
        }


class RowStream:
    """Rows of a stored table that are read batch by batch, as often as asked for."""

    def __init__(
        self, rows: StoredRows, name: str, columns: tuple[str, ...] | None
    ) -> None:
        version = rows.version if name == rows.table else None
        self.catalog = rows.catalog
        self.dataset = rows.catalog.dataset(name, version)
        self.filter = rows.scope.filter(name)
        self._columns = columns
        self.column_names: list[str] = self.dataset.schema.names

    def __len__(self) -> int:
        places = self.find_places()
        return self.dataset.count_rows() if places is None else len(places)

    def to_table(self) -> pa.Table:
        """All rows at once."""
        batches = list(self.to_batches())
        if batches:
            return pa.Table.from_batches(batches)
        none = self.dataset.schema.empty_table()
        return none if self._columns is None else none.select(self._columns)

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, a batch at a time: of few rows where they have payloads."""
        columns = self.column_names if self._columns is None else list(self._columns)
        schema = self.dataset.schema
        is_heavy = any(is_bytes(schema.field(name).type) for name in columns)
        size = _BATCH_ROWS if is_heavy else _LIGHT_BATCH_ROWS
        places = self.find_places()
        if places is not None and len(places) * _FEW <= self.dataset.count_rows():
            for start in range(0, len(places), size):
                some = places[start : start + size]
                yield from self.dataset.take(pa.array(some), columns).to_batches()
            return
        yield from self.dataset.scanner(
            columns=columns,
            filter=self.filter,
            batch_size=size,
            batch_readahead=_BATCHES_AHEAD,
        ).to_batches()

    def find_places(self) -> NDArray[np.uint64] | None:
        """The numbers of the rows in the table, looked for once a version; None of all rows."""
        if self.filter is None:
            return None

        def look() -> NDArray[np.uint64]:
            found = self.dataset.to_table(columns=["_rowoffset"], filter=self.filter)
            return np.asarray(found["_rowoffset"].to_numpy())

        return self.catalog.memo.recall(self.dataset, ("places", self.filter), look)


def _list_pairs(labels: pa.Table) -> set[tuple[str, str]]:
    """Task and class of labels."""
    found = labels.group_by(list(_OF_CLASSES)).aggregate([])
    return set(zip(*(found[name].to_pylist() for name in _OF_CLASSES), strict=True))


def _list_heavy(name: str) -> set[str]:
    """The columns of a table that hold bytes."""
    return {field.name for field in TABLES[name].schema if is_bytes(field.type)}
