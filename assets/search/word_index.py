"""Documents by their words: BM25, by an inverted index of Lance that lies in the cache and can be made again.

It is made from the rows as they are, under a name that says which those are. Whoever asks holds the lock of its index,
and takes away those that nobody holds. So what was deleted from the table is in no index that nobody asks, and none
goes while it is asked. In the table itself there are no indices: what seals and backs tables up knows none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.locks import share, take
from assets.search.stored_documents import Ranked, StoredDocuments

_HASH_CHARACTERS = 32
_ID_CHARACTERS = 12  # of an id, as other commands print it
_NAMED_AT_ONCE = 8_192
_WORDS = pa.schema([("number", pa.int32()), ("words", pa.string())])


class WordIndex:
    """Of all documents. Made where it is not there."""

    def __init__(self, folder: Path, documents: StoredDocuments) -> None:
        self._count = len(documents.facts)
        if not self._count:
            return
        import lance

        path = folder / f"words-{_name_rows(documents.facts)}.lance"
        weakref.finalize(self, os.close, _hold(path) or _make(path, documents))
        self._stored = lance.dataset(str(path))
        _sweep(folder, path)

    def rank(self, text: str) -> Ranked:
        """The documents that share a word with the text, and their BM25.

        Words count by their stem, in English, without accents; the most common ones do not count.
        """
        if not self._count:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        from lance.query import MatchQuery

        found = self._stored.to_table(
            columns=["number", "_score"],
            full_text_query=MatchQuery(text, "words"),
            limit=self._count,
        )
        return found["number"].to_numpy(), found["_score"].to_numpy()


def _hold(path: Path) -> int | None:
    """The folder, open, which nobody takes away until it is closed; None where there is none."""
    try:
        folder = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    share(folder)
    if _is_same(path, folder):
        return folder
    os.close(folder)  # it went while this waited
    return None


def _is_same(path: Path, folder: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(folder))
    except FileNotFoundError:
        return False


def _make(path: Path, documents: StoredDocuments) -> int:
    """The new index, held. Written aside and renamed, so that others find all of it or nothing."""
    while True:
        aside = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.lance")
        aside.mkdir(parents=True)
        folder = _hold(aside)
        if folder is not None:
            break
    _build(aside, documents)
    try:
        aside.rename(path)
        return folder
    except OSError:  # somebody else was first
        shutil.rmtree(aside)
        os.close(folder)
    return _hold(path) or _make(path, documents)


def _build(path: Path, documents: StoredDocuments) -> None:
    import lance

    batches = _list_words(documents)
    made = lance.write_dataset(batches, str(path), schema=_WORDS)
    # by default tokens of 40 characters and more are left out: every sha256
    made.create_scalar_index(
        "words", "INVERTED", with_position=False, max_token_length=None
    )


def _list_words(documents: StoredDocuments) -> Iterator[pa.RecordBatch]:
    for numbers, batch in documents.scan(["title", "text", "source"]):
        source = batch["source"]
        short = pc.utf8_slice_codeunits(source, 0, _ID_CHARACTERS)
        words = pc.binary_join_element_wise(
            batch["title"], batch["text"], source, short, "\n"
        )
        yield pa.record_batch([pa.array(numbers), words], schema=_WORDS)


def _sweep(folder: Path, kept: Path) -> None:
    """Take away the other indices that nobody holds, and what was left of making one."""
    for path in folder.glob("*words-*.lance"):
        if path != kept:
            _take_away(path)


def _take_away(path: Path) -> None:
    try:
        folder = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # another sweep
        return
    try:
        if take(folder):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(folder)


def _name_rows(facts: pa.Table) -> str:
    digest = hashlib.sha256()
    rows = facts.select(["document_id", "input_sha256"])
    for batch in rows.to_batches(max_chunksize=_NAMED_AT_ONCE):
        both = pc.binary_join_element_wise(*batch.columns, "")
        digest.update("".join(both.to_pylist()).encode())
    return digest.hexdigest()[:_HASH_CHARACTERS]
