"""Insert many rows at the cost of an append, and no key twice, however many writers race.

`Catalog.merge` reads all keys of a table for every batch. An `Appender` reads those it may meet once, when it is made,
and commits against the version that it knows: Lance refuses the commit when any other writer was first. Then the keys
that came since are read, rows that are there already are left out, and the commit is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.tables.catalog import Catalog, require_unique_keys
from assets.tables.inserting import append_on, write_rows
from assets.tables.schema_versions import require_not_newer
from assets.tables.schemas import TABLES

if TYPE_CHECKING:
    import lance

_MAX_CONFLICTS = 100


class Appender:
    """Appends rows to one table. `where` is true for every row that could have a key of the rows to come.

    `fence` is called right before each commit, and raises when this writer may not write any more.
    """

    def __init__(
        self, catalog: Catalog, name: str, where: str, fence: Callable[[], object]
    ) -> None:
        self.name = name
        self._catalog = catalog
        self._fence = fence
        self._options = catalog.storage_options
        self._key = TABLES[name].key
        self.base = catalog.open_or_create(name)  # the version whose rows are known
        self._known = set(
            self.base.to_table(columns=[self._key], filter=where)[self._key].to_pylist()
        )
        self._fragments = {
            fragment.fragment_id for fragment in self.base.get_fragments()
        }
        self._where = where

    def append(self, rows: pa.Table) -> int:
        """Insert the rows whose key is not there yet, and return how many. Raises ValueError when two share a key."""
        require_unique_keys(self.name, self._key, rows)
        rows = self._leave_out_known(rows)
        written = self._write(rows)
        for _ in range(_MAX_CONFLICTS):
            if not len(rows):
                return 0
            self._fence()
            dataset = self._commit(written)
            if dataset:
                self._follow(dataset)
                self._known.update(rows[self._key].to_pylist())
                # aside: what is known here is this version, and not what others add
                self._catalog.tidy(self.name, dataset.checkout_version(dataset.version))
                return len(rows)
            self.base = self.base.checkout_version(self._latest())
            require_not_newer(self.base.schema, TABLES[self.name])
            fewer = self._leave_out_known(rows)
            if len(fewer) < len(rows):
                rows = fewer
                written = self._write(fewer)
        raise TimeoutError(
            f"table '{self.name}': {_MAX_CONFLICTS} commits in a row were overtaken; ingest again"
        )

    def _leave_out_known(self, rows: pa.Table) -> pa.Table:
        """The rows without those that are known, or stand in fragments that came since."""
        came = [
            f for f in self.base.get_fragments() if f.fragment_id not in self._fragments
        ]
        if came:
            found = self.base.scanner(
                columns=[self._key], filter=self._where, fragments=came
            ).to_table()
            self._known.update(found[self._key].to_pylist())
            self._follow(self.base)
        keys = rows[self._key].to_pylist()
        if self._known.isdisjoint(keys):
            return rows
        return rows.filter(pa.array([key not in self._known for key in keys]))

    def _write(self, rows: pa.Table) -> list[lance.FragmentMetadata]:
        return write_rows(self.base, rows, self._options) if len(rows) else []

    def _commit(
        self, written: list[lance.FragmentMetadata]
    ) -> lance.LanceDataset | None:
        """The new version; None when another writer has made one since `base`."""
        return append_on(self.base, written, self._options)

    def _follow(self, dataset: lance.LanceDataset) -> None:
        self.base = dataset
        self._fragments = {fragment.fragment_id for fragment in dataset.get_fragments()}

    def _latest(self) -> int:
        return int(self.base.latest_version)
