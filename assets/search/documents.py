"""Bring the table `documents` up to date: a row for everything that is known in words, and no row for what is gone.

A row is made again when what it says, or the code that reads it, has changed; of vectors the same. A machine without
the net of sentences keeps the vectors that others made, and leaves new rows without one until somebody has the net.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assets.code_versions import version_of
from assets.inference.sentences import NAME, SentenceEncoder
from assets.search.document import Document
from assets.search.records import Records
from assets.search.sources import list_documents
from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed
from assets.tables.schemas import TABLES, to_table

_TABLE = "documents"
_AT_ONCE = 64  # documents whose vectors are made together
_WRITE_ROWS = 512  # a write reads all keys; what is killed makes as many again
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Known:
    """What the table says a row was made from."""

    sha256: str
    code_version: str


@dataclass(frozen=True)
class Changes:
    """What differs from the table: documents to be made, ids of what is gone, and how many documents there are."""

    due: tuple[Document, ...]
    gone: tuple[str, ...]
    num_new: int
    num_documents: int


def find_changes(
    catalog: Catalog, records: Records, encoder: SentenceEncoder | None
) -> Changes:
    """What a refresh would do. Changes nothing."""
    code = version_of(_TABLE)
    version = _name_version(encoder)
    known = _read_known(catalog)
    documents = {d.document_id: d for d in list_documents(catalog, records)}
    due = [
        document
        for document_id, document in documents.items()
        if not _is_current(known.get(document_id), document, code, version)
    ]
    return Changes(
        tuple(due),
        tuple(sorted(known.keys() - documents.keys())),
        sum(document.document_id not in known for document in due),
        len(documents),
    )


def refresh_documents(
    catalog: Catalog,
    records: Records,
    encoder: SentenceEncoder | None,
    on_progress: OnProgress | None = None,
) -> Refreshed:
    """Make the rows that are new or stale, delete those of what is gone, and leave all others as they are."""
    changes = find_changes(catalog, records, encoder)
    due, version = changes.due, _name_version(encoder)
    catalog.delete_keys(_TABLE, changes.gone)
    rows: list[dict[str, object]] = []
    for start in range(0, len(due), _AT_ONCE):
        some = due[start : start + _AT_ONCE]
        rows += _make(some, version, encoder)
        done = start + len(some)
        if len(rows) >= _WRITE_ROWS or done == len(due):
            catalog.upsert(_TABLE, to_table(TABLES[_TABLE], rows))
            rows = []
        if on_progress is not None:
            on_progress(done, len(due))
    stored = catalog.latest_version(_TABLE) if catalog.exists(_TABLE) else 0
    stale = len(due) - changes.num_new
    counts = (changes.num_new, stale, len(changes.gone), changes.num_documents)
    return Refreshed(stored, *counts, len(due))


def _name_version(encoder: SentenceEncoder | None) -> str:
    code = version_of(_TABLE)
    return code if encoder is None else f"{code}:{NAME}"


def _read_known(catalog: Catalog) -> dict[str, _Known]:
    rows = catalog.read_latest(_TABLE, ["document_id", "input_sha256", "code_version"])
    return {
        row["document_id"]: _Known(row["input_sha256"], row["code_version"])
        for row in rows.to_pylist()
    }


def _is_current(
    known: _Known | None, document: Document, code: str, version: str
) -> bool:
    if known is None or known.sha256 != document.sha256:
        return False
    # with a vector is better than without, whoever made it
    return known.code_version in (version, f"{code}:{NAME}")


def _make(
    documents: Sequence[Document], version: str, encoder: SentenceEncoder | None
) -> list[dict[str, object]]:
    vectors = (
        [None] * len(documents)
        if encoder is None
        else encoder.encode([f"{d.title}\n{d.text}" for d in documents])
    )
    return [
        {
            "document_id": document.document_id,
            "kind": document.kind,
            "source": document.source,
            "session": document.session,
            "title": document.title,
            "text": document.text,
            "vector": vector,
            "input_sha256": document.sha256,
            "code_version": version,
        }
        for document, vector in zip(documents, vectors, strict=True)
    ]
