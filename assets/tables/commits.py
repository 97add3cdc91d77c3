"""Every commit to a table: what is committed is on disk when the call returns. Nothing else calls Lance to write.

Data files may be written elsewhere (`write_fragments`): no version refers to them before `commit_on`, which syncs them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assets.tables.durable import sync_data, sync_tag, sync_version

if TYPE_CHECKING:
    import lance
    import pyarrow as pa

# no version is as old as that: files alone go, which Lance keeps for a week
STRAYS: dict[str, Any] = {
    "older_than": timedelta(days=36_500),
    "error_if_tagged_old_versions": False,
}


def commit_first(
    uri: str, schema: pa.Schema, options: Mapping[str, str] | None
) -> lance.LanceDataset:
    """Version 1 of a table, without rows. Raises OSError where there is a version already.

    Not by `write_dataset(mode="create")`: of writers that race, one may overwrite what another has merged already.
    A commit on version 0 that is not tried again makes version 1 or fails.
    """
    import lance

    made = lance.LanceDataset.commit(
        uri,
        lance.LanceOperation.Overwrite(schema, []),
        read_version=0,
        max_retries=0,
        storage_options=dict(options or {}) or None,
    )
    sync_version(made)
    return made


def commit_on(
    dataset: lance.LanceDataset,
    operation: lance.LanceOperation.Merge | lance.LanceOperation.Overwrite,
    options: Mapping[str, str] | None,
) -> lance.LanceDataset | None:
    """Commit against the version that was seen, or not at all: None when another writer has made one since.

    The operations are those that Lance lets pass only on the version that they name.
    """
    import lance
    from lance.commit import CommitConflictError

    sync_data(
        dataset.uri, (file.path for made in operation.fragments for file in made.files)
    )
    try:
        made = lance.LanceDataset.commit(
            dataset,
            operation,
            read_version=dataset.version,
            max_retries=0,
            storage_options=dict(options or {}) or None,
        )
    except (CommitConflictError, OSError) as error:
        # one that was dropped since is not the newest either
        is_dropped = re.search(r"\.manifest was not found", str(error))
        if not is_dropped and "conflict" not in str(error).lower():
            raise
        return None
    sync_version(made)
    return made


def merge_rows(
    dataset: lance.LanceDataset,
    key: str,
    rows: pa.Table,
    replace: str | None,
    retries: int,
) -> dict[str, Any]:
    """Insert the rows with new keys, and replace those with a known one where the condition `replace` holds.

    The dataset is at the new version then. Returns what Lance counted; raises OSError after `retries` conflicts.
    """
    merge = dataset.merge_insert(key).when_not_matched_insert_all()
    if replace:
        merge = merge.when_matched_update_all(replace)
    stats = merge.use_index(False).conflict_retries(retries).execute(rows)
    sync_version(dataset)
    return dict(stats)


def delete_rows(dataset: lance.LanceDataset, where: str, retries: int) -> int:
    """Delete the matching rows; the new version. Raises OSError after `retries` conflicts."""
    dataset.delete(where, conflict_retries=retries)
    sync_version(dataset)
    return int(dataset.version)


def merge_files(
    dataset: lance.LanceDataset, fragment_ids: Iterable[int], batch_rows: int
) -> bool:
    """Write the rows of these fragments, which lie side by side, as one; `batch_rows` are in memory at once.

    The dataset is at the new version then, with the same rows. False when another writer has changed one meanwhile.
    """
    wanted = set(fragment_ids)
    others = [
        f.fragment_id for f in dataset.get_fragments() if f.fragment_id not in wanted
    ]
    try:
        dataset.optimize.compact_files(
            num_threads=1, batch_size=batch_rows, excluded_fragment_ids=others
        )
    except OSError as error:
        if "conflict" not in str(error).lower():
            raise
        return False
    sync_version(dataset)
    return True


def drop_versions(dataset: lance.LanceDataset, versions: Iterable[int]) -> None:
    """Remove versions, and the files that no other one has. Those that tags name stay, and so does the newest.

    The one that the dataset is at comes to disk first: after a power cut tables are opened at the newest whole one.
    What was removed may be there again after it, and harms nobody.
    """
    sync_version(dataset)
    dataset.cleanup_old_versions(
        versions=list(versions), error_if_tagged_old_versions=False
    )


def write_out_deleted(dataset: lance.LanceDataset, batch_rows: int) -> None:
    """Write fragments of which rows were deleted anew without these: their bytes are in no file of the new version.

    Raises OSError where another writer has changed one meanwhile.
    """
    whole = [f.fragment_id for f in dataset.get_fragments() if not f.deletion_file()]
    dataset.optimize.compact_files(
        num_threads=1,
        batch_size=batch_rows,
        materialize_deletions=True,
        materialize_deletions_threshold=0.0,
        excluded_fragment_ids=whole,
    )
    sync_version(dataset)


def begin_anew(dataset: lance.LanceDataset) -> int:
    """Make a version with the same rows, whose transaction names none: the one before may name what was deleted."""
    dataset.delete("false")
    sync_version(dataset)
    return int(dataset.version)


def drop_history(dataset: lance.LanceDataset, kept: Collection[int]) -> None:
    """Remove every version but the newest and `kept`, with every file that none of these names, whoever wrote it.

    Only for who is alone with the table: a write under way would lose its files, and a reader of an old version those
    that it reads.
    """
    sync_version(dataset)
    listed = (int(one["version"]) for one in dataset.versions())
    going = [v for v in listed if v not in {*kept, dataset.version}]
    if going:
        dataset.cleanup_old_versions(
            versions=going,
            error_if_tagged_old_versions=False,
            delete_unverified=True,
        )


def drop_strays(dataset: lance.LanceDataset) -> None:
    """Remove files that no version names, a week after they were written: of writers that died before a commit."""
    sync_version(dataset)
    dataset.cleanup_old_versions(**STRAYS)


def drop_tag(dataset: lance.LanceDataset, tag: str) -> None:
    """Take a tag away; where there is none, nothing happens."""
    sync_version(dataset)
    if tag in dataset.tags.list():
        dataset.tags.delete(tag)


def allow_nulls(dataset: lance.LanceDataset, names: Iterable[str]) -> None:
    """Let columns be null, in commits of their own: Lance changes no column by an operation that adds one."""
    for name in names:
        dataset.alter_columns({"path": name, "nullable": True})  # type: ignore[dict-item]  # its stub is empty
        sync_version(dataset)


def pin(dataset: lance.LanceDataset, tag: str, version: int) -> None:
    """Give the version a tag; where somebody else has given that tag, theirs stays."""
    if tag not in dataset.tags.list():
        try:
            dataset.tags.create(tag, version)
        except (OSError, ValueError) as error:
            if "already exists" not in str(error).lower():
                raise
    sync_tag(dataset.uri, tag)


def move_tag(dataset: lance.LanceDataset, tag: str, version: int) -> None:
    """Make a tag that is there name this version."""
    dataset.tags.update(tag, version)
    sync_tag(dataset.uri, tag)
