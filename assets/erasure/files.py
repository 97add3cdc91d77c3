"""Files of a home beside tables and databases: what landed, blobs, pages, pictures of models, caches, logs.

What can be made again goes wholly, where it cannot be told which frames it shows. Texts lose what they say of the
subject.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from assets.disk import make_folder, sync, write_synced
from assets.erasure.redaction import Redactor
from assets.erasure.subject import Subject, list_pairs
from assets.exclusions import index_by_session
from assets.landing import LandingZone
from assets.registry.places import to_path
from assets.storage import BlobStore, Folder, session_key
from assets.workspace import REPORTS, Workspace

_PLOTS = "plots"  # below the reports: what is drawn of models
_SHOWN = (".jpg", ".jpeg")  # frames; charts are PNG
_TEXTS = (".json", ".md", ".txt", ".yaml", ".log", ".out", ".err", ".html", ".csv")
_TOLD = ("morning.json",)
_NET = ".onnx"  # of the cache: what frames are embedded with
_MAX_TEXT_BYTES = 64 << 20


@dataclass(frozen=True)
class Held:
    """What a store holds: how many things, how many bytes, and what becomes of them."""

    store: str
    what: str
    count: int
    size_bytes: int
    becomes: str = "removed"


def find_landed(zone: LandingZone, subject: Subject) -> list[Path]:
    """Files of the subject that lie in a landing zone on this machine."""
    root = to_path(zone.folder.uri)
    if root is None:
        return []
    covering = index_by_session(subject.exclusions)
    mine = set(list_pairs(subject.files, "session", "path"))
    found = []
    names = {*covering, *(session for session, _ in mine)}
    for name in zone.folder.folders():
        session = _key_of(name)
        for file in Folder(str(root / name)).files() if session in names else ():
            is_named = session in covering and covering[session](file.path)
            if is_named or (session, file.path) in mine:
                found.append(root / name / file.path)
    return found


def locate_landed(zone: LandingZone, session: str, path: str) -> Path:
    """The file in a landing zone on this machine. Raises ValueError where it does not lie there."""
    root = to_path(zone.folder.uri)
    for name in zone.folder.folders() if root is not None else ():
        place = (root or Path()) / name / path
        if _key_of(name) == session and place.is_file():
            return place
    raise ValueError(
        f"{session}/{path} is no file in the landing zone {zone.folder.uri}: fill it at its source, ingest that, and "
        "erase this one"
    )


def put_landed(zone: LandingZone, session: str, path: str, content: bytes) -> None:
    """Write a file of a session that lies, or lay, in the landing zone."""
    root = to_path(zone.folder.uri)
    assert root is not None, "it was located there"
    known = [n for n in zone.folder.folders() if _key_of(n) == session]
    place = root / (known[0] if known else session) / path
    make_folder(place.parent)
    aside = place.with_name(f".{place.name}.part")
    write_synced(aside, content)
    aside.rename(place)
    sync(place.parent)


def remove_landed(zone: LandingZone, paths: Iterable[Path]) -> None:
    """Remove these, and folders that are empty then."""
    root = to_path(zone.folder.uri)
    for path in paths:
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if root is None or folder == root or not folder.is_relative_to(root):
                break
            if folder.is_dir() and not os.listdir(folder):
                folder.rmdir()


def find_pictures(
    workspace: Workspace, mlflow: Path, models: set[str], releases: set[str]
) -> list[Path]:
    """Pictures that were drawn for these models, and for runs on these releases."""
    places = [workspace.reports / _PLOTS / model[:16] for model in sorted(models)]
    places += list(_list_run_folders(mlflow, releases))
    return [
        path
        for place in places
        if place.is_dir()
        for path in sorted(place.rglob("*"))
        if path.suffix.lower() in _SHOWN and path.is_file()
    ]


def find_remade(workspace: Workspace) -> list[Path]:
    """Pages that tell of the whole home, what was told each morning, and what the cache holds but for nets."""
    pages = [
        p
        for p in sorted(workspace.reports.rglob("*"))
        if p.is_file() and _PLOTS not in p.relative_to(workspace.reports).parts
    ]
    cache = workspace.cache
    cached = (p for p in sorted(cache.rglob("*")) if p.is_file() and p.suffix != _NET)
    told = (workspace.home / name for name in _TOLD)
    return [*pages, *cached, *(path for path in told if path.is_file())]


def find_texts(home: Path) -> Iterator[Path]:
    """Logs, what runs printed, and facts of models and artifacts, but for those that are too long to be read."""
    return (path for path in _list_texts(home) if not _is_too_long(path))


def find_long_texts(home: Path) -> Iterator[Path]:
    """Those that are too long: nobody looks into them."""
    return filter(_is_too_long, _list_texts(home))


def _is_too_long(path: Path) -> bool:
    return path.stat().st_size > _MAX_TEXT_BYTES


def _list_texts(home: Path) -> Iterator[Path]:
    for below in ("logs", "dagster", "mlflow", REPORTS, "demo"):
        for path in sorted((home / below).rglob("*")):
            is_text = path.suffix.lower() in _TEXTS or below == "logs"
            if is_text and path.is_file():
                yield path


def redact_texts(
    paths: Iterable[Path], redactor: Redactor, is_dry_run: bool
) -> Iterator[Path]:
    """Those that told of the subject, without what they told."""
    for path in paths:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        new = redactor.redact(text, with_pictures=True)
        if new == text:
            continue
        if not is_dry_run:
            with open(
                path, "w", encoding="utf-8", errors="surrogateescape", newline=""
            ) as file:
                file.write(new)
                file.flush()
                os.fsync(file.fileno())
        yield path


def find_blobs(blobs: BlobStore, hashes: Iterable[str]) -> list[str]:
    """Those of these that are stored."""
    return [sha256 for sha256 in hashes if blobs.exists(sha256)]


def remove_blob(blobs: BlobStore, sha256: str) -> None:
    """Remove it, in a folder or a bucket; done again it finds nothing."""
    if blobs.exists(sha256):
        blobs.folder.fs.rm_file(blobs._path(sha256))


def measure(paths: Iterable[Path]) -> int:
    """Bytes of these files."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def remove(paths: Iterable[Path]) -> None:
    """Remove these files."""
    for path in paths:
        path.unlink(missing_ok=True)


def drop_abandoned_runs(workspace: Workspace) -> None:
    """Remove what trainings that were ended have left: what they learnt on may be erased by now."""
    shutil.rmtree(workspace.models / ".runs", ignore_errors=True)


def _list_run_folders(store: Path, releases: set[str]) -> Iterator[Path]:
    """Where MLflow keeps artifacts of runs on these releases, in a store on this machine."""
    if not store.is_file():
        return
    query = (
        "SELECT DISTINCT r.artifact_uri FROM runs r JOIN params p "
        "ON r.run_uuid = p.run_uuid WHERE p.key = 'release_id' AND p.value = ?"
    )
    with closing(sqlite3.connect(store)) as connection:
        for release_id in sorted(releases):
            for (uri,) in connection.execute(query, [release_id]):
                folder = to_path(uri)
                if folder is not None:
                    yield folder


def _key_of(name: str) -> str:
    """The session of a folder; "" of a name that gives none."""
    try:
        return session_key(name)
    except ValueError:
        return ""


def tell_places(subject: Subject, zone: LandingZone) -> list[str]:
    """Places outside of the landing zone that hold files of the subject: they are somebody else's."""
    root = zone.folder.uri
    names = {session for session, _ in subject.targets}
    places = zone.ledger.sources()
    return sorted(
        uri
        for session, uri in places.items()
        if session in names and not uri.startswith(f"{root}/")
    )
