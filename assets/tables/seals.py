"""Seal table versions: the sha256 of every file that a version rests on, kept in two copies beside the tables.

Lance writes no checksums: a flipped bit in a data file reads as another value, and without its newest manifest a table
shows the version before. Files of a version never change once they are written, so a seal is written once, hashes only
what the seal before it did not hold, and re-hashing the files proves the version, also where they lie in a bucket.

`<tables>/_seals/<table>/<version>-<sha256 of the seal>.json` and the same name ending in `.copy`. A version that a tag
names stays sealed; of the others only the newest does, so that what is cleaned away is not missed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assets.disk import make_folder, sync
from assets.storage import Folder, hash_stream
from assets.tables.catalog import PUBLISHED, Catalog, TableMissing
from assets.tables.durable import list_files, sync_version
from assets.tables.schemas import TABLES

if TYPE_CHECKING:
    pass

_FOLDER = "_seals"
_COPIES = ("json", "copy")
_NAME = re.compile(r"(?P<version>[0-9]{20})-(?P<sha256>[0-9a-f]{64})\.(?:json|copy)")
_GONE = "is gone"
_RESTORE = "restore this file from a backup"
_COPY = "copy the other of its two files over it (`.json`, `.copy`)"


@dataclass(frozen=True)
class Seal:
    """One version of a table: path below the table's folder -> sha256."""

    table: str
    version: int
    files: dict[str, str]


@dataclass(frozen=True)
class Broken:
    """One stored file that is not what was sealed. `path` is below the folder of the tables."""

    path: str
    reason: str
    remedy: str


def seal_tables(
    catalog: Catalog, names: Sequence[str] = tuple(TABLES)
) -> dict[str, int]:
    """Seal the newest version of these tables and those that tags name; table -> newest version, of what was sealed.

    Costs one listing of the seals a table, and one reading of each file that is new since the last seal. What readers
    need of a table that is not there yet is nothing.
    """
    store = _SealStore(catalog)
    return {
        name: version
        for name in names
        if (version := _seal_table(catalog, name, store)) is not None
    }


def find_broken(catalog: Catalog) -> Iterator[Broken | None]:
    """Hash every sealed file again, and the seals themselves: None for each that is right. Opens no table."""
    store = _SealStore(catalog)
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
    store = _SealStore(catalog)
    for name in store.names(table):
        seal, broken = store.read(table, name)
        if seal and any(one.reason == _GONE for one in broken):
            store.write(seal)


def find_missing(catalog: Catalog) -> Iterator[tuple[str, bool]]:
    """Each file that a seal names, below the folder of the tables, and whether it is gone. Reads none of them."""
    store = _SealStore(catalog)
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
    store = _SealStore(catalog)
    return [
        (t, v)
        for t, v in versions
        if not any(_version_of(n) == v for n in store.names(t))
    ]


def drop_seals(catalog: Catalog, table: str) -> None:
    """Remove all seals of a table whose files were written anew: what is sealed next is hashed as it is."""
    store = _SealStore(catalog)
    for name in store.names(table):
        store.drop(table, name)


def list_sealed(catalog: Catalog, table: str) -> set[int]:
    """The versions of a table for which seals stand."""
    return {_version_of(name) for name in _SealStore(catalog).names(table)}


def _seal_table(catalog: Catalog, table: str, store: _SealStore) -> int | None:
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
        if _version_of(name) <= dataset.version and not store.was_rewritten(
            table, stored[name]
        ):
            store.drop(table, name)
    return dataset.version if is_new else None


class _SealStore:
    """Seals and the files that they vouch for, below the folder or bucket prefix of the tables."""

    def __init__(self, catalog: Catalog) -> None:
        self._folder = Folder(catalog.uri, to_file_options(catalog.storage_options))
        self._fs, self._root = self._folder.fs, self._folder._root
        self._fs.invalidate_cache()

    def tables(self) -> list[str]:
        return sorted(self._list(_FOLDER))

    def names(self, table: str) -> list[str]:
        """`<version>-<sha256>` of every seal of a table, the oldest first; each may have one copy or both."""
        found = self._list(f"{_FOLDER}/{table}")
        return sorted(
            {name.rsplit(".", 1)[0] for name in found if _NAME.fullmatch(name)}
        )

    def find(self, table: str, name: str) -> Seal | None:
        """The seal, from the first copy that is right."""
        copies = (self._read_copy(table, name, ending) for ending in _COPIES)
        return next((c for c in copies if isinstance(c, Seal)), None)

    def read(self, table: str, name: str) -> tuple[Seal | None, list[Broken]]:
        """The seal, None when neither copy is right; and which copies are wrong."""
        copies = [self._read_copy(table, name, ending) for ending in _COPIES]
        seals = (copy for copy in copies if isinstance(copy, Seal))
        return next(seals, None), [c for c in copies if isinstance(c, Broken)]

    def _read_copy(self, table: str, name: str, ending: str) -> Seal | Broken:
        path = f"{_FOLDER}/{table}/{name}.{ending}"
        try:
            data = self._fs.cat_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return Broken(path, _GONE, _COPY)
        if hashlib.sha256(data).hexdigest() != name[21:]:
            return Broken(path, "no longer matches its sha256", _COPY)
        return Seal(**json.loads(data))

    def check(self, path: str, hashes: set[str]) -> Broken | None:
        """What is wrong with a file that must have this one sha256."""
        try:
            found = self._hash(path)
        except FileNotFoundError:
            return Broken(path, _GONE, _RESTORE)
        except OSError as error:
            return Broken(path, f"cannot be read: {error}", _RESTORE)
        return (
            None
            if hashes == {found}
            else Broken(path, "no longer matches its sha256", _RESTORE)
        )

    def hash_files(
        self, table: str, paths: Iterable[str], known: dict[str, str]
    ) -> dict[str, str]:
        return {
            path: known.get(path) or self._hash(f"{table}.lance/{path}")
            for path in sorted(paths)
        }

    def write(self, seal: Seal) -> str:
        """Both copies, complete or invisible; the name of the seal."""
        data = json.dumps(asdict(seal), sort_keys=True).encode()
        name = f"{seal.version:020d}-{hashlib.sha256(data).hexdigest()}"
        folder = f"{self._root}/{_FOLDER}/{seal.table}"
        put = self._put_synced if self._folder.is_local else self._put
        put(folder, [f"{name}.{ending}" for ending in _COPIES], data)
        return name

    def was_rewritten(self, table: str, seal: Seal | None) -> bool:
        """Whether another manifest has the version's number: it was lost, and a writer went on from the one before."""
        paths = [p for p in seal.files if p.startswith("_versions/")] if seal else []
        broken = (
            [self.check(f"{table}.lance/{p}", {seal.files[p]}) for p in paths]
            if seal
            else []
        )
        return any(b and b.reason != _GONE for b in broken)

    def has(self, path: str) -> bool:
        """Whether the file is there."""
        return self._has(f"{self._root}/{path}")

    def drop(self, table: str, name: str) -> None:
        for ending in _COPIES:
            with suppress(FileNotFoundError):  # another worker drops it, too
                self._fs.rm_file(f"{self._root}/{_FOLDER}/{table}/{name}.{ending}")

    def _put(self, folder: str, names: Iterable[str], data: bytes) -> None:
        for name in names:
            self._fs.pipe_file(f"{folder}/{name}", data)

    def _put_synced(self, folder: str, names: Iterable[str], data: bytes) -> None:
        """Each name appears with its bytes on disk; the folder, which holds all of them, is synced once."""
        make_folder(folder)
        for name in names:
            with tempfile.NamedTemporaryFile(
                dir=folder, prefix=".", delete=False
            ) as aside:
                aside.write(data)
                aside.flush()
                os.fsync(aside.fileno())
            Path(aside.name).replace(f"{folder}/{name}")
        sync(folder)

    def _hash(self, path: str) -> str:
        with self._fs.open(f"{self._root}/{path}", "rb") as stream:
            return hash_stream(cast(Any, stream))

    def _list(self, folder: str) -> list[str]:
        """The names in a folder; none where there is no folder."""
        try:
            found = self._fs.ls(f"{self._root}/{folder}", detail=False)
        except FileNotFoundError:
            return []
        return [path.rstrip("/").rsplit("/", 1)[1] for path in found]

    def _has(self, path: str) -> bool:
        return bool(self._fs.exists(path))


def _version_of(name: str) -> int:
    return int(name[:20])


def to_file_options(options: dict[str, str] | None) -> dict[str, Any]:
    """Lance's object-store options as s3fs takes them; credentials that are not given are found in the usual places."""
    given = options or {}
    names = {
        "key": "aws_access_key_id",
        "secret": "aws_secret_access_key",
        "token": "aws_session_token",
    }
    found: dict[str, Any] = {
        ours: given[theirs] for ours, theirs in names.items() if theirs in given
    }
    client = {
        "endpoint_url": given.get("aws_endpoint"),
        "region_name": given.get("aws_region"),
    }
    client = {name: value for name, value in client.items() if value}
    return {**found, **({"client_kwargs": client} if client else {})}
