"""All frames of a home in memory, by column and without pictures: what filters, orders and pages are made of.

Rows are the newest of each table, checked or not, as for everybody who looks (`assets.current_labels`). They lie in
the order of sessions and time; a position is a place in that order. An index stands for one version of each table, and
never changes: `assets.browsing.browser` makes the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.browsing.classes import read_classes
from assets.browsing.frame_ids import FrameIds, Positions
from assets.browsing.given_back import give_back
from assets.tables.catalog import Catalog, TableMissing, no_panic

if TYPE_CHECKING:
    import lance

# tables that an index, and answers by it, rest on
_OF_ROWS = ("frames", "splits", "frame_quality", "frame_exif")
_OF_CLASSES = ("frames", "labels", "label_versions")
INDEXED = (
    *_OF_ROWS,
    *("labels", "label_versions", "predictions", "frame_embeddings"),
)
_FRAME = (
    *("frame_id", "session", "sensor", "kind", "t_ns", "sequence"),
    *("width_px", "height_px", "encoding", "split_hint", "source_path"),
)
_FIGURES = (
    *("brightness", "contrast", "sharpness", "crispness"),
    *("clipped_dark", "clipped_bright", "noise"),
)
_FEW = frozenset({"session", "sensor", "kind", "encoding", "split_hint", "source_path"})
_SMALL = {"sequence": pa.int32(), "width_px": pa.int32(), "height_px": pa.int32()}
_ORDER = [("session", "ascending"), ("t_ns", "ascending"), ("sequence", "ascending")]
_AT_ONCE = 65_536
_IO_BYTES = 32 << 20  # that Lance reads ahead
_NUMBERS = count()
# whose pixels are stored as they were taken, and shown upright: HEIC and AVIF turn themselves
_TURNED = ("jpeg", "png", "webp", "tiff")


class FrameMissing(KeyError):
    """There is no frame of this id."""


@dataclass(frozen=True)
class FrameIndex:
    """`rows` (N) are the columns that conditions ask, and orders go by; `offsets` (N,) where in `dataset`, a pinned
    version, each row lies; `orientations` (N,) as Exif has them, 1 where a picture is shown as it is stored.

    `classes` has the positions, ascending, of the frames that anybody says show a class.
    """

    versions: Mapping[str, int]
    rows: pa.Table
    offsets: NDArray[np.int32]
    orientations: NDArray[np.int8]
    classes: Mapping[str, Positions]
    ids: FrameIds
    dataset: lance.LanceDataset | None
    # tells it from every other of this process
    number: int = field(default_factory=_NUMBERS.__next__)

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, frame_ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> Positions:
        """(M,) positions of frames by their ids; -1 for one that there is not."""
        return self.ids.find(frame_ids)

    def take(self, positions: Positions, columns: Sequence[str]) -> pa.Table:
        """Columns of `frames`, those that are not in memory too, in the order of the positions."""
        if self.dataset is None or not len(positions):
            return pa.table({name: pa.array([], pa.string()) for name in columns})
        offsets = self.offsets[positions]
        order = np.argsort(offsets, kind="stable")
        with no_panic("frames"):
            found = self.dataset.take(offsets[order].tolist(), columns=list(columns))
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return found.take(pa.array(back))


def build_index(catalog: Catalog, before: FrameIndex | None = None) -> FrameIndex:
    """The index of the newest version of each table. What it shares with the one `before` is not read again."""
    versions = read_versions(catalog)
    if before is None or _has_moved(_OF_ROWS, before.versions, versions):
        found = _read_index(catalog, versions)
    else:
        is_old = _has_moved(_OF_CLASSES, before.versions, versions)
        classes = (
            read_classes(catalog, before.ids, len(before)) if is_old else before.classes
        )
        number = next(_NUMBERS)
        found = replace(before, versions=versions, classes=classes, number=number)
    give_back()
    return found


def _has_moved(
    names: Sequence[str], before: Mapping[str, int], versions: Mapping[str, int]
) -> bool:
    return any(before.get(name) != versions.get(name) for name in names)


def _read_index(catalog: Catalog, versions: Mapping[str, int]) -> FrameIndex:
    dataset = _open(catalog, "frames")
    rows = _read_frames(dataset)
    give_back()
    offsets = np.asarray(rows["offset"], np.int32)
    rows = rows.select(list(_FRAME))
    ids = FrameIds(rows["frame_id"].combine_chunks())
    rows = rows.append_column("split", _read_splits(catalog, ids, len(rows)))
    for name, values in _read_figures(catalog, ids, len(rows)).items():
        rows = rows.append_column(name, values)
    give_back()
    orientations = _read_orientations(catalog, ids, len(rows))
    is_turned = pc.is_in(rows["encoding"].cast(pa.string()), pa.array(_TURNED))
    orientations[~np.asarray(is_turned)] = 1
    classes = read_classes(catalog, ids, len(rows))
    return FrameIndex(versions, rows, offsets, orientations, classes, ids, dataset)


def read_versions(catalog: Catalog) -> dict[str, int]:
    """The newest version of each table that an index is made of; of those that there are."""
    found = {}
    for name in INDEXED:
        dataset = _open(catalog, name)
        if dataset is not None:
            found[name] = dataset.version
    return found


def _open(catalog: Catalog, name: str) -> lance.LanceDataset | None:
    try:
        return catalog.dataset(name)
    except TableMissing:
        return None


def _read_frames(dataset: lance.LanceDataset | None) -> pa.Table:
    """The columns in memory, in the order of the index, with each row's `offset` in the table."""
    parts = []
    start = 0
    for batch in _scan(dataset, _FRAME):
        offsets = pa.array(np.arange(start, start + len(batch), dtype=np.int32))
        parts.append(_shrink(batch).append_column("offset", offsets))
        start += len(batch)
    if not parts:
        names = {**dict.fromkeys(_FRAME, pa.string()), "t_ns": pa.int64(), **_SMALL}
        empty = pa.table({name: pa.array([], kind) for name, kind in names.items()})
        return empty.append_column("offset", pa.array([], pa.int32()))
    rows = pa.concat_tables(parts).unify_dictionaries()
    parts.clear()
    order = _sort(rows)
    ordered = {}
    for name in rows.column_names:  # two of a column are in memory, not two of all
        ordered[name] = _narrow(rows[name].combine_chunks().take(order))
        rows = rows.drop([name])
    return pa.table(ordered)


def _sort(rows: pa.Table) -> pa.Array:
    """Indices (N) by session, time, place in the recording, sensor; what has no time comes last in its session."""
    # a dictionary sorts by its places, not by its words
    keys = {name: _rank_words(rows[name]) for name in ("session", "sensor")}
    table = pa.table({**keys, **{n: rows[n] for n in ("t_ns", "sequence")}})
    return pc.sort_indices(table, [*_ORDER, ("sensor", "ascending")])


def _narrow(column: pa.Array) -> pa.Array:
    """Few words are told apart by one byte, or two."""
    array = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(array.type):
        return array
    kind = np.min_scalar_type(-max(1, len(array.dictionary)))
    indices = array.indices.cast(pa.from_numpy_dtype(kind))
    return pa.DictionaryArray.from_arrays(indices, array.dictionary)


def _rank_words(column: pa.ChunkedArray) -> pa.Array:
    """(N,) the place of each word of a dictionary in alphabetical order."""
    array = column.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    ranks = np.empty(len(array.dictionary), np.int32)
    ranks[np.asarray(pc.sort_indices(array.dictionary))] = np.arange(len(ranks))
    return pa.array(ranks).take(array.indices)


def _shrink(batch: pa.RecordBatch) -> pa.Table:
    columns = {}
    for name in _FRAME:
        column = batch[name]
        if name in _FEW:
            column = column.dictionary_encode()
        columns[name] = column.cast(_SMALL[name]) if name in _SMALL else column
    return pa.table(columns)


def _read_splits(catalog: Catalog, ids: FrameIds, num_frames: int) -> pa.Array:
    names = ("train", "val", "test")
    codes = np.zeros(num_frames, np.int8)
    mask = np.ones(num_frames, bool)
    for batch in _scan(_open(catalog, "splits"), ("frame_id", "split")):
        places, there = _locate(ids, batch["frame_id"])
        found = pc.index_in(batch["split"], pa.array(names)).fill_null(-1)
        values = np.asarray(found)[there]
        codes[places] = values.clip(0)
        mask[places] = values < 0
    indices = pa.array(codes, mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names))


def _read_figures(
    catalog: Catalog, ids: FrameIds, num_frames: int
) -> dict[str, pa.ChunkedArray]:
    """Columns of `frame_quality`, as float32; null where a frame was not measured."""
    values = {name: np.full(num_frames, np.nan, np.float32) for name in _FIGURES}
    dataset = _open(catalog, "frame_quality")
    known = [] if dataset is None else dataset.schema.names
    stored = [name for name in _FIGURES if name in known]
    for batch in _scan(dataset, ("frame_id", *stored)):
        places, there = _locate(ids, batch["frame_id"])
        for name in stored:
            values[name][places] = np.asarray(batch[name].cast(pa.float32()))[there]
    return {name: pa.array(found, from_pandas=True) for name, found in values.items()}


def _read_orientations(
    catalog: Catalog, ids: FrameIds, num_frames: int
) -> NDArray[np.int8]:
    found = np.ones(num_frames, np.int8)
    dataset = _open(catalog, "frame_exif")
    for batch in _scan(dataset, ("frame_id", "orientation"), "orientation > 1"):
        places, there = _locate(ids, batch["frame_id"])
        found[places] = np.asarray(batch["orientation"])[there]
    return found


def _locate(ids: FrameIds, names: pa.Array) -> tuple[Positions, NDArray[np.bool_]]:
    """Positions of those names that are frames, and which those are."""
    places = ids.find(names)
    there = places >= 0
    return places[there], there


def _scan(
    dataset: lance.LanceDataset | None,
    columns: Sequence[str],
    where: str | None = None,
) -> Iterator[pa.RecordBatch]:
    if dataset is None:
        return
    with no_panic("frames"):
        yield from dataset.scanner(
            columns=list(columns),
            filter=where,
            batch_size=_AT_ONCE,
            batch_readahead=2,
            io_buffer_size=_IO_BYTES,
            scan_in_order=True,
        ).to_batches()
