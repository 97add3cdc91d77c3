"""Vectors of frames in short: how near each frame is to one of them, and where each lies on a map.

Two bits of each direction of a vector (`assets.browsing.short_codes`), and its place on the map, are kept in the cache,
by the data file of the table that they came from. By them distances are estimated; the frames that may be the nearest
are compared by their whole vectors. Which those are is an estimate too: of few frames all are compared.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.browsing.frame_index import FrameIndex, Positions
from assets.browsing.given_back import give_back
from assets.browsing.short_codes import (
    BLOCK_ROWS,
    Floats,
    list_blocks,
    make_block,
    make_room,
    measure_block,
    read_block,
    turn,
)
from assets.tables.catalog import Catalog, TableMissing, no_panic
from assets.tables.schemas import EMBEDDING_DIM

if TYPE_CHECKING:
    import lance

_AXES = 2  # of the map
_PLACE_BYTES = 4 * _AXES
_SAMPLE = 2_048  # vectors that the directions are found from
_MOST_READ = 4_096  # whole vectors that an answer compares
_READ_ROWS = 1_024  # whole vectors in memory: 5 MiB
_SLACK = 1.5  # times the worst error so far, by which frames that are not compared may be nearer than told
_IO_BYTES = 32 << 20  # that Lance reads ahead
_RUN = 8  # blocks that a thread reads in one go
_THREADS = 2
_LOOK_ROWS = 65_536
_KEPT_S = 24 * 3600.0
_TABLE = "frame_embeddings"


@dataclass(frozen=True)
class Basis:
    """`mean` (D,), `directions` (D, 2) orthonormal, along which vectors of `encoder` differ most."""

    encoder: str
    mean: Floats
    directions: Floats

    def place(self, vectors: Floats) -> Floats:
        """(K, 2) on the map, of vectors (K, D)."""
        return np.asarray((vectors - self.mean) @ self.directions, np.float32)


@dataclass(frozen=True)
class ShortVectors:
    """Of one version of the vectors. `positions` (N,) of their frames in the index, -1 of those that are gone or were
    made by another encoder; `files` hold the short ones, some rows each, in the order of `positions`."""

    basis: Basis
    dataset: lance.LanceDataset
    positions: Positions
    files: tuple[tuple[Path, int], ...]

    def read_vector(self, position: int) -> Floats | None:
        """(D,) that of a frame; None where it has none, or one of another encoder."""
        rows = np.flatnonzero(self.positions == position)
        return read_vectors(self.dataset, rows[:1])[0] if len(rows) else None

    @cached_property
    def places(self) -> Floats:
        """(N, 2) on the map."""
        parts = [
            np.fromfile(path, np.float32, _AXES * count).reshape(-1, _AXES)
            for path, count in self.files
        ]
        return np.concatenate([np.zeros((0, _AXES), np.float32), *parts])

    def find_nearest(
        self, vector: Floats, limit: int, among: NDArray[np.bool_] | None = None
    ) -> tuple[Positions, Floats]:
        """Positions (K,) of the frames whose vectors are nearest to one (D,), and the cosines, best first; of those
        that `among`, by position, names. Of the frames that are compared, `_MOST_READ` at most, the order is exact."""
        far = self.estimate(vector)
        if among is not None:
            there = np.append(among, False)  # for -1
            far[~there[self.positions]] = np.inf
        far[self.positions < 0] = np.inf
        rows = np.flatnonzero(np.isfinite(far))
        most = max(_MOST_READ, limit)
        if len(rows) > most:
            rows = rows[np.argpartition(far[rows], most - 1)[:most]]
        rows, far = self._compare(rows[np.argsort(far[rows])], far, vector, limit)
        order = np.lexsort((self.positions[rows], far))[:limit]
        return self.positions[rows[order]], (1 - far[order] / 2).astype(np.float32)

    def estimate(self, vector: Floats) -> Floats:
        """(N,) squared distances of all vectors from one (D,), by the short ones."""
        found = np.empty(len(self.positions), np.float32)
        turned = turn(vector[None])[0]
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(partial(_estimate_run, found, turned), self._list_runs()))
        return found

    def _compare(
        self, rows: NDArray[np.int64], told: Floats, vector: Floats, limit: int
    ) -> tuple[NDArray[np.int64], Floats]:
        """Rows (K,) that were compared by whole vectors, and their squared distances.

        `rows` are nearest first, as `told` (N,) has it by short vectors. It ends where the next is told to be farther
        than the first `limit` are, by more than short vectors were wrong so far.
        """
        far = np.zeros(0, np.float32)
        while len(far) < len(rows):
            part = np.sort(rows[len(far) : len(far) + _READ_ROWS])
            rows[len(far) : len(far) + len(part)] = part
            apart = read_vectors(self.dataset, part) - vector
            far = np.append(far, np.einsum("ij,ij->i", apart, apart))
            if limit <= len(far) < len(rows):
                wrong = np.max(told[rows[: len(far)]] - far)
                farthest = np.partition(far, limit - 1)[limit - 1]
                if told[rows[len(far)]] - _SLACK * wrong > farthest:
                    break
        return rows[: len(far)], far

    def _list_runs(self) -> Iterator[_Run]:
        start = 0
        for path, count in self.files:
            offset = count * _PLACE_BYTES
            for at in range(0, count, _RUN * BLOCK_ROWS):
                rows = min(_RUN * BLOCK_ROWS, count - at)
                yield _Run(path, offset, start + at, rows)
                offset += sum(map(measure_block, list_blocks(rows)))
            start += count


@dataclass(frozen=True)
class _Run:
    """Blocks that follow each other in a file, from a byte on, of `count` rows from `start` on."""

    path: Path
    offset: int
    start: int
    count: int


def _estimate_run(found: Floats, turned: Floats, run: _Run) -> None:
    """Put the distances of a run in their place; one block is in memory."""
    start, room = run.start, make_room()
    with run.path.open("rb") as file:
        file.seek(run.offset)
        for rows in list_blocks(run.count):
            found[start : start + rows] = read_block(file, rows, room).estimate(turned)
            start += rows


def read_vectors(dataset: lance.LanceDataset, rows: NDArray[np.int64]) -> Floats:
    """(K, D) vectors of rows (K,), by their offsets in the table."""
    with no_panic(_TABLE):
        found = dataset.take(rows.tolist(), columns=["vector"])
    return _to_array(found["vector"].combine_chunks())


def open_short(catalog: Catalog, index: FrameIndex, cache: Path) -> ShortVectors | None:
    """Of the newest vectors; None where there are none. What the cache lacks is made, a block at a time."""
    try:
        dataset = catalog.dataset(_TABLE)
    except TableMissing:
        return None
    positions, encoders, names = _locate(dataset, index)
    if not len(positions):
        return None
    folder = cache / "browse"
    folder.mkdir(parents=True, exist_ok=True)
    chosen = _choose_encoder(encoders, names)
    is_ours = encoders == chosen
    basis = _open_basis(folder, dataset, names[chosen], np.flatnonzero(is_ours))
    positions[~is_ours] = -1
    files = tuple(_open_files(folder, dataset, basis))
    _sweep(folder, files)
    give_back()
    return ShortVectors(basis, dataset, positions, files)


def _locate(
    dataset: lance.LanceDataset, index: FrameIndex
) -> tuple[Positions, NDArray[np.int16], list[str]]:
    """(N,) positions in the index, (N,) which encoder made each vector, and the names of those."""
    names: dict[str, int] = {}
    positions = [np.zeros(0, np.int32)]
    encoders = [np.zeros(0, np.int16)]
    scanner = dataset.scanner(
        columns=["frame_id", "code_version"],
        batch_size=_LOOK_ROWS,
        batch_readahead=2,
        io_buffer_size=_IO_BYTES,
        scan_in_order=True,
    )
    with no_panic(_TABLE):
        for batch in scanner.to_batches():
            positions.append(index.find(batch["frame_id"]))
            words = batch["code_version"].dictionary_encode()
            codes = [
                names.setdefault(name, len(names))
                for name in words.dictionary.to_pylist()
            ]
            encoders.append(np.array(codes, np.int16)[np.asarray(words.indices)])
    return np.concatenate(positions), np.concatenate(encoders), list(names)


def _choose_encoder(encoders: NDArray[np.int16], names: Sequence[str]) -> int:
    """The one that made most: vectors of two are not compared."""
    counts = np.bincount(encoders, minlength=len(names))
    return max(range(len(names)), key=lambda n: (counts[n], names[n]))


def _open_basis(
    folder: Path,
    dataset: lance.LanceDataset,
    encoder: str,
    ours: NDArray[np.int64],
) -> Basis:
    path = folder / f"basis-{_digest(dataset.uri, encoder)}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = Basis(encoder, file["mean"], file["directions"])
        if found.directions.shape == (EMBEDDING_DIM, _AXES):
            return found
    except (OSError, ValueError, KeyError):
        pass
    some = ours[np.unique(np.linspace(0, len(ours) - 1, _SAMPLE).astype(np.int64))]
    vectors = read_vectors(dataset, some)
    mean = vectors.mean(axis=0)
    vectors = vectors - mean
    _, turned = np.linalg.eigh(vectors.T @ vectors)
    found = Basis(encoder, mean, np.ascontiguousarray(turned[:, ::-1][:, :_AXES]))
    aside = folder / f".{uuid.uuid4().hex}.npz"
    with aside.open("wb") as file:
        np.savez(file, mean=found.mean, directions=found.directions)
    os.replace(aside, path)
    return found


def _open_files(
    folder: Path, dataset: lance.LanceDataset, basis: Basis
) -> Iterator[tuple[Path, int]]:
    """The file of each fragment, with its number of rows."""
    facts = basis.mean.tobytes() + basis.directions.tobytes()
    for fragment in dataset.get_fragments():
        names = [file.path for file in fragment.metadata.files]
        deleted = fragment.deletion_file() or ""
        path = folder / f"short-{_digest(facts, *names, deleted)}.bits"
        count = fragment.count_rows()
        size = count * _PLACE_BYTES + sum(map(measure_block, list_blocks(count)))
        if not path.is_file() or path.stat().st_size != size:
            _write_short(path, fragment, basis)
            give_back()
        yield path, count


def _write_short(path: Path, fragment: lance.LanceFragment, basis: Basis) -> None:
    """Places, then blocks. Written aside and renamed, so that a reader finds all of it or nothing."""
    aside = path.with_name(f".{uuid.uuid4().hex}")
    count = fragment.count_rows()
    places = []
    with aside.open("wb") as file:
        file.seek(count * _PLACE_BYTES)
        for vectors in _read_blocks(fragment):
            places.append(basis.place(vectors))
            make_block(vectors).write(file)
        file.seek(0)
        for part in places:
            file.write(np.ascontiguousarray(part).data)
    os.replace(aside, path)


def _read_blocks(fragment: lance.LanceFragment) -> Iterator[Floats]:
    """(N, D) the vectors of each block."""
    scanner = fragment.scanner(
        columns=["vector"],
        batch_size=_READ_ROWS,
        batch_readahead=1,
        io_buffer_size=_IO_BYTES,
    )
    held = np.zeros((0, EMBEDDING_DIM), np.float32)
    with no_panic(_TABLE):
        for batch in scanner.to_batches():
            held = np.concatenate([held, _to_array(batch["vector"])])
            while len(held) >= BLOCK_ROWS:
                yield held[:BLOCK_ROWS]
                held = held[BLOCK_ROWS:]
    if len(held):
        yield held


def _sweep(folder: Path, files: Sequence[tuple[Path, int]]) -> None:
    """Take out files of fragments that are no more, once nobody reads them."""
    kept = {path.name for path, _ in files}
    before_s = time.time() - _KEPT_S
    for path in folder.glob("short-*"):
        with suppress(FileNotFoundError):  # another server's sweep
            if path.name not in kept and path.stat().st_mtime < before_s:
                path.unlink()


def _to_array(vectors: pa.Array) -> Floats:
    return np.asarray(vectors.flatten(), np.float32).reshape(-1, EMBEDDING_DIM)


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode() + b"\0")
    return digest.hexdigest()[:24]
