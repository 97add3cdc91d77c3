"""What the files of a backup are copied from: the home, and folders and buckets outside of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from assets.backup.home_files import list_files
from assets.backup.listing import Entry, copy_hashed
from assets.backup.outside import Outside, is_under_way
from assets.disk import hash_file
from assets.storage import Folder, SessionFile


class Stamp(NamedTuple):
    """By what a file is known again without reading it: a bucket names versions, a disk has times."""

    size_bytes: int
    mtime_ns: int
    version: str = ""

    def is_of(self, entry: Entry | None) -> bool:
        """Whether a file is still the one that a backup holds, as far as this tells."""
        return entry is not None and self == Stamp(
            entry.size_bytes, entry.mtime_ns, entry.version
        )


class Source(Protocol):
    """Files by their path in a backup. What is removed between two calls raises FileNotFoundError."""

    def list(self, below: str = "") -> Iterator[str]:
        """The files there, or below a folder of a backup that ends with "/"."""
        ...

    def look(self, path: str) -> Stamp:
        """By what the file is known again."""
        ...

    def read_link(self, path: str) -> str:
        """Where a link leads; "" of a file."""
        ...

    def copy(self, path: str, target: Path) -> str:
        """Copy the bytes; their sha256."""
        ...


class HomeFiles:
    """The files of a home, without those of stores that lie outside by now."""

    def __init__(self, home: Path, outside: Outside) -> None:
        self._home = home
        self._outside = outside

    def list(self, below: str = "") -> Iterator[str]:
        found = list_files(self._home, below)
        return (path for path in found if not self._outside.replaces(path))

    def look(self, path: str) -> Stamp:
        facts = os.lstat(self._home / path)
        return Stamp(facts.st_size, facts.st_mtime_ns)

    def read_link(self, path: str) -> str:
        place = self._home / path
        return os.readlink(place) if place.is_symlink() else ""

    def copy(self, path: str, target: Path) -> str:
        return copy_hashed(self._home / path, target)


class FolderFiles:
    """The files of a folder or a bucket outside, as they were listed; `place` is its path in a home."""

    def __init__(self, place: str, folder: Folder) -> None:
        self._prefix = f"{place}/"
        self._folder = folder
        self._listed: dict[str, SessionFile] = {}

    def list(self, below: str = "") -> Iterator[str]:
        self._listed = {}
        try:
            found = self._folder.files()
        except FileNotFoundError:
            found = []
        for file in found:
            path = self._prefix + file.path
            if file.fault is None and not is_under_way(path):
                self._listed[path] = file
        return (path for path in self._listed if path.startswith(below))

    def look(self, path: str) -> Stamp:
        file = self._listed[path]
        return Stamp(file.size_bytes, 0, file.version)

    def read_link(self, path: str) -> str:
        return ""

    def copy(self, path: str, target: Path) -> str:
        self._folder.fetch(self._listed[path], target)
        os.utime(target, ns=(0, 0))
        return hash_file(target)
