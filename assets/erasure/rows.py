"""Which rows of every table are of a subject, and how they go: deleted, or without the one value that tells of it.

A row goes that is of a session or capture of the subject, or that names one of its frames or pictures. Rows of others
that only name a group by one of its frames stay, under another name for the group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from assets.erasure.redaction import Redactor
from assets.erasure.subject import Subject
from assets.tables.catalog import Catalog, is_in
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.schemas.table import TEXT

_FRAMES = (
    *("frame_id", "other_frame_id", "color_frame_id", "nearest_frame_id"),
    *("duplicate_of", "cluster_id", "group_id"),
)
_PICTURES = ("sha256", "frame_sha256", "image_sha256", "original_sha256")
_PATHS = ("source_path", "path")
_ASKED = (*_FRAMES, *_PICTURES, *_PATHS, "capture_id", "session")
_SESSIONS = ("session",)
_LISTS = {"frame_ids": _FRAMES, "frame_sha256s": _PICTURES, "sessions": _SESSIONS}
# of rows of others: words of people and rules, which may name a session, as reasons do
_TELLING = frozenset(
    {"slice_value", "calibrated_in", "what", "place", "cause", "remedy", "summary"}
    | {"objection", "told", "notes", "why", "why_not"}
)
# by their group alone: what others say stays
_GROUPED = {"frame_scores": "group_id"}
# what is read anew of all sessions with the next question, and may tell of this one in its words
_RETOLD = {"documents": "kind <> 'page'"}
# whose list of sessions follows from their frames, which is another module's
_NOT_ROWS = ("releases",)
_AT_ONCE = 10_000
_WHOLE_AT_ONCE = 100  # rows with all that they hold
_BATCH = 65_536


@dataclass(frozen=True)
class Going:
    """What of a table goes: all rows of `sessions`, and those with `keys`. `num_rows` counts both."""

    table: str
    sessions: tuple[str, ...]
    keys: tuple[str, ...]
    num_rows: int
    regrouped: int = 0  # rows of others that stay, under another name of their group
    shortened: int = 0  # rows of others whose lists lose an entry

    @property
    def conditions(self) -> Iterator[str]:
        """Filters for the rows, ten thousand values each."""
        key = TABLES[self.table].key
        for column, values in (("session", self.sessions), (key, self.keys)):
            for start in range(0, len(values), _AT_ONCE):
                yield is_in(column, values[start : start + _AT_ONCE])
        if self.table in _RETOLD:
            yield _RETOLD[self.table]


def find_going(catalog: Catalog, subject: Subject) -> Iterator[Going]:
    """What goes of each table that has something, newest version. Reads columns of ids, a batch at a time."""
    for name in catalog.names():
        if name not in _NOT_ROWS:
            going = _find_in(catalog, subject, name)
            if going.num_rows or going.regrouped or going.shortened:
                yield going


def drop(catalog: Catalog, going: Going) -> None:
    """Delete the rows, and mend those that stay. Called again it finds nothing to do."""
    if going.num_rows:
        for where in going.conditions:
            catalog.delete(going.table, where)


def mend(catalog: Catalog, subject: Subject, name: str) -> None:
    """Give rows that stay another name for a group named like a frame that goes, and take its entries out of lists."""
    known = set(TABLES[name].schema.names)
    if name in _GROUPED and catalog.exists(name):
        _regroup(catalog, subject, name, _GROUPED[name])
    if _LISTS.keys() & known and catalog.exists(name):
        _shorten(catalog, subject, name)


def find_telling(catalog: Catalog, name: str, redactor: Redactor) -> list[str]:
    """Keys of the rows with a text that names something of the subject, newest version."""
    key = TABLES[name].key
    columns = _list_telling(name)
    if not columns:
        return []
    stored = catalog.open_stored(name)
    found = []
    for batch in stored.scanner(
        columns=[key, *columns], batch_size=_BATCH
    ).to_batches():
        is_telling = pa.repeat(False, len(batch))
        for column in columns:
            texts = pc.unique(batch[column]).drop_null().to_pylist()
            told = [t for t in texts if _retell(redactor, column, t) != t]
            mine = pc.is_in(batch[column], value_set=pa.array(told, pa.string()))
            is_telling = pc.or_(is_telling, mine)
        found += batch[key].filter(is_telling).to_pylist()
    return found


def retell(catalog: Catalog, name: str, redactor: Redactor) -> int:
    """Take what names the subject out of texts of rows that stay; in how many. Done again it finds nothing."""
    due = find_telling(catalog, name, redactor)
    columns = _list_telling(name)
    for start in range(0, len(due), _WHOLE_AT_ONCE):
        mine = is_in(TABLES[name].key, due[start : start + _WHOLE_AT_ONCE])
        rows = catalog.read_latest(name, None, mine).to_pylist()
        changed = [
            row | {c: row[c] and _retell(redactor, c, row[c]) for c in columns}
            for row in rows
        ]
        catalog.upsert(name, to_table(TABLES[name], changed))
    return len(due)


def _list_telling(name: str) -> list[str]:
    return [
        column.name
        for column in TABLES[name].columns
        if column.type == TEXT
        and not column.values
        and (column.name in _TELLING or column.name.endswith("reason"))
    ]


def _retell(redactor: Redactor, column: str, text: str) -> str:
    return redactor.redact_place(text) if column == "place" else redactor.redact(text)


def match_rows(subject: Subject, rows: pa.Table) -> pa.Array:
    """(N,) whether rows of any table, with all its columns of ids, are of the subject."""
    asked = [c for c in _ASKED if c in rows.column_names]
    return pc.or_(_is_of_sessions(rows, subject), _is_named(rows, subject, asked))


def _find_in(catalog: Catalog, subject: Subject, name: str) -> Going:
    table = TABLES[name]
    stored = catalog.open_stored(name)
    has = set(stored.schema.names)
    wanted = [c for c in _ASKED if c in has]
    lists = [c for c in _LISTS if c in has]
    retold = stored.count_rows(_RETOLD[name]) if name in _RETOLD else 0
    if not wanted and not lists:
        return Going(name, (), (), retold)
    keys: list[str] = []
    sessions: set[str] = set()
    num_rows = regrouped = shortened = 0
    columns = list(dict.fromkeys([table.key, *wanted, *lists]))
    for batch in stored.scanner(columns=columns, batch_size=_BATCH).to_batches():
        rows = pa.Table.from_batches([batch])
        is_whole = _is_of_sessions(rows, subject)
        grouped = _GROUPED.get(name, "")
        is_named = _is_named(rows, subject, [c for c in wanted if c != grouped])
        mine = pc.or_(is_whole, is_named)
        num_rows += pc.sum(mine).as_py() or 0
        if "session" in has:
            sessions |= set(rows["session"].filter(is_whole).unique().to_pylist())
        only_named = pc.and_(is_named, pc.invert(is_whole))
        keys += rows[table.key].filter(only_named).to_pylist()
        others = rows.filter(pc.invert(mine))
        if grouped:
            regrouped += pc.sum(_is_named(others, subject, [grouped])).as_py() or 0
        shortened += _count_shortened(others, subject, lists)
    return Going(
        name,
        tuple(sorted(sessions)),
        tuple(keys),
        num_rows + retold,
        regrouped,
        shortened,
    )


def _is_of_sessions(rows: pa.Table, subject: Subject) -> pa.Array:
    if "session" not in rows.column_names:
        return pa.repeat(False, len(rows))
    whole = pa.array(subject.sessions, pa.string())
    return _one(pc.is_in(rows["session"], value_set=whole))


def _is_named(rows: pa.Table, subject: Subject, columns: list[str]) -> pa.Array:
    found = pa.repeat(False, len(rows))
    captures = pa.array(subject.captures, pa.string())
    if "session" in columns:
        found = _is_of_files(rows, subject)
    for column in columns:
        if column in ("session", *_PATHS):
            continue
        values = {"capture_id": captures}.get(column, subject.frame_ids)
        if column in _PICTURES:
            values = subject.hashes
        found = pc.or_(found, _one(pc.is_in(rows[column], value_set=values)))
        if column == "group_id":  # of a recording
            found = pc.or_(found, _one(pc.is_in(rows[column], value_set=captures)))
    return found


def _is_of_files(rows: pa.Table, subject: Subject) -> pa.Array:
    """Whether a row came from a file of the subject, of a session of which others stay."""
    path = next((c for c in _PATHS if c in rows.column_names), None)
    if path is None or not len(subject.places):
        return pa.repeat(False, len(rows))
    outer = pc.replace_substring_regex(rows[path], "!/.*", "")
    places = pc.binary_join_element_wise(rows["session"], outer, "/")
    return _one(pc.is_in(places, value_set=subject.places))


def _count_shortened(rows: pa.Table, subject: Subject, lists: list[str]) -> int:
    is_mine = pa.repeat(False, len(rows))
    for name in lists:
        column = rows[name].combine_chunks()
        hits = pc.is_in(column.flatten(), value_set=_values(subject, name))
        parents = pc.list_parent_indices(column).filter(hits).unique()
        places = pa.array(range(len(rows)), parents.type)
        is_mine = pc.or_(is_mine, pc.is_in(places, value_set=parents))
    return pc.sum(is_mine).as_py() or 0


def _regroup(catalog: Catalog, subject: Subject, name: str, column: str) -> None:
    key = TABLES[name].key
    ids = catalog.read_latest(name, [key, column])
    mine = ids.filter(_is_named(ids, subject, [column]))[key].to_pylist()
    for start in range(0, len(mine), _AT_ONCE):
        rows = catalog.read_latest(
            name, None, is_in(key, mine[start : start + _AT_ONCE])
        )
        named = [content_id("erased", group) for group in rows[column].to_pylist()]
        at = rows.column_names.index(column)
        catalog.upsert(name, rows.set_column(at, column, pa.array(named)))


def _shorten(catalog: Catalog, subject: Subject, name: str) -> None:
    known = {n: set(_values(subject, n).to_pylist()) for n in _LISTS}
    changed = []
    for row in catalog.read_latest(name).to_pylist():
        lists = {n: row[n] for n in _LISTS if row.get(n)}
        places = {
            at
            for n, some in lists.items()
            for at, v in enumerate(some)
            if v in known[n]
        }
        if places:
            left = {
                n: [v for at, v in enumerate(some) if at not in places]
                for n, some in lists.items()
            }
            changed.append(row | left)
    if changed:
        schema = TABLES[name].schema
        catalog.upsert(name, pa.Table.from_pylist(changed, schema))


def _values(subject: Subject, name: str) -> pa.Array:
    if _LISTS[name] is _SESSIONS:
        return pa.array(subject.sessions, pa.string())
    return subject.frame_ids if _LISTS[name] is _FRAMES else subject.hashes


def _one(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    found = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return pc.fill_null(found, False)
