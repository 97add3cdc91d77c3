"""Leave of a table its newest rows alone, in files that hold nothing else: bytes of deleted rows and old versions go.

Releases and lineage look at older versions, for rows that the newest has no more: of files that were deleted, replaced
or forgotten. One version is made that has those beside the newest rows, and takes the place of all that were pinned.
It is the newest one for as long as two commits take.

Only for who is alone with the tables. Killed anywhere it is finished by being called again: versions go last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assets.disk import sync, write_synced
from assets.tables.catalog import PUBLISHED, Catalog
from assets.tables.commits import (
    begin_anew,
    drop_history,
    drop_tag,
    move_tag,
    write_out_deleted,
)
from assets.tables.presence import being_first, can_tell, is_alone
from assets.tables.schemas import TABLES
from assets.tables.seals import drop_seals, seal_tables

if TYPE_CHECKING:
    import lance

_BATCH_BYTES = 8 << 20
_MAX_BATCH_ROWS = 8192
_OTHERS = "`daguerre ui`, `browse`, `serve`, a run"
_KEPT_AT_ONCE = 256  # rows with their payloads, of those that only old versions have
# (N,) rows of a table with all columns of ids -> (N,) whether they are to be in no version
IsGoing = Callable[[pa.Table], pa.Array]


@dataclass(frozen=True)
class Purged:
    """What became of a table. `pinned` is the version that now stands for all that were pinned before."""

    table: str
    version: int
    pinned: int
    num_kept: int  # rows that older versions alone had, and that stay there
    bytes_before: int
    bytes_after: int


def purge_table(
    catalog: Catalog,
    name: str,
    is_going: IsGoing,
    notes: Path,
    is_said_alone: bool = False,
) -> Purged:
    """Leave the newest rows, and those of pinned versions that are not going; `notes` keeps what is under way.

    Raises ValueError where another process has the tables open, see `require_alone`.
    """
    require_alone(catalog, is_said_alone)
    before = _measure(catalog, name)
    dataset = catalog.open_stored(name)
    note = notes / f"kept-{name}.json"
    with being_first(dataset.uri) as is_first:
        if not is_first:
            raise ValueError(f"table '{name}' is being tidied: try again")
        _take_away_kept(catalog, name, note)
        dataset.checkout_latest()
        write_out_deleted(dataset, _count_batch_rows(dataset))
        tags = {t: int(f["version"]) for t, f in dataset.tags.list().items()}
        pinned, num_kept = _gather(catalog, name, dataset, tags, is_going, note)
        _take_away_kept(catalog, name, note)
        dataset.checkout_latest()
        newest = begin_anew(dataset)
        pinned = pinned if num_kept else newest
        for tag in tags.keys() - {PUBLISHED}:
            move_tag(dataset, tag, pinned)
        drop_tag(dataset, PUBLISHED)
        _publish_at(catalog, name, newest)
        drop_history(dataset, {pinned})
    drop_seals(catalog, name)
    seal_tables(catalog, [name])
    return Purged(name, newest, pinned, num_kept, before, _measure(catalog, name))


def require_alone(catalog: Catalog, is_said: bool) -> None:
    """Raises ValueError where another process has the tables open, which may read what would go, or write.

    In a bucket that does not show; there `is_said` counts, that a person has ended all others.
    """
    if is_alone(catalog.uri, is_said):
        return
    if not can_tell(catalog.uri):
        raise ValueError(
            f"nobody can tell who has the tables of {catalog.uri} open, and a writer would lose rows: end every "
            f"process that works with them, on all machines ({_OTHERS}), then call this again with --alone"
        )
    raise ValueError(
        f"another process has the tables of {catalog.uri} open, and may read what is to go: end it "
        f"({_OTHERS}), then call this again"
    )


def _gather(
    catalog: Catalog,
    name: str,
    dataset: lance.LanceDataset,
    tags: dict[str, int],
    is_going: IsGoing,
    note: Path,
) -> tuple[int, int]:
    """The version with the rows that only pinned versions have, and how many these are; the newest where none are."""
    versions = sorted({v for t, v in tags.items() if t != PUBLISHED}, reverse=True)
    key = TABLES[name].key
    known = {*dataset.to_table(columns=[key])[key].to_pylist()} if versions else set()
    wanted = []
    for version in versions:
        keys = [
            k
            for k in _list_staying(catalog.dataset(name, version), is_going, key)
            if k not in known
        ]
        known.update(keys)
        if keys:
            wanted.append((version, keys))
    if not wanted:
        return int(dataset.version), 0
    every = [k for _, keys in wanted for k in keys]
    write_synced(note, json.dumps(every).encode())
    sync(note.parent)
    for version, keys in wanted:
        for rows in _read_rows(catalog, name, version, keys):
            catalog.merge(name, rows)
    return catalog.latest_version(name), len(every)


def _list_staying(
    dataset: lance.LanceDataset, is_going: IsGoing, key: str
) -> Iterator[str]:
    heavy = {f.name for f in dataset.schema if f.type == pa.large_binary()}
    columns = [n for n in dataset.schema.names if n not in {*heavy, "vector"}]
    for batch in dataset.scanner(columns=columns, batch_size=65_536).to_batches():
        rows = pa.Table.from_batches([batch])
        yield from rows[key].filter(pc.invert(is_going(rows))).to_pylist()


def _read_rows(
    catalog: Catalog, name: str, version: int, keys: list[str]
) -> Iterator[pa.Table]:
    for start in range(0, len(keys), _KEPT_AT_ONCE):
        some = keys[start : start + _KEPT_AT_ONCE]
        yield catalog.read_of(name, None, TABLES[name].key, some, version)


def _take_away_kept(catalog: Catalog, name: str, note: Path) -> None:
    """Delete from the newest version what only the pinned one is to have, and what a killed call has left there."""
    if note.exists():
        catalog.delete_keys(name, json.loads(note.read_text()))
        note.unlink()


def _publish_at(catalog: Catalog, name: str, version: int) -> None:
    """Let readers follow the version that is left; of sessions that are held or not judged yet they see nothing."""
    for decision in catalog.publications(name):
        if not decision["is_held"]:
            catalog.publish(name, decision["session"], version)
            return


def _count_batch_rows(dataset: lance.LanceDataset) -> int:
    """So many rows as fit into the memory of a batch."""
    num_bytes = sum(
        file.file_size_bytes or 0
        for fragment in dataset.get_fragments()
        for file in fragment.metadata.files
    )
    num_rows = max(1, dataset.count_rows())
    return max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES * num_rows // max(1, num_bytes)))


def _measure(catalog: Catalog, name: str) -> int:
    from assets.storage import Folder
    from assets.tables.table_place import to_file_options

    place = f"{catalog.uri}/{name}.lance"
    files = Folder(place, to_file_options(catalog.storage_options)).files()
    return sum(file.size_bytes for file in files)
