"""Fill the stores outside of a home from a backup whose files are proven; if it fails, what was written is taken back.

They are empty before, so to take back is to remove. Who is killed meanwhile leaves them marked, and the next attempt
writes the same again.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from assets.backup.listing import BackupList
from assets.backup.marks import Marks
from assets.backup.outside import (
    ARTIFACTS,
    MLFLOW,
    Outside,
    find_dumps,
    find_file,
    name_setting,
)
from assets.backup.postgres import (
    empty_database,
    require_tool,
    restore_database,
)
from assets.storage import Folder, drop_objects

_AT_ONCE = 8
# of a table, what makes its files be found
_LAST = ("/_versions/", "/_refs/", "/_seals/")


def require_room(content: BackupList, outside: Outside, marks: Marks) -> None:
    """Raise ValueError where something of the backup has no place, or its place has something else in it."""
    paths = list(content.entries)
    for name in find_dumps(paths):
        require_tool("pg_restore")
        if name not in outside.databases:
            raise ValueError(
                f"the backup holds {name} of a Postgres server: set {name_setting(name)} to an empty database of one"
            )
    for name in outside.databases:
        file = find_file(name, paths)
        if file:
            raise ValueError(
                f"the backup holds {name} as the file {file}, for a home: unset {name_setting(name)}"
            )
    marks.require_room()


class Filling:
    """`with Filling(...) as filling: filling.fill()`: what was filled is emptied again where the context fails."""

    def __init__(
        self, files: Path, content: BackupList, outside: Outside, marks: Marks
    ) -> None:
        self._files = files
        self._marks = marks
        self._content = content
        self._outside = outside
        self._written: dict[str, list[str]] = {}  # by place
        self._restored: list[str] = []  # URLs

    def __enter__(self) -> Filling:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            return
        for place, paths in self._written.items():
            with suppress(OSError):
                drop_objects(self._outside.folders[place], paths)
        for url in self._restored:
            with suppress(OSError):
                empty_database(url)
        with suppress(OSError):
            self._marks.remove()

    def fill(self) -> None:
        """Write everything. Raises OSError where a store does not take it."""
        self._marks.write()
        for place, folder in self._outside.folders.items():
            prefix = f"{place}/"
            paths = [
                path.removeprefix(prefix)
                for path in self._content.entries
                if path.startswith(prefix)
            ]
            self._fill_folder(place, folder, paths)
        for name, path in find_dumps(list(self._content.entries)).items():
            url = self._outside.databases[name]
            self._restored.append(url)
            restore_database(url, self._files / path)
        self._move_artifacts()

    def _fill_folder(self, place: str, folder: Folder, paths: list[str]) -> None:
        self._written[place] = paths
        last = {path for path in paths if any(part in f"/{path}" for part in _LAST)}
        self._put(place, folder, [path for path in paths if path not in last])
        self._put(place, folder, sorted(last))
        if not paths:
            return
        sizes = {file.path: file.size_bytes for file in folder.files()}
        for path in paths:
            size = self._content.entries[f"{place}/{path}"].size_bytes
            if sizes.get(path) != size:
                raise OSError(
                    f"{folder.uri}/{path} has {sizes.get(path)} bytes of {size}: nothing was restored, try again"
                )

    def _put(self, place: str, folder: Folder, paths: Iterable[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(
                lambda path: folder.fill(path, self._files / place / path), paths
            ):
                pass

    def _move_artifacts(self) -> None:
        """MLflow keeps absolute addresses: of a bucket nobody could tell later where they lay."""
        former = self._content.outside.get(ARTIFACTS)
        now = self._outside.folders.get(ARTIFACTS)
        url = self._outside.databases.get(MLFLOW)
        if former and now and url and former != now.uri:
            from assets.registry.places import move_addresses

            move_addresses(url, former, now.uri)
