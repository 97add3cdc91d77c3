"""Recompute exactly what changed: rows whose input bytes or whose code version differ from what the table holds."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.images import Payload
from assets.tables.catalog import Catalog, require_unique_keys, session_is
from assets.tables.schemas import TABLES, to_table
from assets.video_frames import unpack

if TYPE_CHECKING:
    import lance

_BATCH_FRAMES = 64
_WRITE_ROWS = 4096  # a write reads all keys of the table
_BATCH_PIXELS = 64 << 20  # decoded at once: 192 MiB of RGB


@dataclass(frozen=True)
class Refreshed:
    """What one refresh did. `stale` rows were there with another input, code version or content.

    `computed`: rows that the work was done for; equal to new + stale when no finished row was done again.
    """

    version: int
    new: int
    stale: int
    removed: int
    total: int
    computed: int

    @property
    def summary(self) -> str:
        """One line for people."""
        rows = f"{self.new} new, {self.stale} stale, {self.removed} removed, {self.total} in all"
        return f"{rows}; computed: {self.computed}"


@dataclass(frozen=True)
class Due:
    """Frames whose rows are to be made: those of one version of the table, by row id, in batches that fit in memory."""

    version: int
    num_frames: int
    batches: list[list[int]]


# Columns of the rows of each batch, in the order of the batches.
Made = Generator[Sequence[Mapping[str, object]], None, None]


def refresh_frames(
    catalog: Catalog,
    target: str,
    session: str,
    code_version: str,
    decode: Callable[[Payload], NDArray[np.uint8]],
    compute: Callable[[list[NDArray[np.uint8]]], Sequence[Mapping[str, object]]],
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Bring a per-frame table up to date with the session's published colour frames.

    `compute` takes what `decode` makes of the stored bytes, and returns one dict of columns for each.
    """

    def make(due: Due) -> Made:
        stored = catalog.dataset("frames", due.version)
        for row_ids in due.batches:
            yield compute(read_images(catalog, stored, row_ids, decode))

    return refresh_by_batch(catalog, target, session, code_version, make, on_progress)


def refresh_by_batch(
    catalog: Catalog,
    target: str,
    session: str,
    code_version: str,
    make: Callable[[Due], Made],
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """The same, where `make` reads the frames, and may let others do it.

    Rows are written as they come, and counted at the end: raises RuntimeError where one is missing, or there twice.
    """
    frames, stored = _list_frames(catalog, session)
    columns = ["frame_id", "input_sha256", "code_version"]
    have = {
        r["frame_id"]: r
        for r in catalog.read_latest(target, columns, session_is(session)).to_pylist()
    }
    current = {
        i
        for i, r in have.items()
        if i in frames
        and (r["input_sha256"], r["code_version"])
        == (frames[i]["sha256"], code_version)
    }
    # as they were recorded: a video is then decoded once, from its start to its end
    todo = sorted(frames.keys() - current, key=lambda i: _place_of(frames[i]))
    gone = sorted(have.keys() - frames.keys())
    catalog.delete_keys(target, gone)
    if todo:
        assert stored is not None
        batches = list(
            _batches({i: frames[i]["width_px"] * frames[i]["height_px"] for i in todo})
        )
        row_ids = [[frames[i]["_rowid"] for i in ids] for ids in batches]
        due = Due(stored.version, len(todo), row_ids)
        facts = {"session": session, "code_version": code_version}
        with closing(make(due)) as made:
            rows = (
                [
                    {"frame_id": i, "input_sha256": frames[i]["sha256"], **facts, **row}
                    for i, row in zip(ids, columns_of, strict=True)
                ]
                for ids, columns_of in zip(batches, made, strict=True)
            )
            write = partial(catalog.upsert, target)
            write_as_they_come(write, target, rows, len(todo), on_progress)
        require_once(catalog, target, session_is(session), todo)
    new = sum(frame_id not in have for frame_id in todo)
    version = catalog.latest_version(target) if catalog.exists(target) else 0
    return Refreshed(version, new, len(todo) - new, len(gone), len(frames), len(todo))


def replace_rows(
    catalog: Catalog, name: str, rows: pa.Table, computed: int
) -> Refreshed:
    """Make `rows`, in the table's schema, the content of a table that is decided as a whole; written are those that
    differ from what it holds. Its columns are plain values, no lists.

    Raises ValueError when two of `rows` share a key.
    """
    key = TABLES[name].key
    require_unique_keys(name, key, rows)
    have = catalog.read_latest(name)
    is_gone = pc.invert(pc.is_in(have[key], value_set=rows[key]))
    gone = sorted(have[key].filter(is_gone).to_pylist())
    catalog.delete_keys(name, gone)
    places = pc.index_in(rows[key], value_set=have[key])
    is_same = pc.is_valid(places)
    for column in rows.schema.names:
        is_same = pc.and_(is_same, _is_equal(rows[column], have[column].take(places)))
    written = catalog.upsert(name, rows.filter(pc.invert(is_same)))
    return Refreshed(
        written.version,
        written.inserted,
        written.updated,
        len(gone),
        len(rows),
        computed,
    )


def write_as_they_come(
    write: Callable[[pa.Table], object],
    target: str,
    batches: Iterable[Sequence[Mapping[str, object]]],
    num_rows: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write rows of a table some thousand at a time. `on_progress` gets how many of them are made, and `num_rows`."""
    rows: list[Mapping[str, object]] = []
    done = 0
    for batch in batches:
        rows += batch
        done += len(batch)
        if len(rows) >= _WRITE_ROWS or done == num_rows:
            write(to_table(TABLES[target], rows))
            rows = []
        if on_progress:
            on_progress(done, num_rows)


def require_once(
    catalog: Catalog, target: str, where: str, keys: Sequence[str]
) -> None:
    """Count the rows with these keys in the newest version, among those of `where`. Raises RuntimeError where one is
    missing, or there twice."""
    key = TABLES[target].key
    stored = catalog.read_latest(target, [key], where)[key]
    found = stored.filter(pc.is_in(stored, value_set=pa.array(keys, pa.string())))
    num_found = pc.count_distinct(found).as_py()
    if len(found) != num_found or num_found != len(keys):
        raise RuntimeError(
            f"{len(keys)} rows of {target} were to be made, and {num_found} are there, {len(found) - num_found} of "
            "them twice: run the step again; where it stays so, `daguerre verify`"
        )


def _is_equal(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether values are equal, or both are null."""
    are_null = pc.and_(pc.is_null(ours), pc.is_null(theirs))
    return pc.or_(pc.fill_null(pc.equal(ours, theirs), False), are_null)


def read_images(
    catalog: Catalog,
    stored: lance.LanceDataset,
    row_ids: Sequence[int],
    decode: Callable[[Payload], NDArray[np.uint8]],
) -> list[NDArray[np.uint8]]:
    """What `decode` makes of the images in these rows of `frames`, in the order of `row_ids`."""
    where = f"_rowid IN ({', '.join(map(str, row_ids))})"
    rows = stored.to_table(
        columns=["payload"], filter=where, with_row_id=True
    ).to_pylist()
    payloads = {row["_rowid"]: row["payload"] for row in rows}
    images = unpack(catalog, [payloads[row_id] for row_id in row_ids])
    return [decode(image) for image in images]


def _list_frames(
    catalog: Catalog, session: str
) -> tuple[dict[str, dict[str, Any]], lance.LanceDataset | None]:
    """frame_id -> facts of the session's published colour frames, and the version that holds them."""
    readable = catalog.readable("frames", f"{session_is(session)} AND kind = 'color'")
    if readable is None:
        return {}, None
    stored, where = readable
    columns = [
        "frame_id",
        "sha256",
        "width_px",
        "height_px",
        "capture_id",
        "sensor",
        "sequence",
    ]
    rows = stored.to_table(columns=columns, filter=where, with_row_id=True).to_pylist()
    return {row["frame_id"]: row for row in rows}, stored


def _place_of(frame: Mapping[str, Any]) -> tuple[str, str, int, str]:
    return frame["capture_id"], frame["sensor"], frame["sequence"], frame["frame_id"]


def _batches(num_pixels: Mapping[str, int]) -> Iterator[list[str]]:
    """The ids in order, no more at once than both limits allow, and at least one."""
    batch: list[str] = []
    held = 0
    for frame_id, pixels in num_pixels.items():
        if batch and (len(batch) == _BATCH_FRAMES or held + pixels > _BATCH_PIXELS):
            yield batch
            batch = []
            held = 0
        batch.append(frame_id)
        held += pixels
    if batch:
        yield batch
