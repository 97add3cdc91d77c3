"""Blobs that rows of a subject name, and that nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa

from assets.erasure.subject import Subject
from assets.ledger import Ledger
from assets.sandbox.video_places import VideoPlace
from assets.tables.catalog import Catalog, is_in

# of each table the column that names a blob
_NAMING = {
    "captures": "sha256",
    "sealed_recordings": "sealed_sha256",
    "scans": "blob_sha256",
    "meshes": "blob_sha256",
    "splats": "blob_sha256",
    "sparse_models": "model_sha256",
}
_AT_ONCE = 10_000


def find_candidates(catalog: Catalog, subject: Subject) -> list[str]:
    """All that rows of its sessions name: which of them nothing else names shows once the rows are gone."""
    sessions = [*subject.sessions, *subject.touched]
    found = set(subject.files["sha256"].drop_null().to_pylist())
    for start in range(0, len(sessions), _AT_ONCE):
        mine = is_in("session", sessions[start : start + _AT_ONCE])
        for table, column in _NAMING.items():
            rows = catalog.read_latest(table, [column], mine)
            found |= set(rows[column].drop_null().to_pylist())
        found |= set(_list_videos(catalog, mine))
    return sorted(found)


def find_superfluous(
    catalog: Catalog, ledger: Ledger, candidates: list[str]
) -> list[str]:
    """Those of the candidates that no row of the tables or the ledger names by now."""
    left = set(candidates)
    left -= set(ledger.file_table()["sha256"].drop_null().to_pylist())
    for table, column in _NAMING.items():
        rows = catalog.read_latest(table, [column])
        left -= set(rows[column].drop_null().to_pylist())
    if left:
        left -= set(_list_videos(catalog, "true"))
    return sorted(left)


def _list_videos(catalog: Catalog, where: str) -> Iterator[str]:
    if not catalog.exists("frames"):
        return
    condition = f"({where}) AND encoding = 'video'"
    stored = catalog.open_stored("frames")
    for batch in stored.scanner(columns=["payload"], filter=condition).to_batches():
        column: pa.Array = batch.column("payload")
        for payload in column.to_pylist():
            with suppress(ValueError):
                yield VideoPlace.unpack(payload).blob
