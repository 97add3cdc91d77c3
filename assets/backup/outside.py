"""The stores of a home that lie outside of it, and which folder or file of a home each of them stands for.

A backup has the paths of a home, wherever a store lay: `tables/...` of a bucket are `tables/...` of a folder. A
database of a server is one file of `postgres/`, which no home has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from assets.storage import Folder

TABLES, BLOBS, ARTIFACTS = "tables", "blobs", "mlflow/artifacts"
LEDGER, DAGSTER, MLFLOW = "ledger", "dagster", "mlflow"
# by setting
PLACES = {
    "DAGUERRE_TABLES": TABLES,
    "DAGUERRE_BLOBS": BLOBS,
    "DAGUERRE_MLFLOW_ARTIFACTS": ARTIFACTS,
    "DAGUERRE_LEDGER": LEDGER,
    "DAGUERRE_DAGSTER": DAGSTER,
    "DAGUERRE_MLFLOW": MLFLOW,
}
# of trainings that go on
_UNDER_WAY = "blobs/trainings/"
_DUMPS = "postgres/"
# what a home has in the place of each
_FILES = {LEDGER: "ledger.db", DAGSTER: "dagster/", MLFLOW: "mlflow/mlflow.db"}


@dataclass(frozen=True)
class Outside:
    """What lies outside of a home: folders and buckets by their path in a home, databases of servers by name."""

    folders: dict[str, Folder] = field(default_factory=dict)
    databases: dict[str, str] = field(default_factory=dict, repr=False)  # -> URL
    table_options: dict[str, str] | None = None  # for Lance's object store

    def folder_of(self, path: str) -> str | None:
        """The path in a home of the outer folder that a file of a backup belongs to; None of a file of the home."""
        return next((p for p in self.folders if path.startswith(f"{p}/")), None)

    def replaces(self, path: str) -> bool:
        """Whether a file of the home is of a store that lies outside by now, and so is none of what counts."""
        if self.folder_of(path):
            return True
        return any(
            path.startswith(_FILES[name]) and path.endswith((".db", ".db-wal"))
            for name in self.databases
        )


def name_dump(database: str) -> str:
    """Where a backup has a database of a server."""
    return f"{_DUMPS}{database}.dump"


def find_dumps(paths: list[str]) -> dict[str, str]:
    """Name of each database of a server that a backup has -> its file."""
    known = {name_dump(name): name for name in _FILES}
    return {known[path]: path for path in paths if path in known}


def find_file(database: str, paths: list[str]) -> str | None:
    """The file of a home in a backup that stands for the same database; None where there is none."""
    place = _FILES[database]
    is_it = (p for p in paths if p.startswith(place) and p.endswith(".db"))
    return next(is_it, None)


def is_under_way(path: str) -> bool:
    """Whether a file is of a training under way: no backup holds it."""
    return path.startswith(_UNDER_WAY)


def name_setting(place: str) -> str:
    """The setting that says where a store lies."""
    return next(setting for setting, named in PLACES.items() if named == place)
