"""Where seals lie, and the files that they vouch for: each seal in two copies beside the tables.

`<tables>/_seals/<table>/<version>-<sha256 of the seal>.json` and the same name ending in `.copy`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from assets.disk import make_folder, sync
from assets.storage import Folder, hash_stream
from assets.tables.table_place import TablePlace, to_file_options

_FOLDER = "_seals"
_COPIES = ("json", "copy")
_NAME = re.compile(r"(?P<version>[0-9]{20})-(?P<sha256>[0-9a-f]{64})\.(?:json|copy)")
GONE = "is gone"
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


def list_sealed(place: TablePlace) -> set[int]:
    """The versions of a table for which seals stand."""
    store = SealStore(place.tables_uri, place.storage_options)
    return {version_of_seal(name) for name in store.names(place.name)}


class SealStore:
    """Seals and the files that they vouch for, below the folder or bucket prefix of the tables."""

    def __init__(self, tables_uri: str, storage_options: dict[str, str] | None) -> None:
        self._folder = Folder(tables_uri, to_file_options(storage_options))
        self._fs, self._root = self._folder.fs, self._folder._root
        self._fs.invalidate_cache()

    def tables(self) -> list[str]:
        """The tables that have seals."""
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
            return Broken(path, GONE, _COPY)
        if hashlib.sha256(data).hexdigest() != name[21:]:
            return Broken(path, "no longer matches its sha256", _COPY)
        return Seal(**json.loads(data))

    def check(self, path: str, hashes: set[str]) -> Broken | None:
        """What is wrong with a file that must have this one sha256."""
        try:
            found = self._hash(path)
        except FileNotFoundError:
            return Broken(path, GONE, _RESTORE)
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
        """Path below the table's folder -> sha256; files whose sha256 is known are not read."""
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
        return any(b and b.reason != GONE for b in broken)

    def has(self, path: str) -> bool:
        """Whether the file is there."""
        return self._has(f"{self._root}/{path}")

    def drop(self, table: str, name: str) -> None:
        """Remove both copies of a seal."""
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


def version_of_seal(name: str) -> int:
    """The version of the table that a seal of this name is of."""
    return int(name[:20])
