"""Bring the table `documents` up to date: a row for everything that is known in words, and no row for what is gone.

A row is made again when what it says, or the code that reads it, has changed; of vectors the same. A machine without
the net of sentences keeps the vectors that others made, and leaves new rows without one until somebody has the net.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

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
# a write reads all keys: it waits for so many rows or seconds, which is what is made again where one is killed
_WRITE_ROWS = 8_192
_WRITE_S = 30.0
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Changes:
    """What differs from the table: ids of documents to be made and of what is gone; how many documents there are."""

    due: frozenset[str]
    gone: tuple[str, ...]
    num_new: int
    num_documents: int


def find_changes(
    catalog: Catalog, records: Records, encoder: SentenceEncoder | None
) -> Changes:
    """What a refresh would do. Changes nothing."""
    known = _read_known(catalog, encoder)
    due, there = set(), set()
    for document in list_documents(catalog, records):
        name = document.document_id
        there.add(name)
        if known.get(name) != document.sha256:
            due.add(name)
    gone = tuple(sorted(known.keys() - there))
    return Changes(frozenset(due), gone, len(due - known.keys()), len(there))


def refresh_documents(
    catalog: Catalog,
    records: Records,
    encoder: SentenceEncoder | None,
    on_progress: OnProgress | None = None,
) -> Refreshed:
    """Make the rows that are new or stale, delete those of what is gone, and leave all others as they are.

    Documents are listed once to see what is due, and once more to make that: so few of them are in memory at a time.
    """
    changes = find_changes(catalog, records, encoder)
    catalog.delete_keys(_TABLE, changes.gone)
    done = _make_due(catalog, records, encoder, changes.due, on_progress)
    stored = catalog.latest_version(_TABLE) if catalog.exists(_TABLE) else 0
    stale = len(changes.due) - changes.num_new
    counts = (changes.num_new, stale, len(changes.gone), changes.num_documents)
    return Refreshed(stored, *counts, done)


def _make_due(
    catalog: Catalog,
    records: Records,
    encoder: SentenceEncoder | None,
    due: Collection[str],
    on_progress: OnProgress | None,
) -> int:
    """Write the rows of the documents that are due; how many there were."""
    if not due:
        return 0
    version = _name_version(encoder)
    documents = (d for d in list_documents(catalog, records) if d.document_id in due)
    done, written_s = 0, time.monotonic()
    rows: list[dict[str, object]] = []
    while some := list(islice(documents, _AT_ONCE)):
        rows += _make(some, version, encoder)
        done += len(some)
        if len(rows) >= _WRITE_ROWS or time.monotonic() - written_s > _WRITE_S:
            catalog.upsert(_TABLE, to_table(TABLES[_TABLE], rows))
            rows, written_s = [], time.monotonic()
        if on_progress is not None:
            on_progress(done, len(due))
    if rows:
        catalog.upsert(_TABLE, to_table(TABLES[_TABLE], rows))
    return done


def _name_version(encoder: SentenceEncoder | None) -> str:
    code = version_of(_TABLE)
    return code if encoder is None else f"{code}:{NAME}"


def _read_known(catalog: Catalog, encoder: SentenceEncoder | None) -> dict[str, str]:
    """document_id -> the sha256 that a row was made from, "" where other code made it or a vector can be added."""
    rows = catalog.read_latest(_TABLE, ["document_id", "input_sha256", "code_version"])
    # with a vector is better than without, whoever made it
    current = {_name_version(encoder), f"{version_of(_TABLE)}:{NAME}"}
    versions = pa.array(sorted(current), pa.string())
    is_current = pc.is_in(rows["code_version"], value_set=versions)
    hashes = pc.if_else(is_current, rows["input_sha256"], "")
    return dict(zip(rows["document_id"].to_pylist(), hashes.to_pylist(), strict=True))


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
