"""The mark that each store outside of a home bears while a backup is restored into it: which backup that is.

It is written into an empty store before anything else and removed when the home stands. So who finds it after a kill
knows that what lies there is of that restore, and goes on with it; and no backup is made of half a restore.
"""

from __future__ import annotations

from pathlib import Path

from assets.backup.outside import Outside, find_dumps, name_setting
from assets.backup.postgres import (
    empty_database,
    list_tables,
    mark_database,
    read_database_mark,
    unmark_database,
)
from assets.disk import sync, write_synced
from assets.storage import Folder, drop_objects, put_object

_FILE = ".restoring.part"  # listed by nobody, as an upload under way


class Marks:
    """The marks of one restore in the stores that the backup has something for."""

    def __init__(self, backup: str, outside: Outside, paths: list[str]) -> None:
        """`backup` tells one from any other; `paths` are those of its files."""
        self._backup = backup
        places = {outside.folder_of(path) for path in paths}
        self._folders = {p: f for p, f in outside.folders.items() if p in places}
        dumps = find_dumps(paths)
        self._databases = {n: u for n, u in outside.databases.items() if n in dumps}
        self._paths = set(paths)

    def require_room(self) -> None:
        """Raise ValueError where a store has something in it that is not of this restore."""
        for name, url in self._databases.items():
            mark = read_database_mark(url)
            tables = [] if mark == self._backup else list_tables(url)
            if tables:
                what = self._tell(mark) or f"it has {tables[0]}"
                raise ValueError(
                    f"the database of {name_setting(name)} is not empty, {what}: name an empty one"
                )
        for place, folder in self._folders.items():
            mark = _read_mark(folder)
            found = (
                self._find_foreign(place, folder)
                if mark == self._backup
                else folder.find_any()
            )
            if found:
                what = self._tell(mark) or f"it has {found}"
                raise ValueError(
                    f"{folder.uri} is not empty, {what}: name an empty place for the {place} of the backup"
                )

    def write(self) -> None:
        """Mark every store. A database that bears the mark is emptied: a dump goes into an empty one."""
        for folder in self._folders.values():
            put_object(folder, _FILE, self._backup.encode())
        for url in self._databases.values():
            empty_database(url)
            mark_database(url, self._backup)

    def write_in(self, home: Path) -> None:
        """Mark the home too, where there are stores beside it whose marks go when it stands."""
        if self._folders or self._databases:
            write_synced(home / _FILE, self._backup.encode())

    def is_on(self, home: Path) -> bool:
        """Whether the home stands as this restore made it, and only marks were left to be removed."""
        file = home / _FILE
        return file.is_file() and file.read_text() == self._backup

    def remove(self) -> None:
        """From every store."""
        for folder in self._folders.values():
            drop_objects(folder, [_FILE])
        for url in self._databases.values():
            unmark_database(url)

    def remove_from(self, home: Path) -> None:
        """The last one."""
        (home / _FILE).unlink(missing_ok=True)
        sync(home)

    def _find_foreign(self, place: str, folder: Folder) -> str:
        stored = (file.path for file in folder.files())
        return next((p for p in stored if f"{place}/{p}" not in self._paths), "")

    def _tell(self, mark: str) -> str:
        return _tell_cut_short(mark) if mark not in ("", self._backup) else ""


def require_unmarked(home: Path, outside: Outside) -> None:
    """Raise ValueError where a restore into the home, or into a store of it, was cut short: that is no whole home."""
    file = home / _FILE
    found = {"the home": file.read_text() if file.is_file() else ""}
    for place, folder in outside.folders.items():
        found[name_setting(place)] = _read_mark(folder)
    for name, url in outside.databases.items():
        found[name_setting(name)] = read_database_mark(url)
    for where, mark in found.items():
        if mark:
            raise ValueError(f"{where} is not whole, {_tell_cut_short(mark)}")


def _tell_cut_short(mark: str) -> str:
    return (
        f"a restore of {mark} was cut short there: restore that one again to finish it"
    )


def _read_mark(folder: Folder) -> str:
    try:
        return folder.read(_FILE).decode()
    except FileNotFoundError:
        return ""
