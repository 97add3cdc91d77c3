"""Seal table versions: the sha256 of every file that a version rests on, kept in two copies beside the tables.

Lance writes no checksums: a flipped bit in a data file reads as another value, and without its newest manifest a table
shows the version before. Files of a version never change once they are written, so a seal is written once, hashes only
what the seal before it did not hold, and re-hashing the files proves the version, also where they lie in a bucket.

A version that a tag names stays sealed; of the others only the newest does, so that what is cleaned away is not missed.
Where seals lie says `assets.tables.seal_store`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from assets.tables.catalog import PUBLISHED, Catalog, TableMissing
from assets.tables.durable import list_files, sync_version
from assets.tables.schemas import TABLES
from assets.tables.seal_store import GONE, Broken, Seal, SealStore, version_of_seal


def seal_tables(
    catalog: Catalog, names: Sequence[str] = tuple(TABLES)
) -> dict[str, int]:
    """Seal the newest version of these tables and those that tags name; table -> newest version, of what was sealed.

    Costs one listing of the seals a table, and one reading of each file that is new since the last seal. What readers
    need of a table that is not there yet is nothing.
    """
    store = _open_store(catalog)
    return {
        name: version
        for name in names
        if (version := _seal_table(catalog, name, store)) is not None
    }


def find_broken(catalog: Catalog) -> Iterator[Broken | None]:
    """Hash every sealed file again, and the seals themselves: None for each that is right. Opens no table."""
    store = _open_store(catalog)
    sealed: dict[str, set[str]] = defaultdict(set)
    for table in store.tables():
        for name in store.names(table):
            seal, broken = store.read(table, name)
            yield from broken
            if not broken:
                yield None
            for path, sha256 in (seal.files if seal else {}).items():
                sealed[f"{table}.lance/{path}"].add(sha256)
    for path, hashes in sorted(sealed.items()):
        yield store.check(path, hashes)


def complete_seals(catalog: Catalog, table: str) -> None:
    """Write the second copy of seals whose writer died between the two. A copy that has changed stays, to be found."""
    store = _open_store(catalog)
    for name in store.names(table):
        seal, broken = store.read(table, name)
        if seal and any(one.reason == GONE for one in broken):
            store.write(seal)


def find_missing(catalog: Catalog) -> Iterator[tuple[str, bool]]:
    """Each file that a seal names, below the folder of the tables, and whether it is gone. Reads none of them."""
    store = _open_store(catalog)
    for table in store.tables():
        seals = [store.read(table, name)[0] for name in store.names(table)]
        needed = {path for seal in seals if seal for path in seal.files}
        for path in sorted(needed):
            place = f"{table}.lance/{path}"
            yield place, not store.has(place)


def find_unsealed(
    catalog: Catalog, versions: Iterable[tuple[str, int]]
) -> list[tuple[str, int]]:
    """Those of these (table, version) for which no seal stands."""
    store = _open_store(catalog)
    return [
        (t, v)
        for t, v in versions
        if not any(version_of_seal(n) == v for n in store.names(t))
    ]


def drop_seals(catalog: Catalog, table: str) -> None:
    """Remove all seals of a table whose files were written anew: what is sealed next is hashed as it is."""
    store = _open_store(catalog)
    for name in store.names(table):
        store.drop(table, name)


def _open_store(catalog: Catalog) -> SealStore:
    return SealStore(catalog.uri, catalog.storage_options)


def _seal_table(catalog: Catalog, table: str, store: SealStore) -> int | None:
    """Seal the newest version and the tagged ones, and drop what is sealed of others; None where nothing was new."""
    try:
        dataset = catalog.dataset(table)
    except TableMissing:
        return None
    tagged: dict[int, list[str]] = defaultdict(list)
    for tag, facts in dataset.tags.list().items():
        tagged[int(facts["version"])] += (
            [] if tag == PUBLISHED else [f"_refs/tags/{tag}.json"]
        )  # PUBLISHED moves
    stored = {name: store.find(table, name) for name in store.names(table)}
    known = {
        path: sha256
        for seal in stored.values()
        if seal
        for path, sha256 in seal.files.items()
    }
    kept = set()
    is_new = False
    for version in sorted({dataset.version, *tagged}):
        at = dataset if version == dataset.version else catalog.dataset(table, version)
        sync_version(at)
        paths = [*list_files(at), *tagged.get(version, [])]
        name = next(
            (
                n
                for n, s in stored.items()
                if s and s.version == version and s.files.keys() == set(paths)
            ),
            None,
        )
        if name is None:
            name = store.write(
                Seal(table, version, store.hash_files(table, paths, known))
            )
            is_new = True
        kept.add(name)
    for name in stored.keys() - kept:
        if version_of_seal(name) <= dataset.version and not store.was_rewritten(
            table, stored[name]
        ):
            store.drop(table, name)
    return dataset.version if is_new else None
