"""Commit against the version that was seen, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lance


def commit_on(
    dataset: lance.LanceDataset,
    operation: lance.LanceOperation.BaseOperation,
    options: Mapping[str, str] | None,
) -> lance.LanceDataset | None:
    """The new version; None when another writer has made one since `dataset` was opened.

    `operation` has to be one that Lance lets pass only on the version that it names: a Merge or an Overwrite.
    """
    import lance
    from lance.commit import CommitConflictError

    try:
        return lance.LanceDataset.commit(
            dataset,
            operation,
            read_version=dataset.version,
            max_retries=0,
            storage_options=dict(options or {}) or None,
        )
    except (CommitConflictError, OSError) as error:
        if "conflict" not in str(error).lower():
            raise
        return None
