"""Find blobs that nothing names: no row of the ledger, and none of any version of the tables that is kept."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from assets.inference.model_store import list_stored
from assets.ledger import Ledger
from assets.sandbox.video_places import VideoPlace
from assets.tables.catalog import Catalog
from assets.tables.recovery import list_losses
from assets.tables.schemas import TABLES
from assets.tables.schemas.table import SHA
from assets.tables.upkeep import find_needed

FACTS = "facts_sha256"
ELSEWHERE = "blobs outside of the home are not looked at: others may use them"
_LOST = "rows were lost to a power cut: blobs stay until that is settled"
_SEALED, _ORIGINAL = "sealed_recordings", "original_sha256"
_OF_FILES = ("captures", _SEALED)  # tables that name a file by what it came as
_NO_CAPTURES = "there is no table of captures: blobs stay"


def find_unnamed(catalog: Catalog, ledger: Ledger, home: Path) -> tuple[list[str], str]:
    """The sha256 of blobs that nothing names; or why that is not asked.

    Raises OSError or ValueError where a version cannot be read: then nobody knows.
    """
    folder = catalog.blobs.folder
    if not folder.is_local or not _is_below(folder.uri, home):
        return [], ELSEWHERE
    if list_losses(catalog.uri):
        return [], _LOST
    stored = set(catalog.blobs.names())
    if stored and not catalog.exists("captures"):
        return [], _NO_CAPTURES
    # what is sealed by now is named by its captures and files for ever, and kept for versions that read it open
    sealed = catalog.read_latest(_SEALED, [_ORIGINAL])[_ORIGINAL].to_pylist()
    unnamed = stored - (_list_of_ledger(ledger) - {*sealed})
    for table in TABLES:
        if unnamed:
            named = _list_of_table(catalog, table)
            unnamed -= named - {*sealed} if table in _OF_FILES else named
    for list_more in (_list_of_models, _list_of_videos):
        unnamed -= list_more(catalog) if unnamed else set()
    return sorted(unnamed), ""


def _is_below(place: str, home: Path) -> bool:
    return Path(place).resolve().is_relative_to(home.resolve())


def _list_of_ledger(ledger: Ledger) -> set[str]:
    return {s for s in ledger.file_table()["sha256"].to_pylist() if s}


def _list_of_table(catalog: Catalog, table: str) -> set[str]:
    """Every sha256 that stands in a column of its own, whatever it is of: what is no blob keeps none."""
    found = set[str]()
    hashes = [c.name for c in TABLES[table].columns if c.regex == SHA]
    for version in _list_kept(catalog, table) if hashes else ():
        rows = catalog.open_stored(table, version)
        names = [name for name in hashes if name in rows.schema.names]
        for batch in rows.scanner(columns=names).to_batches():
            found.update(*(column.to_pylist() for column in batch.columns))
    return found


def _list_of_models(catalog: Catalog) -> set[str]:
    """The files of packages, which the stored facts of a model name."""
    found = set[str]()
    for version in _list_kept(catalog, "models"):
        rows = catalog.open_stored("models", version)
        if FACTS in rows.schema.names:
            for facts in rows.to_table(columns=[FACTS])[FACTS].to_pylist():
                found.update(
                    list_stored(catalog.blobs, facts).values() if facts else ()
                )
    return found


def _list_of_videos(catalog: Catalog) -> set[str]:
    found = set[str]()
    for version in _list_kept(catalog, "frames"):
        rows = catalog.open_stored("frames", version)
        of_videos = rows.scanner(columns=["payload"], filter="encoding = 'video'")
        for batch in of_videos.to_batches():
            for payload in batch.column("payload").to_pylist():
                # bytes that changed: `verify` names the frame
                with suppress(ValueError):
                    found.add(VideoPlace.unpack(payload).blob)
    return found


def _list_kept(catalog: Catalog, table: str) -> list[int]:
    if not catalog.exists(table):
        return []
    stored = catalog.open_stored(table)
    published = catalog.published_version(table)
    return sorted(find_needed(catalog.place(table), stored, published))
