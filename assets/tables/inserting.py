"""Insert rows at the cost of an append: data files first, then a commit on the version whose keys were looked at."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from assets.tables.commits import commit_on

if TYPE_CHECKING:
    import lance
    import pyarrow as pa

_FEW_ROWS = 100  # whose keys are looked for by a condition


def write_rows(
    dataset: lance.LanceDataset, rows: pa.Table, options: Mapping[str, str] | None
) -> list[lance.FragmentMetadata]:
    """Data files that no version refers to yet. Those of a commit that never comes are cleaned up with old ones."""
    from lance.fragment import write_fragments

    return write_fragments(
        rows,
        dataset,
        mode="append",
        storage_options=dict(options or {}) or None,
    )


def append_on(
    dataset: lance.LanceDataset,
    written: Iterable[lance.FragmentMetadata],
    options: Mapping[str, str] | None,
) -> lance.LanceDataset | None:
    """Commit data files against the version that was seen, as `commit_on` does.

    As a Merge operation, which Lance lets pass only on the version that it names. An Append would pass on any.
    """
    import lance

    there = [fragment.metadata for fragment in dataset.get_fragments()]
    next_id = max((f.id for f in there), default=-1) + 1
    added = [copy.copy(fragment) for fragment in written]
    for number, fragment in enumerate(added, start=next_id):
        fragment.id = number
    operation = lance.LanceOperation.Merge([*there, *added], dataset.lance_schema)
    return commit_on(dataset, operation, options)


def insert_absent(
    dataset: lance.LanceDataset,
    key: str,
    rows: pa.Table,
    options: Mapping[str, str] | None,
    is_absent: bool = False,
) -> lance.LanceDataset | None:
    """Append few rows of which the version that was seen has no key; None where it has one, where the rows are many,
    and where another writer has made a version since: then they are to be merged. `is_absent`: it is known already.

    A merge keeps a filter of its keys in the transaction and in the manifest, 65 KiB however few they are.
    """
    if len(rows) > _FEW_ROWS:
        return None
    named = ", ".join(
        "'" + str(k).replace("'", "''") + "'" for k in rows[key].to_pylist()
    )
    if not is_absent and dataset.count_rows(f"{key} IN ({named})"):
        return None
    return append_on(dataset, write_rows(dataset, rows, options), options)
