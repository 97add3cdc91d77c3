"""Replace and delete rows only while the lease holds: a writer that slept past its lease changes nothing.

Between a look at the lease and a write any time may pass. So the order is: open the newest version, ask the fence,
commit against that version and no other. Who has taken over since then has written, Lance refuses the commit, and the
next attempt meets the fence. Inserts go through `Appender`, which keeps the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from assets.tables.catalog import Catalog, Written, require_unique_keys
from assets.tables.commits import delete_rows, merge_rows
from assets.tables.inserting import insert_absent
from assets.tables.presence import writing
from assets.tables.schemas import TABLES

if TYPE_CHECKING:
    import lance

T = TypeVar("T")
_MAX_CONFLICTS = 100


class FencedWriter:
    """Writes rows that another writer may have changed by now. `fence` raises when this one may not write any more."""

    def __init__(self, catalog: Catalog, fence: Callable[[], object]) -> None:
        self._catalog = catalog
        self._fence = fence

    def upsert(self, name: str, rows: pa.Table) -> Written:
        """Insert new rows and replace those with an equal key. Raises ValueError when two share a key."""
        table = TABLES[name]
        rows = rows.select([c.name for c in table.columns]).cast(table.schema)
        require_unique_keys(name, table.key, rows)

        def write(dataset: lance.LanceDataset) -> tuple[lance.LanceDataset, Written]:
            options = self._catalog.storage_options
            made = insert_absent(dataset, table.key, rows, options)
            if made:
                return made, Written(made.version, len(rows))
            stats = merge_rows(dataset, table.key, rows, replace="true", retries=0)
            return dataset, Written(
                dataset.version, stats["num_inserted_rows"], stats["num_updated_rows"]
            )

        return self._commit(name, write)

    def delete(self, name: str, where: str) -> int:
        """Delete the matching rows of the version that is newest while the fence holds; return the new version."""

        def write(dataset: lance.LanceDataset) -> tuple[lance.LanceDataset, int]:
            return dataset, delete_rows(dataset, where, retries=0)

        return self._commit(name, write)

    def _commit(
        self,
        name: str,
        write: Callable[[lance.LanceDataset], tuple[lance.LanceDataset, T]],
    ) -> T:
        """What `write` gives beside the dataset at the new version."""
        for _ in range(_MAX_CONFLICTS):
            with writing(self._catalog.uri):
                dataset = self._catalog.open_or_create(name)
                self._fence()
                try:
                    dataset, written = write(dataset)
                except OSError as error:
                    if not any(
                        word in str(error).lower()
                        for word in ("concurrent", "conflict")
                    ):
                        raise
                    continue
            self._catalog.tidy(name, dataset)
            return written
        raise TimeoutError(
            f"table '{name}': {_MAX_CONFLICTS} commits in a row were overtaken; ingest again"
        )
