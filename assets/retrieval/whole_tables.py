"""The tables that may be opened: those of which no file is known to be broken.

Lance trusts its files. On a changed one it may panic, ask for all memory, or read other values; so nobody parses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Self

from assets.tables.catalog import Catalog

if TYPE_CHECKING:
    import lance


class WholeTables(Catalog):
    """A catalog that raises ValueError for a table with a broken file."""

    def __init__(self, catalog: Catalog, broken: Mapping[str, str]) -> None:
        super().__init__(catalog.uri, catalog.storage_options)
        self._broken = broken  # table -> one broken file

    @classmethod
    def of(cls, catalog: Catalog, broken_paths: Iterable[str]) -> Self:
        """`broken_paths` are below the folder of the tables: `frames.lance/data/x.lance`."""
        return cls(
            catalog, {p.split(".lance/")[0]: p for p in broken_paths if ".lance/" in p}
        )

    def open_stored(self, name: str, version: int | None = None) -> lance.LanceDataset:
        if name in self._broken:
            raise ValueError(
                f"table '{name}' is not opened while its file {self._broken[name]} is broken"
            )
        return super().open_stored(name, version)
