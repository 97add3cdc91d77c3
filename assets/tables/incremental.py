"""Recompute exactly what changed: rows whose input bytes or whose code version differ from what the table holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    rows: list[dict[str, object]] = []
    done = 0
    for ids in _batches(
        {i: frames[i]["width_px"] * frames[i]["height_px"] for i in todo}
    ):
        assert stored is not None
        row_ids = [frames[i]["_rowid"] for i in ids]
        made = compute(read_images(catalog, stored, row_ids, decode))
        facts = {"session": session, "code_version": code_version}
        for frame_id, columns_made in zip(ids, made, strict=True):
            rows.append(
                {
                    "frame_id": frame_id,
                    "input_sha256": frames[frame_id]["sha256"],
                    **facts,
                    **columns_made,
                }
            )
        done += len(ids)
        if len(rows) >= _WRITE_ROWS or done == len(todo):
            catalog.upsert(target, to_table(TABLES[target], rows))
            rows = []
        if on_progress:
            on_progress(done, len(todo))
    new = sum(frame_id not in have for frame_id in todo)
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
    readable = catalog.readable_of("frames", session, "kind = 'color'")
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
