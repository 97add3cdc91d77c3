"""Seal a registered version: what it says, and the sha256 of each of its files, so that a change is found and named.

The seal is a file among the artifacts of the version's run, `seal/<its sha256>.json`; the table of pointers names it,
and is sealed itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from assets.disk import hash_file, make_folder, sync, sync_all, write_synced
from assets.registry.places import to_path
from assets.registry.reading import StoredVersion, StoreReader
from assets.tables.catalog import Catalog
from assets.tables.seals import seal_tables

_SEALS = "seal"
_POINTER = "sealed/"


@dataclass(frozen=True)
class VersionSeal:
    """What was registered. `files`: path below the experiment's artifacts -> sha256."""

    files: dict[str, str]
    tags: dict[str, str]
    rows: dict[str, str]  # hashes of the run's parameters and metrics


def seal_version(
    catalog: Catalog, reader: StoreReader, task: str, version: int
) -> None:
    """Seal a version as it is now. Two who submit one model at once seal until what was sealed is what is there."""
    if not reader.is_readable:
        return
    while True:
        stored = reader.version(task, version)
        seal = _make_seal(stored)
        if seal is None:
            return
        content = json.dumps(asdict(seal), sort_keys=True).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        if catalog.pointed(_pointer(stored)) == sha256:
            return
        # MLflow syncs nothing of what it stores
        sync_all(_with_folders(_root(stored), seal.files))
        _write(stored, sha256, content)
        catalog.point(_pointer(stored), sha256)
        seal_tables(catalog, ["pointers"])


def read_seal(stored: StoredVersion, sha256: str) -> VersionSeal:
    """The seal that the pointer names. Raises ValueError where it is gone or has changed."""
    path = _place(stored, sha256)
    if path is None or not path.is_file():
        raise ValueError(f"its seal {path} is gone")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"its seal {path} has changed")
    return VersionSeal(**json.loads(content))


def list_sealed(catalog: Catalog) -> dict[tuple[str, int], str]:
    """(task, version) -> the sha256 of its seal."""
    where = f"pointer LIKE '{_POINTER}%'"
    found = {}
    for row in catalog.read_latest("pointers", where=where).to_pylist():
        task, _, version = row["pointer"].removeprefix(_POINTER).rpartition("/")
        found[task, int(version)] = row["target"]
    return found


def find_changes(stored: StoredVersion, seal: VersionSeal) -> Iterator[str]:
    """What is not as it was sealed, a line each."""
    for path, sha256 in seal.files.items():
        place = _root(stored) / path
        if not place.is_file():
            yield f"its file {path} is gone"
        elif hash_file(place) != sha256:
            yield f"its file {path} has changed"
    for key, value in seal.tags.items():
        if stored.tags.get(key) != value:
            yield f"its tag {key} is {stored.tags.get(key)!r}, registered was {value!r}"
    for kind, sha256 in seal.rows.items():
        if stored.rows[kind] != sha256:
            yield f"the {kind} of its run have changed"


def _make_seal(stored: StoredVersion) -> VersionSeal | None:
    """None for a version whose artifacts do not lie on a disk of this machine."""
    folders = [to_path(stored.artifacts), to_path(stored.source)]
    if any(folder is None or not folder.is_dir() for folder in folders):
        return None
    root = _root(stored)
    files = [
        path
        for folder in folders
        if folder is not None
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != _SEALS
    ]
    hashes = {p.relative_to(root).as_posix(): hash_file(p) for p in sorted(files)}
    return VersionSeal(hashes, stored.tags, stored.rows)


def _write(stored: StoredVersion, sha256: str, content: bytes) -> None:
    path = _place(stored, sha256)
    assert path is not None, "only what lies on a disk is sealed"
    make_folder(path.parent)
    write_synced(path, content)
    sync(path.parent)


def _with_folders(root: Path, names: Iterable[str]) -> set[Path]:
    """The files, and every folder between them and the root."""
    files = {root / name for name in names}
    return files | {
        folder
        for file in files
        for folder in file.parents
        if folder.is_relative_to(root)
    }


def _place(stored: StoredVersion, sha256: str) -> Path | None:
    folder = to_path(stored.artifacts)
    return folder / _SEALS / f"{sha256}.json" if folder else None


def _root(stored: StoredVersion) -> Path:
    """The folder of the experiment: `<run>/artifacts` and `models/<model>/artifacts` lie below it."""
    folder = to_path(stored.artifacts)
    assert folder is not None, "only what lies on a disk is sealed"
    return folder.parents[1]


def _pointer(stored: StoredVersion) -> str:
    return f"{_POINTER}{stored.task}/{stored.version}"
