"""Put a table version on disk before anybody is told of it: Lance syncs nothing that it writes.

A process remembers what it has synced of a table, and looks at a version for what is new. Where it meets a table for
the first time, another process may have died between writing and syncing; one call then syncs the whole file system.
Buckets need nothing of this: an object that is acknowledged is stored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from assets.disk import sync_all, sync_file_system

if TYPE_CHECKING:
    import lance

# Lance numbers manifests downwards, so that listings begin with the newest
_NEWEST_MANIFEST = 2**64 - 1
_MANIFEST = re.compile(r"(\d{20})\.manifest")


class _Manifest(NamedTuple):
    version: int
    number: int  # in the file system
    written_ns: int


@dataclass
class _Synced:
    """What this process has put on disk of one table."""

    # a version may be given to others after a loss, and a file's number too: its time tells them apart
    manifests: set[_Manifest] = field(default_factory=set)
    # gone when the home was made anew under its path, or restored, or when another process has tidied
    newest: _Manifest | None = None
    files: set[str] = field(default_factory=set)  # of names that no two files share


_synced: dict[str, _Synced] = {}  # by path of the table


def is_local(uri: str) -> bool:
    """Whether a table or a folder of tables lies on a disk of this machine."""
    return "://" not in uri


def name_manifest(version: int) -> str:
    """Where the manifest of a version lies below its table."""
    return f"_versions/{_NEWEST_MANIFEST - version:020d}.manifest"


def version_of_manifest(file: str) -> int:
    """The version whose manifest has this name, without its folder; 0 of another file."""
    match = _MANIFEST.fullmatch(file)
    return _NEWEST_MANIFEST - int(match[1]) if match else 0


def list_files(dataset: lance.LanceDataset) -> list[str]:
    """The files of one version: its manifest, its transaction, data, deletions. Indices are not used here."""
    transaction = dataset.read_transaction(dataset.version)
    files = [name_manifest(dataset.version)]
    files += (
        [f"_transactions/{transaction.read_version}-{transaction.uuid}.txn"]
        if transaction
        else []
    )
    for fragment in dataset.get_fragments():
        files += [f"data/{file.path}" for file in fragment.metadata.files]
        deletion = fragment.deletion_file()
        if deletion:
            files.append(deletion)
    return files


def identify(dataset: lance.LanceDataset) -> object | None:
    """What tells a local version from any other that has, or had, its number under its path; None of a bucket."""
    if not is_local(dataset.uri):
        return None
    return _identify(Path(dataset.uri), dataset.version)


def sync_version(dataset: lance.LanceDataset) -> None:
    """Put all files of this version, and the folders that name them, on disk: those that are not there yet."""
    if not is_local(dataset.uri):
        return
    table = Path(dataset.uri)
    manifest = _identify(table, dataset.version)
    known = _recall(table)
    if known and manifest in known.manifests:
        return
    files = set(list_files(dataset)[1:])
    if known is None:
        known = _Synced()
        sync_file_system(table)
    else:
        new = [name_manifest(dataset.version), *(files - known.files)]
        sync_all(table / name for name in _with_folders(new))
    known.files |= files
    known.manifests.add(manifest)
    known.newest = max(manifest, known.newest or manifest)
    _synced[str(table)] = known


def sync_data(uri: str, names: Iterable[str]) -> None:
    """Put data files on disk that no version refers to yet: a version that comes to disk first is whole then."""
    known = _recall(Path(uri))
    if known is None:  # of a table whose next version is synced with all else
        return
    new = [f"data/{name}" for name in names if f"data/{name}" not in known.files]
    sync_all(f"{uri}/{name}" for name in (_with_folders(new) if new else ()))
    known.files.update(new)


def sync_tag(uri: str, tag: str) -> None:
    """Put a tag of a table on disk."""
    if not is_local(uri):
        return
    # Lance takes the path for an address there, and escapes it
    for table in {uri, quote(uri)}:
        path = f"{table}/_refs/tags/{tag}.json"
        if os.path.exists(path):
            folders = [f"{table}/_refs/tags", f"{table}/_refs", table]
            sync_all([path, *folders, os.path.dirname(table)])


def _recall(table: Path) -> _Synced | None:
    """What is known of the table that lies there now; None of one that this process has not met."""
    known = _synced.get(str(table))
    if known is None or known.newest is None:
        return None
    try:
        found = _identify(table, known.newest.version)
    except FileNotFoundError:
        return None
    return known if found == known.newest else None


def _identify(table: Path, version: int) -> _Manifest:
    facts = (table / name_manifest(version)).stat()
    return _Manifest(version, facts.st_ino, facts.st_mtime_ns)


def _with_folders(names: Iterable[str]) -> set[str]:
    """The files, their folders, and the table's own, in which the first file of a kind makes a folder."""
    names = set(names)
    return names | {os.path.dirname(name) for name in names} | {"."}
