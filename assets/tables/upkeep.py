"""Keep what a table costs apart from how many commits have made it: merge small files, drop versions nobody needs.

It is done by whoever writes, after some of its commits: nobody has to run it. `assets.maintenance` does at once
what writers leave for later. Killed anywhere it leaves the rows as they were, and the next commit goes on.

Merged are `MANY` fragments or more that lie side by side: small ones whenever there are so many, larger ones when they
make a large one together. So a byte is written again at most 64 times as a small one, at 64 KiB a commit, and once as a
larger one; what is large stays as it is.

Dropped are versions that no tag, seal or publication names, once they have been out of date for a while: a minute where
no other process has the tables open, a day where one has. Lance finds conflicts between writers by the versions that
were made meanwhile: a writer that slept longer would not see them, so `writing` marks those of this process.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from assets.tables.commits import STRAYS, drop_versions, merge_files
from assets.tables.durable import is_local, version_of_manifest
from assets.tables.presence import being_first, is_alone, writing
from assets.tables.seal_store import list_sealed
from assets.tables.table_place import TablePlace, to_file_options

if TYPE_CHECKING:
    import lance

FindPublished = Callable[[], int | None]  # the version that readers follow
MANY = 16  # fragments that are merged, versions that are dropped at once
SMALL_BYTES = 1 << 20
LARGE_BYTES = 16 << 20
ALONE_S = 60.0
BESIDE_OTHERS_S = 86_400.0
_BATCH_BYTES = 8 << 20  # of rows in memory, as stored
_MAX_BATCH_ROWS = 8192
_log = logging.getLogger("daguerre.tables")


class _Version(NamedTuple):
    number: int
    made_s: float  # since 1970, by the clock of the store


def tidy(
    place: TablePlace, dataset: lance.LanceDataset, find_published: FindPublished
) -> None:
    """Merge files and drop versions, where it is time to. The dataset is at the newest version that this made.

    What the store refuses is left for a later commit, with a warning: the rows are all there.
    """
    if not _find_run_in(dataset) and dataset.version % MANY:
        return
    try:
        with being_first(dataset.uri) as is_first:
            if is_first:
                with writing(place.tables_uri):
                    dataset.checkout_latest()
                    _merge_run(dataset, _find_run_in(dataset))
                _drop_old(place, dataset, find_published)
    except OSError as error:
        _log.warning(
            f"table '{place.name}' is left as it is, and tidied later: {error}"
        )


def find_run(sizes: Sequence[int]) -> range:
    """The places of fragments of these sizes, in bytes, that are to be merged; an empty one where none are."""
    small = [run for run in _list_runs(sizes, SMALL_BYTES) if len(run) >= MANY]
    larger = [
        run
        for run in _list_runs(sizes, LARGE_BYTES)
        if len(run) >= MANY and sum(sizes[run.start : run.stop]) >= LARGE_BYTES
    ]
    return next(iter([*small, *larger]), range(0))


def merge_wholly(dataset: lance.LanceDataset) -> None:
    """Merge all files that `tidy` would merge some day. The dataset is at the newest version that this made."""
    while run := _find_run_in(dataset):
        if not _merge_run(dataset, run):
            break


def find_droppable(
    place: TablePlace, dataset: lance.LanceDataset, find_published: FindPublished
) -> set[int]:
    """The versions that have been out of date for long enough and that no tag, seal or publication names."""
    out_of_date = _find_out_of_date(place, _list_versions(place))
    return out_of_date - find_needed(place, dataset, find_published()).keys()


def find_needed(
    place: TablePlace, dataset: lance.LanceDataset, published: int | None
) -> dict[int, list[str]]:
    """Version -> what needs it: "newest", "published", "sealed", or a tag such as that of a release."""
    needed: dict[int, list[str]] = {dataset.version: ["newest"]}
    if published is not None:
        needed.setdefault(published, []).append("published")
    for tag, facts in dataset.tags.list().items():
        needed.setdefault(int(facts["version"]), []).append(f"tag {tag}")
    for version in list_sealed(place):
        needed.setdefault(version, []).append("sealed")
    return needed


def foresee_drop(
    dataset: lance.LanceDataset, versions: Iterable[int]
) -> tuple[int, int]:
    """Files and bytes that go with these versions and with what no version names. Removes nothing."""
    listed = list(versions)
    asked = {**STRAYS, "older_than": None, "versions": listed} if listed else STRAYS
    stats = dataset.explain_cleanup_old_versions(**asked).stats
    num_files = (
        stats.old_versions
        + stats.data_files_removed
        + stats.transaction_files_removed
        + stats.index_files_removed
        + stats.deletion_files_removed
    )
    return num_files, stats.bytes_removed


def count_mergeable(dataset: lance.LanceDataset) -> int:
    """How many fragments fewer there are when all runs of them are merged."""
    sizes = [_measure(fragment) for fragment in dataset.get_fragments()]
    before = len(sizes)
    while run := find_run(sizes):
        sizes[run.start : run.stop] = [sum(sizes[run.start : run.stop])]
    return before - len(sizes)


def count_versions(place: TablePlace) -> int:
    """How many versions of a table are stored."""
    return len(_list_versions(place))


def _list_runs(sizes: Sequence[int], limit: int) -> list[range]:
    """The places, side by side, of what is smaller."""
    ends = [at for at, size in enumerate(sizes) if size >= limit]
    bounds = pairwise([-1, *ends, len(sizes)])
    return [range(before + 1, end) for before, end in bounds]


def _find_run_in(dataset: lance.LanceDataset) -> range:
    return find_run([_measure(fragment) for fragment in dataset.get_fragments()])


def _merge_run(dataset: lance.LanceDataset, run: range) -> bool:
    """False where there is nothing to merge, or another writer was first."""
    if not run:
        return False
    fragments = dataset.get_fragments()[run.start : run.stop]
    num_bytes = sum(map(_measure, fragments))
    num_rows = sum(fragment.metadata.physical_rows for fragment in fragments)
    rows = max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES * num_rows // max(1, num_bytes)))
    ids = [fragment.fragment_id for fragment in fragments]
    return merge_files(dataset, ids, rows)


def _measure(fragment: lance.LanceFragment) -> int:
    return sum(file.file_size_bytes or 0 for file in fragment.metadata.files)


def _drop_old(
    place: TablePlace, dataset: lance.LanceDataset, find_published: FindPublished
) -> None:
    """Costs a listing of the versions, and more only where half of them can go."""
    versions = _list_versions(place)
    out_of_date = _find_out_of_date(place, versions)
    if not _is_worth_it(out_of_date, versions):
        return
    droppable = out_of_date - find_needed(place, dataset, find_published()).keys()
    if _is_worth_it(droppable, versions):
        drop_versions(dataset, sorted(droppable))


def _find_out_of_date(place: TablePlace, versions: Sequence[_Version]) -> set[int]:
    kept_s = ALONE_S if is_alone(place.tables_uri) else BESIDE_OTHERS_S
    return {
        old.number
        for old, following in pairwise(versions)
        if time.time() - following.made_s > kept_s
    }


def _is_worth_it(droppable: set[int], versions: Sequence[_Version]) -> bool:
    return len(droppable) >= max(MANY, len(versions) // 2)


def _list_versions(place: TablePlace) -> list[_Version]:
    """The oldest first, by one listing."""
    folder = f"{place.tables_uri}/{place.name}.lance/_versions"
    files = (
        _list_local(folder)
        if is_local(folder)
        else _list_remote(folder, place.storage_options)
    )
    found = [(version_of_manifest(file), made_s) for file, made_s in files]
    return sorted(_Version(number, made_s) for number, made_s in found if number)


def _list_local(folder: str) -> Iterator[tuple[str, float]]:
    for name in filter(version_of_manifest, os.listdir(folder)):
        try:
            made_s = os.stat(f"{folder}/{name}").st_mtime
        except FileNotFoundError:  # another process has dropped it since
            continue
        yield name, made_s


def _list_remote(
    folder: str, options: dict[str, str] | None
) -> Iterator[tuple[str, float]]:
    from assets.storage import Folder

    place = Folder(folder, to_file_options(options))
    for entry in place.fs.ls(place._root, detail=True, refresh=True):
        if entry["type"] == "file":
            yield entry["name"].rsplit("/", 1)[1], entry["LastModified"].timestamp()
