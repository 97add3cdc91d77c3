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
_PLACE = ("capture_id", "sensor", "sequence", "frame_id")  # in a recording
_NO_FRAMES = pa.table(
    {"frame_id": pa.array([], pa.string()), "sha256": pa.array([], pa.string())}
)


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
    have = catalog.read_latest(target, columns, session_is(session))
    is_gone = pc.invert(pc.is_in(have["frame_id"], value_set=frames["frame_id"]))
    gone = sorted(have["frame_id"].filter(is_gone).to_pylist())
    catalog.delete_keys(target, gone)
    places = pc.index_in(frames["frame_id"], value_set=have["frame_id"])
    is_current = pc.and_(
        pc.equal(have["input_sha256"].take(places), frames["sha256"]),
        pc.equal(have["code_version"].take(places), code_version),
    )
    is_due = pc.invert(pc.fill_null(is_current, False))
    todo = frames.filter(is_due).combine_chunks()
    new = pc.sum(pc.is_null(places.filter(is_due))).as_py() or 0
    if len(todo):
        assert stored is not None
        batches = list(_batches(todo["num_pixels"].to_numpy()))
        row_ids = todo["_rowid"].to_numpy()
        due = Due(stored.version, len(todo), [row_ids[at].tolist() for at in batches])
        facts = {"session": session, "code_version": code_version}
        with closing(make(due)) as made:
            rows = (
                [
                    {**frame, **facts, **row}
                    for frame, row in zip(_name_rows(todo, at), columns_of, strict=True)
                ]
                for at, columns_of in zip(batches, made, strict=True)
            )
            write = partial(catalog.upsert, target)
            write_as_they_come(write, target, rows, len(todo), on_progress)
        require_once(catalog, target, session_is(session), todo["frame_id"])
    version = catalog.latest_version(target) if catalog.exists(target) else 0
    return Refreshed(version, new, len(todo) - new, len(gone), len(frames), len(todo))


def replace_rows(
    catalog: Catalog,
    name: str,
    rows: pa.Table,
    computed: int,
    have: pa.Table | None = None,
) -> Refreshed:
    """Make `rows`, in the table's schema, the content of a table that is decided as a whole; written are those that
    differ from what it holds: `have`, where it was read for this. Its columns are plain values, no lists.

    Raises ValueError when two of `rows` share a key.
    """
    key = TABLES[name].key
    require_unique_keys(name, key, rows)
    if have is None:
        have = catalog.read_latest(name)
    is_gone = pc.invert(pc.is_in(have[key], value_set=rows[key]))
    gone = sorted(have[key].filter(is_gone).to_pylist())
    catalog.delete_keys(name, gone)
    places = pc.index_in(rows[key], value_set=have[key])
    is_same = pc.is_valid(places)
    lying = _take(have, places)
    for column in rows.schema.names:
        is_same = pc.and_(is_same, _is_equal(rows[column], lying[column]))
    written = catalog.upsert(name, rows.filter(pc.invert(is_same)))
    return Refreshed(
        written.version,
        written.inserted,
        written.updated,
        len(gone),
        len(rows),
        computed,
    )


def _take(rows: pa.Table, places: pa.ChunkedArray) -> pa.Table:
    """The rows at these places, nulls where there is none; no copy of those that lie as they are asked for."""
    wanted = pc.fill_null(places, -1).to_numpy()
    (elsewhere,) = np.nonzero(wanted != np.arange(len(wanted)))
    start = int(elsewhere[0]) if len(elsewhere) else len(wanted)
    return pa.concat_tables([rows.slice(0, start), rows.take(places.slice(start))])


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
    catalog: Catalog, target: str, where: str, keys: Sequence[str] | pa.ChunkedArray
) -> None:
    """Count the rows with these keys in the newest version, among those of `where`. Raises RuntimeError where one is
    missing, or there twice."""
    key = TABLES[target].key
    asked = keys if isinstance(keys, pa.ChunkedArray) else pa.array(keys, pa.string())
    stored = catalog.read_latest(target, [key], where)[key]
    found = stored.filter(pc.is_in(stored, value_set=asked))
    num_found = pc.count_distinct(found).as_py()
    if len(found) != num_found or num_found != len(asked):
        raise RuntimeError(
            f"{len(asked)} rows of {target} were to be made, and {num_found} are there, {len(found) - num_found} of "
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
) -> tuple[pa.Table, lance.LanceDataset | None]:
    """frame_id, sha256, num_pixels and _rowid of the session's published colour frames, and the version that holds
    them: as they were recorded, so that a video is decoded once, from its start to its end."""
    readable = catalog.readable_of("frames", session, "kind = 'color'")
    if readable is None:
        return _NO_FRAMES, None
    stored, where = readable
    columns = ["sha256", "width_px", "height_px", *_PLACE]
    rows = stored.to_table(columns=columns, filter=where, with_row_id=True)
    order = pc.sort_indices(rows, [(name, "ascending") for name in _PLACE])
    num_pixels = pc.multiply(rows["width_px"], rows["height_px"])
    rows = rows.select(["frame_id", "sha256", "_rowid"])
    return rows.append_column("num_pixels", num_pixels).take(order), stored


def _name_rows(frames: pa.Table, at: slice) -> list[dict[str, Any]]:
    """What a row says of its frame, for some of them."""
    some = frames.select(["frame_id", "sha256"])[at]
    return some.rename_columns(["frame_id", "input_sha256"]).to_pylist()


def _batches(num_pixels: NDArray[np.int64]) -> Iterator[slice]:
    """Frames one after another, no more at once than both limits allow, and at least one."""
    start = held = 0
    for at, pixels in enumerate(num_pixels.tolist()):
        if at > start and (
            at - start == _BATCH_FRAMES or held + pixels > _BATCH_PIXELS
        ):
            yield slice(start, at)
            start, held = at, 0
        held += pixels
    if start < len(num_pixels):
        yield slice(start, len(num_pixels))
