"""Tidy each table wholly, or say what that would do: fragments, versions, files and bytes, before and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.commits import drop_strays, drop_versions
from assets.tables.presence import being_first, writing
from assets.tables.seals import complete_seals, seal_tables
from assets.tables.table_place import to_file_options
from assets.tables.upkeep import (
    count_mergeable,
    count_versions,
    find_droppable,
    find_needed,
    foresee_drop,
    merge_wholly,
)

if TYPE_CHECKING:
    import lance

_BUSY = "another process tidies it"


@dataclass(frozen=True)
class Size:
    """What a table consists of."""

    num_fragments: int
    num_versions: int
    num_files: int
    size_bytes: int


@dataclass(frozen=True)
class TableCare:
    """One table: what it was, what it is or would be, and what needs the versions that stay."""

    table: str
    before: Size
    after: Size
    kept: dict[str, int] = field(default_factory=dict)  # reason -> versions
    left: str = ""  # why nothing was done

    @property
    def is_changed(self) -> bool:
        """Whether there was, or is, something to do."""
        return self.before != self.after


def care_for_table(catalog: Catalog, name: str, is_dry_run: bool) -> TableCare:
    """Tidy a stored table, or measure what that would do. Raises OSError where the store refuses."""
    before = _measure(catalog, name)
    if is_dry_run:
        dataset = catalog.open_stored(name)
        after = _foresee(catalog, name, dataset, before)
        return TableCare(name, before, after, _tell_kept(catalog, name, dataset))
    is_done = _tidy_wholly(catalog, name)
    kept = _tell_kept(catalog, name, catalog.open_stored(name))
    after = _measure(catalog, name)
    return TableCare(name, before, after, kept, "" if is_done else _BUSY)


def _tidy_wholly(catalog: Catalog, name: str) -> bool:
    """Merge all files that writers would merge some day, seal what that made, and drop every version that may go.

    What writers leave because it is too few to be worth a listing goes, too. False where another process tidies the
    table. Killed anywhere it leaves the rows as they were. Raises OSError where the store refuses.
    """
    dataset = catalog.open_stored(name)
    with being_first(dataset.uri) as is_first:
        if not is_first:
            return False
        with writing(catalog.uri):
            dataset.checkout_latest()
            merge_wholly(dataset)
        seal_tables(catalog, [name])
        complete_seals(catalog, name)
        droppable = _find_droppable(catalog, name, dataset)
        if droppable:
            drop_versions(dataset, sorted(droppable))
        drop_strays(dataset)
    return True


def _find_droppable(
    catalog: Catalog, name: str, dataset: lance.LanceDataset
) -> set[int]:
    find_published = partial(catalog.published_version, name)
    return find_droppable(catalog.place(name), dataset, find_published)


def _measure(catalog: Catalog, name: str) -> Size:
    place = f"{catalog.uri}/{name}.lance"
    files = Folder(place, to_file_options(catalog.storage_options)).files()
    return Size(
        len(catalog.open_stored(name).get_fragments()),
        count_versions(catalog.place(name)),
        len(files),
        sum(file.size_bytes for file in files),
    )


def _foresee(
    catalog: Catalog, name: str, dataset: lance.LanceDataset, before: Size
) -> Size:
    """Without what merging writes; what it makes superfluous goes once the version before is out of date."""
    droppable = _find_droppable(catalog, name, dataset)
    num_files, num_bytes = foresee_drop(dataset, sorted(droppable))
    return Size(
        before.num_fragments - count_mergeable(dataset),
        before.num_versions - len(droppable),
        before.num_files - num_files,
        before.size_bytes - num_bytes,
    )


def _tell_kept(
    catalog: Catalog, name: str, dataset: lance.LanceDataset
) -> dict[str, int]:
    published = catalog.published_version(name)
    needed = find_needed(catalog.place(name), dataset, published)
    reasons = Counter(" and ".join(sorted(set(why))) for why in needed.values())
    young = count_versions(catalog.place(name)) - len(
        needed.keys() | _find_droppable(catalog, name, dataset)
    )
    told = dict(sorted(reasons.items()))
    return told | {"out of date for too short a time": young} if young > 0 else told
