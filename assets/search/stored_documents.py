"""The rows of `documents` as a question needs them: facts and vectors in memory, titles and texts where they lie.

A document's number is its place among all by the id, whatever the order of the rows: so equal scores have one order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.tables.catalog import Catalog, TableMissing, no_panic
from assets.tables.schema_versions import require_readable
from assets.tables.schemas import TABLES
from assets.tables.schemas.search import SENTENCE_DIM

if TYPE_CHECKING:
    import lance

Numbers = NDArray[np.int32]
Ranked = tuple[
    Numbers, NDArray[np.float32]
]  # documents that a part found, in no order, and its scores
_TABLE = "documents"
_FACTS = ("document_id", "kind", "session", "input_sha256")
_TEXTS = ("kind", "source", "session", "title", "text")
_ROWS = 1_024  # with their texts in memory
_IO_BYTES = 32 << 20  # that Lance reads ahead


@dataclass(frozen=True)
class StoredDocuments:
    """Of one version of the table, None where there is none. `facts` (N,) by number; `rows` (N,) the row of each."""

    dataset: lance.LanceDataset | None
    facts: pa.Table
    rows: NDArray[np.int64]

    def read_texts(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """kind, source, session, title and text of some, in their order."""
        if self.dataset is None or not numbers:
            return []
        with no_panic(_TABLE):
            rows = self.rows[list(numbers)].tolist()
            return list(self.dataset.take(rows, columns=list(_TEXTS)).to_pylist())

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[Numbers, pa.RecordBatch]]:
        """All documents, a part after the other, with their numbers."""
        if self.dataset is None:
            return
        number_of_row = np.argsort(self.rows).astype(np.int32)
        scanner = self.dataset.scanner(
            columns=list(columns),
            batch_size=_ROWS,
            batch_readahead=1,
            io_buffer_size=_IO_BYTES,
            scan_in_order=True,
        )
        start = 0
        with no_panic(_TABLE):
            for batch in scanner.to_batches():
                yield number_of_row[start : start + len(batch)], batch
                start += len(batch)

    @cached_property
    def vectors(self) -> tuple[Numbers, NDArray[np.float32]]:
        """(M,) numbers of the documents that have a vector, and (M, 384) those."""
        numbers = [np.zeros(0, np.int32)]
        vectors = [np.zeros((0, SENTENCE_DIM), np.float32)]
        for some, batch in self.scan(["vector"]):
            found = batch["vector"]
            numbers.append(some[found.is_valid().to_numpy(zero_copy_only=False)])
            flat = found.drop_null().flatten().to_numpy()
            vectors.append(flat.reshape(-1, SENTENCE_DIM))
        return np.concatenate(numbers), np.concatenate(vectors)


def open_documents(catalog: Catalog) -> StoredDocuments:
    """The newest. Writes nothing."""
    try:
        dataset = catalog.open_stored(_TABLE)
    except TableMissing:
        facts = catalog.empty(_TABLE, _FACTS)
        return StoredDocuments(None, facts, np.zeros(0, np.int64))
    require_readable(dataset.schema, TABLES[_TABLE])
    with no_panic(_TABLE):
        facts = dataset.to_table(columns=list(_FACTS), scan_in_order=True)
    rows = pc.sort_indices(facts["document_id"])
    return StoredDocuments(dataset, facts.take(rows), rows.to_numpy().astype(np.int64))
