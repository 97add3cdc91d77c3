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
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex
from assets.browsing.given_back import give_back
from assets.browsing.short_codes import (
    PLANES,
    Floats,
    Question,
    cut_question,
    turn,
)
from assets.browsing.short_files import (
    AXES,
    BlockPlace,
    ShortFile,
    list_places,
    read_blocks,
)
from assets.tables.catalog import Catalog, TableMissing, no_panic
from assets.tables.schemas import EMBEDDING_DIM

if TYPE_CHECKING:
    import lance

_SAMPLE = 2_048  # vectors that the directions are found from
_MOST_SIFTED = 65_536  # frames that all planes are counted of, nearest by one
_SIFT_FROM = 4  # times as many frames: of fewer, to count all planes of all is as quick
_MOST_READ = 2_048  # whole vectors that an answer compares
_READ_ROWS = 1_024  # whole vectors in memory: 5 MiB
_SLACK = 1.5  # times the worst error so far, by which frames that are not compared may be nearer than told
_IO_BYTES = 32 << 20  # that Lance reads ahead
_THREADS = 2
_LOOK_ROWS = 65_536
_KEPT_S = 24 * 3600.0
_TABLE = "frame_embeddings"

Rows: TypeAlias = NDArray[np.int64]  # offsets in the table


@dataclass(frozen=True)
class Basis:
    """`mean` (D,), `directions` (D, 2) orthonormal, along which vectors of `encoder` differ most."""

    encoder: str
    mean: Floats
    directions: Floats

    def place(self, vectors: Floats) -> Floats:
        """(K, 2) on the map, of vectors (K, D)."""
        found = vectors @ self.directions - self.mean @ self.directions
        return np.asarray(found, np.float32)


@dataclass(frozen=True)
class ShortVectors:
    """Of one version of the vectors. `positions` (N,) of their frames in the index, -1 of those that are gone or were
    made by another encoder; `files` hold the short ones, some rows each, in the order of `positions`."""

    basis: Basis
    dataset: lance.LanceDataset
    positions: Positions
    files: tuple[ShortFile, ...]

    def read_vector(self, position: int) -> Floats | None:
        """(D,) that of a frame; None where it has none, or one of another encoder."""
        rows = np.flatnonzero(self.positions == position)
        return read_vectors(self.dataset, rows[:1])[0] if len(rows) else None

    @cached_property
    def places(self) -> Floats:
        """(N, 2) on the map."""
        parts = [file.read_places() for file in self.files]
        return np.concatenate([np.zeros((0, AXES), np.float32), *parts])

    @cached_property
    def _centres(self) -> Floats:
        return np.concatenate([file.read_centres() for file in self.files])

    @cached_property
    def _blocks(self) -> Sequence[BlockPlace]:
        return list_places(self.files)

    @cached_property
    def _starts(self) -> Rows:
        """(B + 1,) the first row of each block, and that after the last."""
        counts = [count for file in self.files for count in file.block_rows]
        return np.cumsum([0, *counts])

    def find_nearest(
        self, vector: Floats, limit: int, among: NDArray[np.bool_] | None = None
    ) -> tuple[Positions, Floats]:
        """Positions (K,) of the frames whose vectors are nearest to one (D,), and the cosines, best first; of those
        that `among`, by position, names. Of the frames that are compared, `_MOST_READ` at most, the order is exact."""
        is_asked = self.positions >= 0
        if among is not None:
            is_asked &= np.append(among, False)[self.positions]  # the last for -1
        question = self.ask(vector)
        rows = np.flatnonzero(is_asked)
        if len(rows) > _SIFT_FROM * _MOST_SIFTED:
            told = self.estimate(question, rows, num_planes=1)
            # in their order, by the one that is farthest among them
            rows = rows[told <= np.partition(told, _MOST_SIFTED - 1)[_MOST_SIFTED - 1]]
        told = self.estimate(question, rows)
        least = _find_least(told, max(_MOST_READ, limit))
        nearest = least[np.argsort(told[least])]
        rows, far = self._compare(rows[nearest], told[nearest], vector, limit)
        order = np.lexsort((self.positions[rows], far))[:limit]
        return self.positions[rows[order]], (1 - far[order] / 2).astype(np.float32)

    def ask(self, vector: Floats) -> Question:
        """What is asked about one (D,), for all blocks."""
        return cut_question(turn(vector[None])[0], self._centres)

    def estimate(
        self, question: Question, rows: Rows, num_planes: int = PLANES
    ) -> Floats:
        """(K,) squared distances of rows (K,), ascending, by so many planes of the short vectors."""
        found = np.empty(len(rows), np.float32)
        edges = np.searchsorted(rows, self._starts)
        # the threads take from one iterator, so that none waits for the other
        places = iter(
            [self._blocks[n] for n in np.flatnonzero(np.diff(edges)).tolist()]
        )

        def work() -> None:
            for place, block in read_blocks(places, num_planes):
                start, end = edges[place.index : place.index + 2]
                if end - start < len(block):
                    block = block.take(rows[start:end] - self._starts[place.index])
                found[start:end] = block.estimate(question, place.index)

        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(work) for _ in range(_THREADS)]:
                done.result()
        return found

    def _compare(
        self, rows: Rows, told: Floats, vector: Floats, limit: int
    ) -> tuple[Rows, Floats]:
        """Rows (K,) that were compared by whole vectors, and their squared distances.

        `rows` are nearest first, as `told` has it by short vectors. It ends where the next is told to be farther
        than the first `limit` are, by more than short vectors were wrong so far.
        """
        far = np.zeros(0, np.float32)
        while len(far) < len(rows):
            part = slice(len(far), len(far) + _READ_ROWS)
            order = np.argsort(rows[part])  # as they lie
            rows[part], told[part] = rows[part][order], told[part][order]
            apart = read_vectors(self.dataset, rows[part]) - vector
            far = np.append(far, np.einsum("ij,ij->i", apart, apart))
            if limit <= len(far) < len(rows):
                wrong = np.max(told[: len(far)] - far)
                farthest = np.partition(far, limit - 1)[limit - 1]
                if told[len(far)] - _SLACK * wrong > farthest:
                    break
        return rows[: len(far)], far


def _find_least(values: Floats, most: int) -> Rows:
    """Where the least of values (N,) are, in no order."""
    if len(values) <= most:
        return np.arange(len(values))
    return np.argpartition(values, most - 1)[:most]


def read_vectors(dataset: lance.LanceDataset, rows: Rows) -> Floats:
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
    ours: Rows,
) -> Basis:
    path = folder / f"basis-{_digest(dataset.uri, encoder)}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = Basis(encoder, file["mean"], file["directions"])
        if found.directions.shape == (EMBEDDING_DIM, AXES):
            return found
    except (OSError, ValueError, KeyError):
        pass
    some = ours[np.unique(np.linspace(0, len(ours) - 1, _SAMPLE).astype(np.int64))]
    vectors = read_vectors(dataset, some)
    mean = vectors.mean(axis=0)
    vectors = vectors - mean
    _, turned = np.linalg.eigh(vectors.T @ vectors)
    found = Basis(encoder, mean, np.ascontiguousarray(turned[:, ::-1][:, :AXES]))
    aside = folder / f".{uuid.uuid4().hex}.npz"
    with aside.open("wb") as file:
        np.savez(file, mean=found.mean, directions=found.directions)
    os.replace(aside, path)
    return found


def _open_files(
    folder: Path, dataset: lance.LanceDataset, basis: Basis
) -> Iterator[ShortFile]:
    """The file of each fragment."""
    facts = basis.mean.tobytes() + basis.directions.tobytes()
    start = 0
    for fragment in dataset.get_fragments():
        names = [file.path for file in fragment.metadata.files]
        deleted = fragment.deletion_file() or ""
        path = folder / f"short-{_digest(facts, *names, deleted)}.bits"
        file = ShortFile(path, fragment.count_rows())
        if not file.is_whole:
            blocks = _read_blocks(dataset, start, file.block_rows)
            file.write((vectors, basis.place(vectors)) for vectors in blocks)
        start += file.num_rows
        yield file


def _read_blocks(
    dataset: lance.LanceDataset, start: int, counts: Sequence[int]
) -> Iterator[Floats]:
    """(N, D) the vectors of blocks of so many rows, from a row on. No more are in memory, where a scan has them, and
    read a part at a time: Arrow holds each twice."""
    for count in counts:
        vectors = np.empty((count, EMBEDDING_DIM), np.float32)
        for n in range(0, count, _READ_ROWS):
            part = vectors[n : n + _READ_ROWS]
            part[:] = read_vectors(dataset, start + n + np.arange(len(part)))
        give_back()
        yield vectors
        start += count


def _sweep(folder: Path, files: Sequence[ShortFile]) -> None:
    """Take out files of fragments that are no more, once nobody reads them."""
    kept = {file.path.name for file in files}
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
