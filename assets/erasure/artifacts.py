"""What runs of MLflow on releases that held a subject have left: their folders, here or in a bucket, with pictures.

Belongs here: where runs put artifacts, by a store of MLflow on this machine. Does not: what a server alone knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from assets.registry.places import apply_moves, connect_to_look, find_moves, to_path
from assets.storage import Folder, History, SessionFile, drop_history, drop_objects

SHOWN = (".jpg", ".jpeg")  # frames; charts are PNG


@dataclass(frozen=True)
class RunStore:
    """MLflow's store as a file, and where its artifacts lie now: in a home that was moved or copied it still says
    where they lay, and what lies there is another home's."""

    file: Path
    artifact_root: str  # a folder or a URI


def list_run_folders(store: RunStore, releases: Collection[str]) -> Iterator[Path]:
    """On this machine."""
    places = map(to_path, _list_places(store, releases))
    return (place for place in places if place is not None)


def find_in_buckets(
    store: RunStore, releases: Collection[str], options: Mapping[str, Any]
) -> list[SessionFile]:
    """Pictures of frames in the buckets that runs wrote to."""
    folders = _list_buckets(store, releases, options)
    return [file for folder in folders for file in _list_shown(folder)]


def remove_from_buckets(
    store: RunStore, releases: Collection[str], options: Mapping[str, Any]
) -> Iterator[History]:
    """Remove these, with their older versions; done again it finds nothing."""
    for folder in _list_buckets(store, releases, options):
        drop_objects(folder, (file.path for file in _list_shown(folder)))
        yield drop_history(folder, _is_shown)


def _list_buckets(
    store: RunStore, releases: Collection[str], options: Mapping[str, Any]
) -> Iterator[Folder]:
    for uri in _list_places(store, releases):
        if uri.startswith("s3://"):
            yield Folder(uri, dict(options))


def _list_shown(folder: Folder) -> list[SessionFile]:
    found = folder.files() if folder.exists() else []
    return [file for file in found if _is_shown(file.path)]


def _is_shown(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in SHOWN


def _list_places(store: RunStore, releases: Collection[str]) -> Iterator[str]:
    """Addresses of the artifacts of runs on these releases."""
    if not store.file.is_file():
        return
    query = (
        "SELECT DISTINCT r.artifact_uri FROM runs r JOIN params p "
        "ON r.run_uuid = p.run_uuid WHERE p.key = 'release_id' AND p.value = ?"
    )
    with closing(connect_to_look(store.file)) as connection:
        moves = find_moves(connection, store.file, store.artifact_root)
        for release_id in sorted(releases):
            for (uri,) in connection.execute(query, [release_id]).fetchall():
                yield apply_moves(uri, moves)
