"""What a backup is: copies of a home's files below `home/`, and a list of them that carries their hashes and its own.

`files-<sha256 of the list>.json` is written last, so a folder without it is no backup. Paths are below the home, links
are kept as links.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assets.disk import write_synced

HOME = "home"  # the folder of the copies
_FORMAT = 2  # 1 is of homes alone
_LIST = re.compile(r"files-([0-9a-f]{64})\.json")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `mtime_ns` is the original's: intake knows files by it; one of a bucket has a version in its place."""

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str  # "" of a link
    target: str = ""  # of a link
    version: str = ""  # of an object, as its bucket names it


@dataclass(frozen=True)
class BackupList:
    """The content of one backup."""

    made_at: str  # UTC
    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # setting -> its address
    # path in a home of each folder that lay outside -> its address
    outside: dict[str, str] = field(default_factory=dict)
    sha256: str = ""  # of the list as it was read


def write_list(folder: Path, made: BackupList) -> None:
    """Make the folder a backup."""
    content = {
        "format": _FORMAT,
        "made_at": made.made_at,
        "left_out": made.left_out,
        "outside": made.outside,
        "files": [asdict(entry) for entry in made.entries.values()],
    }
    data = json.dumps(content).encode()
    write_synced(folder / f"files-{hashlib.sha256(data).hexdigest()}.json", data)


def read_list(folder: Path) -> BackupList:
    """The list of a backup. Raises ValueError where there is none, it has changed, or names a file outside."""
    names = [name for name in _list_names(folder) if _LIST.fullmatch(name)]
    if len(names) != 1:
        raise ValueError(f"{folder} is no backup: it holds {len(names)} lists of files")
    path = folder / names[0]
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if f"files-{sha256}.json" != path.name:
        raise ValueError(f"{path} has changed: take another backup")
    content = json.loads(data)
    if content["format"] > _FORMAT:
        raise ValueError(f"{path} is of a newer Daguerre: update Daguerre here")
    entries = [Entry(**row) for row in content["files"]]
    for entry in entries:
        if not is_inside(entry.path):
            raise ValueError(
                f"{path} names {entry.path!r}, which lies outside: it is no backup"
            )
    return BackupList(
        content["made_at"],
        {e.path: e for e in entries},
        content["left_out"],
        content.get("outside", {}),
        sha256,
    )


def list_backups(folder: Path) -> list[Path]:
    """The backups directly below a folder, the oldest first: they are named by their time."""
    found = (folder / name for name in sorted(_list_names(folder)))
    return [
        path
        for path in found
        if not path.name.startswith(".")
        and path.is_dir()
        and any(_LIST.fullmatch(name) for name in _list_names(path))
    ]


def find_backup(folder: Path) -> Path:
    """The folder itself where it is a backup, else the newest below it. Raises ValueError where there is none."""
    if any(_LIST.fullmatch(name) for name in _list_names(folder)):
        return folder
    backups = list_backups(folder)
    if not backups:
        raise ValueError(f"there is no backup in {folder}: give the folder of one")
    return backups[-1]


def copy_hashed(source: Path, target: Path, mtime_ns: int | None = None) -> str:
    """Copy the bytes, with the original's time or this one; their sha256. Nothing is synced."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as write:
        facts = os.fstat(read.fileno())
        while chunk := read.read(_CHUNK_BYTES):
            digest.update(chunk)
            write.write(chunk)
    time_ns = facts.st_mtime_ns if mtime_ns is None else mtime_ns
    os.utime(target, ns=(time_ns, time_ns))
    return digest.hexdigest()


def is_inside(path: str) -> bool:
    """Whether a path leads below its folder: a backup may come from elsewhere, and a bucket may hold any name."""
    return not {"", ".", ".."} & set(path.split("/"))


def make_folders(root: Path, paths: Iterable[str]) -> None:
    """The folders that these files lie in, below the root."""
    for folder in sorted({os.path.dirname(path) for path in paths}):
        (root / folder).mkdir(parents=True, exist_ok=True)


def _list_names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []
