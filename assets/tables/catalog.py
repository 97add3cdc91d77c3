"""Read and write the tables: Lance datasets below one folder or bucket prefix, with versions, keys and publication.

Write, check, publish: a write makes a new version that nobody reads; when its checks pass, `publish` admits the session
and moves the tag that readers follow; when they fail, `hold` keeps the session out, also from later versions.

Writers race safely for one reason only: the key is declared to Lance as primary key and merges do not use an index on
it (with an index Lance keeps duplicates). Intake puts the ledger in front of this besides.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assets.storage import BlobStore
from assets.tables import upkeep
from assets.tables.commits import (
    commit_first,
    delete_rows,
    merge_rows,
    move_tag,
    pin,
)
from assets.tables.durable import is_local, sync_version
from assets.tables.followed import FollowedRows
from assets.tables.inserting import insert_absent
from assets.tables.memo import Memo
from assets.tables.presence import announce, writing
from assets.tables.recovery import set_aside_broken
from assets.tables.schema_versions import (
    fill_absent,
    follow_schema,
    null_absent,
    require_readable,
    version_of,
    widen,
)
from assets.tables.schemas import TABLES, Table, content_id, to_table
from assets.tables.table_place import TablePlace

if TYPE_CHECKING:
    import lance

PUBLISHED = "published"
_log = logging.getLogger("daguerre.tables")
WHOLE_TABLE = ""  # the session under which a table without sessions is published
_CONFLICT_RETRIES = 20
_KEYS_AT_ONCE = 10_000  # a commit keeps the text of its condition
_PART_ROWS = 8192
_OF_DECISIONS = ("session", "version", "is_held")
_KNOWN_BYTES = 64 << 20  # of manifests and heads of files, at most
_MOST_NAMED = 500  # sessions or keys that a condition names: more are looked up in the rows that were read


class TableMissing(ValueError):
    """The table has no version yet."""


@dataclass(frozen=True)
class Written:
    """What a write did."""

    version: int
    inserted: int
    updated: int = 0


class Catalog:
    """All tables of one Daguerre home. `uri` is a folder or s3://bucket/prefix; options go to Lance's object store.

    Frames of videos point into the blob store: in `blobs_uri`, or else the folder `blobs` beside the tables.
    """

    def __init__(
        self,
        uri: str,
        storage_options: dict[str, str] | None = None,
        blobs_uri: str | None = None,
        blob_options: dict[str, Any] | None = None,
    ) -> None:
        self.uri = uri.rstrip("/")
        self.storage_options = storage_options
        self._blobs_uri = blobs_uri or f"{self.uri.rpartition('/')[0]}/blobs"
        self._blob_options = blob_options
        self._decisions: dict[str, FollowedRows] = {}  # by table
        self.memo = Memo()

    @property
    def blobs(self) -> BlobStore:
        """The stored bytes that rows point into."""
        return BlobStore(self._blobs_uri, self._blob_options)

    # ---- writing -----------------------------------------------------------------------------------------------

    def merge(self, name: str, rows: pa.Table) -> Written:
        """Insert the rows whose key is not there yet. Raises ValueError when two rows of `rows` share a key."""
        return self._merge(name, rows, replace=None)

    def upsert(self, name: str, rows: pa.Table) -> Written:
        """Insert new rows and replace those with an equal key."""
        return self._merge(name, rows, replace="true")

    def upsert_where(self, name: str, rows: pa.Table, condition: str) -> Written:
        """Insert new rows and replace those with an equal key where the condition over `source` and `target` holds."""
        return self._merge(name, rows, replace=condition)

    def delete(self, name: str, where: str) -> int:
        """Delete the matching rows and return the new version. Old versions keep their bytes until they are cleaned."""
        with writing(self.uri):
            dataset = self.dataset(name)
            return delete_rows(dataset, where, _CONFLICT_RETRIES)

    def delete_keys(self, name: str, keys: Sequence[str]) -> None:
        """Delete the rows with these keys, ten thousand a commit: who is killed between two goes on next time."""
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            self.delete(name, is_in(TABLES[name].key, some))

    def sync(self, names: Iterable[str]) -> None:
        """Put the newest version of these tables on disk, whoever has written it: it may be built on then. What lies in
        a bucket is."""
        for name in names if is_local(self.uri) else ():
            with suppress(TableMissing):
                sync_version(self.open_stored(name))

    def tidy(self, name: str, dataset: lance.LanceDataset) -> None:
        """After a commit: merge files and drop versions, where it is time to."""
        upkeep.tidy(self.place(name), dataset, partial(self.published_version, name))

    def _merge(self, name: str, rows: pa.Table, replace: str | None) -> Written:
        """Insert new rows; replace those with an equal key where the condition over `source` and `target` holds."""
        table = TABLES[name]
        rows = rows.select([c.name for c in table.columns]).cast(table.schema)
        require_unique_keys(name, table.key, rows)
        with writing(self.uri):
            dataset = self.open_or_create(name)
            if not len(rows):
                return Written(dataset.version, 0)
            dataset, written = self._put(dataset, table, rows, replace)
        self.tidy(name, dataset)
        return written

    def _put(
        self,
        dataset: lance.LanceDataset,
        table: Table,
        rows: pa.Table,
        replace: str | None,
        is_absent: bool = False,
    ) -> tuple[lance.LanceDataset, Written]:
        """Append few new rows, or merge. Raises OSError after `_CONFLICT_RETRIES` conflicts."""
        options = self.storage_options
        made = insert_absent(dataset, table.key, rows, options, is_absent)
        if made:
            return made, Written(made.version, len(rows))
        stats = merge_rows(dataset, table.key, rows, replace, _CONFLICT_RETRIES)
        return dataset, Written(
            dataset.version, stats["num_inserted_rows"], stats["num_updated_rows"]
        )

    # ---- reading -----------------------------------------------------------------------------------------------

    def read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows that readers may see: the published version without sessions that are held or not yet checked.

        `version` pins one version instead, without that filter. A table that does not exist reads as no rows.
        """
        if version is not None:
            return self._scan(self.dataset(name, version), name, columns, where)
        decisions = self._read_decisions(name)
        published = self._find_published(name, decisions)
        if published is None:
            return self.empty(name, columns)
        dataset = self.dataset(name, published)
        if not TABLES[name].has_session:
            return self._scan(dataset, name, columns, where)
        if len(decisions) <= _MOST_NAMED:
            where = _both(where, _admit(decisions.to_pylist()))
            return self._scan(dataset, name, columns, where)
        wanted = None if columns is None else list(dict.fromkeys([*columns, "session"]))
        question = "rows", None if wanted is None else tuple(wanted), where
        rows = self.memo.recall(
            dataset, question, lambda: self._scan(dataset, name, wanted, where)
        )
        if len(rows):
            rows = rows.filter(_is_admitted(rows["session"], decisions))
        return rows if columns is None else rows.select(list(columns))

    def read_parts(self, name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """What `read` gives of a table that has sessions, part by part, for who may have seen enough before its end."""
        decisions = self._read_decisions(name)
        published = self._find_published(name, decisions)
        if published is None:
            return
        dataset = self.dataset(name, published)
        wanted = list(dict.fromkeys([*columns, "session"]))
        with no_panic(name):
            for batch in dataset.scanner(
                columns=wanted, batch_size=_PART_ROWS, batch_readahead=1
            ).to_batches():
                part = pa.Table.from_batches([batch])
                yield part.filter(_is_admitted(part["session"], decisions)).select(
                    list(columns)
                )

    def read_published_of(
        self,
        name: str,
        columns: Sequence[str] | None,
        column: str,
        values: Sequence[str],
        where: str | None = None,
    ) -> pa.Table:
        """Rows that readers may see, with one of the values in `column`."""
        import pyarrow.compute as pc

        if not values:
            return self.empty(name, columns)
        if len(values) <= _MOST_NAMED:
            return self.read(name, columns, _both(where, is_in(column, values)))
        wanted = columns and list(dict.fromkeys([*columns, column]))
        rows = self.read(name, wanted, where)
        known = pa.array(values, pa.string())
        rows = rows.filter(pc.is_in(rows[column], value_set=known))
        return rows if columns is None else rows.select(list(columns))

    def readable(
        self, name: str, where: str | None = None
    ) -> tuple[lance.LanceDataset, str | None] | None:
        """The published version, and the filter for the rows of it that readers may see; None before the first."""
        decisions = self._read_decisions(name)
        published = self._find_published(name, decisions)
        if published is None:
            return None
        if TABLES[name].has_session:
            where = _both(where, _admit(decisions.to_pylist()))
        return self.dataset(name, published), where

    def readable_of(
        self, name: str, session: str, where: str
    ) -> tuple[lance.LanceDataset, str] | None:
        """The same of one session, whose admission alone is asked for; None where readers may not see it."""
        import pyarrow.compute as pc

        decisions = self._read_decisions(name)
        published = self._find_published(name, decisions)
        asked = pa.chunked_array([[session]], pa.string())
        if published is None or not pc.all(_is_admitted(asked, decisions)).as_py():
            return None
        return self.dataset(name, published), f"{session_is(session)} AND ({where})"

    def open_published(self, name: str) -> lance.LanceDataset | None:
        """The published version, with rows of sessions that readers may not see; None before the first."""
        published = self.published_version(name)
        return None if published is None else self.dataset(name, published)

    def is_admitted(self, name: str, sessions: pa.ChunkedArray) -> pa.ChunkedArray:
        """(N,) whether readers may see rows of these sessions (N,) of a table that has sessions."""
        return _is_admitted(sessions, self._read_decisions(name))

    def read_latest(
        self, name: str, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pa.Table:
        """Rows of the newest version, checked or not: for writers, checks and the query command. Writes nothing."""
        try:
            stored = self.open_stored(name)
        except TableMissing:
            return self.empty(name, columns)
        require_readable(stored.schema, TABLES[name])
        return self._scan(stored, name, columns, where)

    def read_of(
        self,
        name: str,
        columns: Sequence[str] | None,
        column: str,
        values: list[str] | pa.Array | pa.ChunkedArray,
        version: int | None = None,
    ) -> pa.Table:
        """Rows with one of the values in `column`, of the newest version or a pinned one, checked or not."""
        import pyarrow.compute as pc

        known = pa.array(values, pa.string()) if isinstance(values, list) else values
        is_few = len(known) <= _KEYS_AT_ONCE
        where = is_in(column, known.to_pylist()) if is_few else None
        wanted = columns and list(dict.fromkeys([*columns, column]))
        rows = (
            self.read_latest(name, wanted, where)
            if version is None
            else self.read(name, wanted, where, version)
        )
        if not is_few:  # a list of all of them would be compared in one condition
            rows = rows.filter(pc.is_in(rows[column], value_set=known))
        return rows if columns is None else rows.select(list(columns))

    def dataset(self, name: str, version: int | None = None) -> lance.LanceDataset:
        """The Lance dataset, newest or pinned, for random access. Raises TableMissing when there is none.

        The newest has the schema of this code; a pinned one that of the code that wrote it. Raises SchemaMoved where
        it was newer, or where the table has to be upgraded.
        """
        stored = self.open_stored(name, version)
        if version is None:
            return follow_schema(stored, TABLES[name], self.storage_options)
        require_readable(stored.schema, TABLES[name])
        return stored

    def open_stored(self, name: str, version: int | None = None) -> lance.LanceDataset:
        """The Lance dataset with the schema that it was written with. Raises TableMissing when there is none.

        Versions that a power cut took are set aside first, with a warning.
        """
        import lance

        announce(self.uri)
        self._recover(name)
        try:
            with no_panic(name):
                return lance.dataset(
                    self._path(name),
                    version=version,
                    storage_options=self.storage_options,
                    session=None if is_local(self.uri) else _share_session(),
                )
        except (ValueError, FileNotFoundError, OSError) as error:
            if "not found" not in str(error).lower():
                raise
            at = "" if version is None else f" at version {version}"
            raise TableMissing(
                f"table '{name}'{at} does not exist below {self.uri}: ingest a capture first"
            ) from error

    def recover(self, names: Iterable[str]) -> None:
        """Look at the newest version of these tables, once a process, as whoever opens one does."""
        for name in names:
            self._recover(name)

    def _recover(self, name: str) -> None:
        """Bring a local table to its newest whole version, with what was published of it."""
        if not is_local(self.uri):
            return
        loss = set_aside_broken(
            Path(self._path(name)).parent, name, partial(self._take_back, name)
        )
        if loss:
            _log.warning(
                f"{loss.summary}. Its sessions wait to be ingested again; `daguerre status` lists what was lost"
            )

    def _take_back(self, name: str, newest_whole: int) -> None:
        """Hold what was published of versions that are lost: others will have their numbers."""
        if name == "publications":
            return
        lost = [d for d in self.publications(name) if d["version"] > newest_whole]
        if lost:
            ids = [content_id(name, d["session"]) for d in lost]
            self.delete("publications", is_in("publication_id", ids))
        for decision in lost:
            reason = f"version {decision['version']} was lost to a power cut: ingest again, or materialise it again"
            self.hold(name, decision["session"], newest_whole, reason)

    def exists(self, name: str) -> bool:
        """Whether the table is stored, whatever its schema."""
        try:
            self.open_stored(name)
        except TableMissing:
            return False
        return True

    def names(self) -> list[str]:
        """The tables that exist, in the order of the graph."""
        return [name for name in TABLES if self.exists(name)]

    def latest_version(self, name: str) -> int:
        """The version that a reader of the newest rows gets, published or not."""
        return self.dataset(name).version

    def published_version(self, name: str) -> int | None:
        """The version readers follow; None before the first publication.

        The newest admitted one: the tag keeps it from being cleaned away, but of two publishers that race the slower
        one may leave the tag behind.
        """
        return self._find_published(name, self._read_decisions(name))

    def _find_published(self, name: str, decisions: pa.Table) -> int | None:
        import pyarrow.compute as pc

        try:
            tags = self.open_stored(name).tags.list()
        except TableMissing:
            return None
        tag = tags.get(PUBLISHED)
        admitted = decisions.filter(pc.invert(decisions["is_held"]))
        newest = pc.max(admitted["version"]).as_py()
        versions = [newest, None if tag is None else int(tag["version"])]
        return max((v for v in versions if v is not None), default=None)

    # ---- publication -------------------------------------------------------------------------------------------

    def publish(self, name: str, session: str | None, version: int) -> None:
        """Admit the session's rows and move the readers' tag forward to `version`, never back.

        Raises TableMissing when there is no such version.
        """
        dataset = self.dataset(name, version)
        sync_version(dataset)  # another process may have written it
        self._decide(name, session, version, is_held=False, reason="")
        tag = dataset.tags.list().get(PUBLISHED)
        # a tag that moves on is put on disk then, once
        if tag is None or int(tag["version"]) >= version:
            pin(dataset, PUBLISHED, version)
            tag = dataset.tags.list()[PUBLISHED]
        if int(tag["version"]) < version:
            move_tag(dataset, PUBLISHED, version)

    def hold(self, name: str, session: str | None, version: int, reason: str) -> None:
        """Keep the session's rows from readers until a later version of them passes its checks.

        Readers of a table that is judged as a whole (`session` None) stay on the version published before.
        """
        self._decide(name, session, version, is_held=True, reason=reason)

    def publications(self, name: str) -> list[dict[str, Any]]:
        """The newest decision per session: session, version, is_held, reason."""
        rows = self.read_latest(
            "publications", where=f"table_name = {repr_sql(name)}"
        ).to_pylist()
        return sorted(rows, key=lambda row: row["session"])

    def is_judged(self, name: str, session: str) -> bool:
        """Whether there is a decision on the session, whichever."""
        import pyarrow.compute as pc

        return bool(
            pc.index(self._read_decisions(name)["session"], session).as_py() >= 0
        )

    def _read_decisions(self, name: str) -> pa.Table:
        """What `publications` gives of a table, as columns; of what was read before only what is new."""
        try:
            stored = self.open_stored("publications")
        except TableMissing:
            return self.empty("publications", _OF_DECISIONS)
        require_readable(stored.schema, TABLES["publications"])
        return self._follow_decisions(name, stored)

    def _follow_decisions(self, name: str, stored: lance.LanceDataset) -> pa.Table:
        """The decisions on a table in this version of all of them."""
        if name not in self._decisions:
            where = f"table_name = {repr_sql(name)}"
            self._decisions[name] = FollowedRows(_OF_DECISIONS, where)
        with no_panic("publications"):
            return self._decisions[name].read(stored)

    def point(self, pointer: str, target: str) -> None:
        """Make `target` (a release, a model) what `pointer` ("release/detection") names from now on."""
        self.upsert(
            "pointers",
            to_table(TABLES["pointers"], [{"pointer": pointer, "target": target}]),
        )

    def pointed(self, pointer: str) -> str | None:
        """What the pointer names; None before the first time."""
        rows = self.read_latest(
            "pointers", where=f"pointer = {repr_sql(pointer)}"
        ).to_pylist()
        return rows[0]["target"] if rows else None

    def _decide(
        self, name: str, session: str | None, version: int, is_held: bool, reason: str
    ) -> None:
        import pyarrow.compute as pc

        session = session or WHOLE_TABLE
        row = {
            "publication_id": content_id(name, session),
            "table_name": name,
            "session": session,
            "version": version,
            "is_held": is_held,
            "reason": reason,
        }
        table = TABLES["publications"]
        rows = to_table(table, [row])
        with writing(self.uri):
            dataset = self.open_or_create(table.name)
            decided = self._follow_decisions(name, dataset)["session"]
            is_new = pc.index(decided, session).as_py() < 0
            # a late verdict changes nothing
            replace = "source.version >= target.version"
            dataset, _ = self._put(dataset, table, rows, replace, is_new)
        self.tidy(table.name, dataset)

    def admitted(self, name: str) -> str:
        """The filter for rows of sessions that readers may see, of a table that has sessions."""
        return _admit(self.publications(name))

    def place(self, name: str) -> TablePlace:
        """Where a table lies."""
        return TablePlace(self.uri, name, self.storage_options)

    # ---- below -------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        if name not in TABLES:
            raise ValueError(
                f"there is no table '{name}': the tables are {', '.join(TABLES)}"
            )
        return f"{self.uri}/{name}.lance"

    def open_or_create(self, name: str) -> lance.LanceDataset:
        """The newest version; version 1, without rows, where there is none."""
        try:
            return self.dataset(name)
        except TableMissing:
            return self._create(name)

    def _create(self, name: str) -> lance.LanceDataset:
        """Make version 1 without rows, unless another writer has made it by now."""
        schema = widen(pa.schema([]), TABLES[name])
        try:
            return commit_first(self._path(name), schema, self.storage_options)
        except OSError:
            if not self.exists(name):
                raise
            return self.dataset(name)

    def empty(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        """What reads as no rows: of a table that does not exist, too."""
        self._path(name)
        table = TABLES[name].schema.empty_table()
        return table.select(list(columns)) if columns is not None else table

    def _scan(
        self,
        dataset: lance.LanceDataset,
        name: str,
        columns: Sequence[str] | None,
        where: str | None,
    ) -> pa.Table:
        table = TABLES[name]
        wanted = table.schema.names if columns is None else list(columns)
        is_older = version_of(dataset.schema) < table.version
        absent = (
            set(table.schema.names) - set(dataset.schema.names) if is_older else set()
        )
        stored = [column for column in wanted if column not in absent]
        with no_panic(name):
            rows = dataset.to_table(columns=stored, filter=null_absent(where, absent))
        return fill_absent(rows, table, wanted) if absent else rows


@contextmanager
def no_panic(name: str) -> Iterator[None]:
    """Turn a panic inside Lance, which no `except Exception` catches, into ValueError: files are damaged."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        reason = f"table '{name}' cannot be read ({error}): run `daguerre verify` to find the damaged file"
        raise ValueError(reason) from None


def session_is(session: str) -> str:
    """The filter for one session's rows."""
    return f"session = '{_quoted(session)}'"


@lru_cache(maxsize=1)
def _share_session() -> lance.Session:
    """What this process knows of manifests and data files in buckets: to open a table again asks for its newest version
    alone."""
    import lance

    return lance.Session(
        index_cache_size_bytes=_KNOWN_BYTES, metadata_cache_size_bytes=_KNOWN_BYTES
    )


def is_in(column: str, values: Sequence[str]) -> str:
    """The filter `column IN (...)`; no values match no rows."""
    return (
        f"{column} IN ({', '.join(repr_sql(v) for v in values)})" if values else "false"
    )


def repr_sql(value: str) -> str:
    """A text as a literal of SQL, with its quotes."""
    return f"'{_quoted(value)}'"


def _admit(decisions: Sequence[dict[str, Any]]) -> str:
    """The filter for rows of the sessions that these decisions admit."""
    held = [d["session"] for d in decisions if d["is_held"]]
    # judged as a whole: the tag alone decides
    if any(d["session"] == WHOLE_TABLE for d in decisions):
        return f"NOT ({is_in('session', held)})" if held else "true"
    return is_in("session", [d["session"] for d in decisions if not d["is_held"]])


def _is_admitted(sessions: pa.ChunkedArray, decisions: pa.Table) -> pa.ChunkedArray:
    """The same of a column of sessions: a condition that names thousands of them takes longer than the rows."""
    import pyarrow.compute as pc

    held = decisions.filter(decisions["is_held"])["session"].combine_chunks()
    if pc.any(pc.equal(decisions["session"], WHOLE_TABLE)).as_py():
        return pc.invert(pc.is_in(sessions, value_set=held))
    admitted = decisions.filter(pc.invert(decisions["is_held"]))["session"]
    return pc.is_in(sessions, value_set=admitted.combine_chunks())


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _both(left: str | None, right: str) -> str | None:
    if right == "true":
        return left
    return right if left is None else f"({left}) AND ({right})"


def require_unique_keys(name: str, key: str, rows: pa.Table) -> None:
    """Raises ValueError when two rows share a key."""
    import pyarrow.compute as pc

    if pc.count_distinct(rows[key]).as_py() != len(rows):
        counts = rows[key].value_counts().to_pylist()
        twice = next(c["values"] for c in counts if c["counts"] > 1)
        raise ValueError(
            f"two rows for {name} share the key {key} = {twice}: ids must tell rows apart"
        )
