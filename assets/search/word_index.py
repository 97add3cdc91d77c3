"""Documents by their words: BM25, by an inverted index of Lance that lies in the cache and can be made again.

It is made from the rows as they are, under a name that says which those are, and the index of other rows goes. So what
was deleted from the table is in no index that anybody still asks. In the table itself there are no indices: what seals
and backs tables up knows none.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import lance

_HASH_CHARACTERS = 32
_ID_CHARACTERS = 12  # of an id, as other commands print it


class WordIndex:
    """`documents`: document_id, title, text, source and input_sha256 of all (N,). Made where it is not there."""

    def __init__(self, folder: Path, documents: pa.Table) -> None:
        self._stored = _open(folder, documents) if len(documents) else None

    def rank(self, text: str, limit: int) -> dict[str, float]:
        """document_id -> BM25 of the documents that share a word with the text, best first; equal ones by their id.

        Words count by their stem, in English, without accents; the most common ones do not count.
        """
        if self._stored is None:
            return {}
        from lance.query import MatchQuery

        found = self._stored.to_table(
            columns=["document_id", "_score"],
            full_text_query=MatchQuery(text, "words"),
            limit=limit,
        )
        rows = sorted(found.to_pylist(), key=lambda r: (-r["_score"], r["document_id"]))
        return {row["document_id"]: row["_score"] for row in rows}


def _open(folder: Path, documents: pa.Table) -> lance.LanceDataset:
    import lance

    path = folder / f"words-{_name_rows(documents)}.lance"
    if not path.exists():
        aside = folder / f".{path.stem}.{uuid.uuid4().hex}.lance"
        folder.mkdir(parents=True, exist_ok=True)
        _build(aside, documents)
        with suppress(OSError):  # somebody else was first
            aside.rename(path)
        shutil.rmtree(aside, ignore_errors=True)
        for other in folder.glob("words-*.lance"):
            if other != path:
                shutil.rmtree(other, ignore_errors=True)
    return lance.dataset(str(path))


def _build(path: Path, documents: pa.Table) -> None:
    import lance

    source = documents["source"]
    short = pc.utf8_slice_codeunits(source, 0, _ID_CHARACTERS)
    words = pc.binary_join_element_wise(
        documents["title"], documents["text"], source, short, "\n"
    )
    rows = pa.table({"document_id": documents["document_id"], "words": words})
    made = lance.write_dataset(rows, str(path))
    # by default tokens of 40 characters and more are left out: every sha256
    made.create_scalar_index(
        "words", "INVERTED", with_position=False, max_token_length=None
    )


def _name_rows(documents: pa.Table) -> str:
    rows = documents.select(["document_id", "input_sha256"]).sort_by("document_id")
    both = pc.binary_join_element_wise(rows["document_id"], rows["input_sha256"], "")
    content = "".join(both.to_pylist())
    return hashlib.sha256(content.encode()).hexdigest()[:_HASH_CHARACTERS]
