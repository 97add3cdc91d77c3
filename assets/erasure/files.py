"""Files of a home beside tables and databases: what landed, blobs, pages, pictures of models, caches, logs.

What can be made again goes wholly, where it cannot be told which frames it shows. Texts lose what they say of the
subject.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from assets.disk import make_folder, sync, write_synced
from assets.erasure.artifacts import SHOWN, RunStore, list_run_folders
from assets.erasure.redaction import Redactor
from assets.erasure.subject import Subject, list_pairs
from assets.exclusions import index_by_session
from assets.landing import LandingZone
from assets.registry.places import to_path
from assets.storage import (
    BlobStore,
    Folder,
    History,
    SessionFile,
    drop_history,
    drop_objects,
    session_key,
)
from assets.workspace import REPORTS, Workspace

_PLOTS = "plots"  # below the reports: what is drawn of models
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


def find_landed(zone: LandingZone, subject: Subject) -> list[SessionFile]:
    """Files of the subject that lie in the landing zone; their paths are below that."""
    is_meant = _recognise_landed(subject)
    return [
        below
        for name in zone.folder.folders()
        if _key_of(name) in subject.named
        for file in zone.folder.below(name).files()
        if is_meant((below := replace(file, path=f"{name}/{file.path}")).path)
    ]


def _recognise_landed(subject: Subject) -> Callable[[str], bool]:
    """Whether what lies at a path below the landing zone is of the subject."""
    covering = index_by_session(subject.exclusions)
    mine = set(list_pairs(subject.files, "session", "path"))

    def is_meant(place: str) -> bool:
        name, _, path = place.partition("/")
        session = _key_of(name)
        is_named = session in covering and covering[session](path) is not None
        return is_named or (session, path) in mine

    return is_meant


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


def remove_landed(zone: LandingZone, subject: Subject) -> History:
    """Remove the files of the subject, and folders that are empty then; of a bucket their older versions too."""
    found = find_landed(zone, subject)
    root = to_path(zone.folder.uri)
    if root is None:
        drop_objects(zone.folder, (file.path for file in found))
        return drop_history(zone.folder, _recognise_landed(subject))
    for file in found:
        Path(file.uri).unlink(missing_ok=True)
        for folder in Path(file.uri).parents:
            if folder == root or not folder.is_relative_to(root):
                break
            if folder.is_dir() and not os.listdir(folder):
                folder.rmdir()
    return History(zone.folder.uri)


def find_pictures(
    workspace: Workspace, runs: RunStore, models: set[str], releases: set[str]
) -> list[Path]:
    """Pictures that were drawn for these models, and for runs on these releases."""
    places = [workspace.reports / _PLOTS / model[:16] for model in sorted(models)]
    places += list(list_run_folders(runs, releases))
    return [
        path
        for place in places
        if place.is_dir()
        for path in sorted(place.rglob("*"))
        if path.suffix.lower() in SHOWN and path.is_file()
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


def find_pages(workspace: Workspace, models: Collection[str]) -> list[SessionFile]:
    """Pages in a store beside the home, and pictures that were drawn there for these models."""
    folder = _open_pages(workspace)
    if folder is None or not folder.exists():
        return []
    return [file for file in folder.files() if _is_page_going(file.path, models)]


def remove_pages(workspace: Workspace, models: Collection[str]) -> History:
    """Remove these, with their older versions."""
    folder = _open_pages(workspace)
    if folder is None:
        return History("")
    drop_objects(folder, (file.path for file in find_pages(workspace, models)))
    return drop_history(folder, lambda path: _is_page_going(path, models))


def _open_pages(workspace: Workspace) -> Folder | None:
    store = workspace.store
    return Folder(f"{store.uri}/{REPORTS}", store.options) if store else None


def _is_page_going(path: str, models: Collection[str]) -> bool:
    """Pages go wholly, being made again; of plots those that show frames, of these models."""
    place = Path(path)
    if place.parts[0] != _PLOTS:
        return True
    is_shown = place.suffix.lower() in SHOWN
    return is_shown and place.parts[1] in {model[:16] for model in models}


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


def remove_blobs(blobs: BlobStore, hashes: Collection[str]) -> History:
    """Remove them, in a folder or a bucket, there with their older versions; done again it finds nothing."""
    names = {f"{sha256[:2]}/{sha256}" for sha256 in hashes}
    drop_objects(blobs.folder, sorted(names))
    return drop_history(blobs.folder, names.__contains__)


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
