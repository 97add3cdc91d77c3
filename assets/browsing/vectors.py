"""Vectors of frames in short: how near each frame is to one of them, and where each lies on a map.

Each vector is turned into the directions in which the home's differ most. The first `SIDES` numbers, and the length of
what they leave out, are kept in the cache, by the data file of the table that they came from; vectors that come later
are turned alike. By them no frame is farther from another than it is; so which are nearest is found exactly: those that
could be are compared by their whole vectors.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.browsing.frame_index import FrameIndex, Positions
from assets.tables.catalog import Catalog, TableMissing, no_panic
from assets.tables.schemas import EMBEDDING_DIM

if TYPE_CHECKING:
    import lance

SIDES = 63  # and one for the rest: 256 bytes a frame
_SAMPLE = 4_096  # vectors that the directions are found from
_BLOCK_ROWS = 16_384
_READ_ROWS = 2_048  # whole vectors in memory: 10 MiB
_IO_BYTES = 32 << 20  # that Lance reads ahead
_LEAST_READ = 512  # whole vectors
_SLACK = 1e-4  # of a squared distance: what float32 may be off
_KEPT_S = 24 * 3600.0
_TABLE = "frame_embeddings"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Basis:
    """`mean` (D,), `directions` (D, SIDES) orthonormal, of the vectors of `encoder`."""

    encoder: str
    mean: Floats
    directions: Floats

    def shorten(self, vectors: Floats) -> Floats:
        """(K, SIDES + 1): along the directions, and the length of the rest, of vectors (K, D)."""
        own = vectors - self.mean
        along = own @ self.directions
        rest = (own * own).sum(axis=1) - (along * along).sum(axis=1)
        return np.column_stack([along, np.sqrt(np.maximum(rest, 0))]).astype(np.float32)


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
        parts = [block[:, :2].copy() for _, block in self._read_blocks()]
        return np.concatenate([np.zeros((0, 2), np.float32), *parts])

    def find_nearest(
        self, vector: Floats, limit: int, among: NDArray[np.bool_] | None = None
    ) -> tuple[Positions, Floats]:
        """Positions (K,) of the frames whose vectors are nearest to one (D,), and the cosines, best first; of those
        that `among`, by position, names. Exactly: as if all vectors were compared."""
        least = self._bound(self.basis.shorten(vector[None])[0])
        if among is not None:
            there = np.append(among, False)  # for -1
            least[~there[self.positions]] = np.inf
        least[self.positions < 0] = np.inf
        limit = min(limit, int(np.isfinite(least).sum()))
        if not limit:
            return np.array([], np.int32), np.array([], np.float32)
        first = min(len(least), max(_LEAST_READ, 2 * limit))
        rows = np.argpartition(least, first - 1)[:first]
        rows = rows[np.isfinite(least[rows])]
        far = self._measure(rows, vector)
        bound = np.partition(far, limit - 1)[limit - 1] + _SLACK
        is_read = np.zeros(len(least), bool)
        is_read[rows] = True
        more = np.flatnonzero((least <= bound) & ~is_read)
        rows, far = self._improve(rows, far, more, vector, limit)
        order = np.lexsort((self.positions[rows], far))[:limit]
        return self.positions[rows[order]], (1 - far[order] / 2).astype(np.float32)

    def _improve(
        self,
        rows: NDArray[np.int64],
        far: Floats,
        more: NDArray[np.int64],
        vector: Floats,
        limit: int,
    ) -> tuple[NDArray[np.int64], Floats]:
        """The same with those of `more` that are nearer, block by block."""
        for start in range(0, len(more), _READ_ROWS):
            some = more[start : start + _READ_ROWS]
            rows = np.concatenate([rows, some])
            far = np.concatenate([far, self._measure(some, vector)])
            best = np.argpartition(far, limit - 1)[:limit]
            rows, far = rows[best], far[best]
        return rows, far

    def _bound(self, short: Floats) -> Floats:
        """(N,) squared distances by the short vectors: none is more than the true one."""
        found = np.empty(len(self.positions), np.float32)
        for start, block in self._read_blocks():
            apart = block - short
            found[start : start + len(block)] = np.einsum("ij,ij->i", apart, apart)
        return found

    def _measure(self, rows: NDArray[np.int64], vector: Floats) -> Floats:
        """(K,) squared distances of whole vectors."""
        order = np.sort(rows)
        vectors = read_vectors(self.dataset, order)
        apart = vectors - vector
        far = np.einsum("ij,ij->i", apart, apart)
        return np.asarray(far[np.searchsorted(order, rows)], np.float32)

    def _read_blocks(self) -> Iterator[tuple[int, Floats]]:
        """Where a block begins, and its short vectors; one block is in memory."""
        start = 0
        for path, count in self.files:
            with path.open("rb") as file:
                for at in range(0, count, _BLOCK_ROWS):
                    rows = min(_BLOCK_ROWS, count - at)
                    block = np.fromfile(file, np.float32, rows * (SIDES + 1))
                    yield start, block.reshape(rows, SIDES + 1)
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
    rows = dataset.to_table(columns=["frame_id", "code_version"])
    if not len(rows):
        return None
    folder = cache / "browse"
    folder.mkdir(parents=True, exist_ok=True)
    encoder = _choose_encoder(rows["code_version"])
    is_ours = np.asarray(pc.equal(rows["code_version"], encoder))
    basis = _open_basis(folder, dataset, encoder, np.flatnonzero(is_ours))
    positions = index.find(rows["frame_id"])
    positions[~is_ours] = -1
    files = tuple(_open_files(folder, dataset, basis))
    _sweep(folder, files)
    return ShortVectors(basis, dataset, positions, files)


def _choose_encoder(versions: pa.ChunkedArray) -> str:
    """The one that made most: vectors of two are not compared."""
    counts = versions.value_counts().to_pylist()
    return str(max(counts, key=lambda one: (one["counts"], one["values"]))["values"])


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
        if found.directions.shape == (EMBEDDING_DIM, SIDES):
            return found
    except (OSError, ValueError, KeyError):
        pass
    some = ours[np.unique(np.linspace(0, len(ours) - 1, _SAMPLE).astype(np.int64))]
    vectors = read_vectors(dataset, some)
    mean = vectors.mean(axis=0)
    vectors = vectors - mean
    _, turned = np.linalg.eigh(vectors.T @ vectors)
    found = Basis(encoder, mean, np.ascontiguousarray(turned[:, ::-1][:, :SIDES]))
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
        path = folder / f"short-{_digest(facts, *names, deleted)}.f32"
        count = fragment.count_rows()
        if not path.is_file() or path.stat().st_size != 4 * count * (SIDES + 1):
            _write_short(path, fragment, basis)
        yield path, count


def _write_short(path: Path, fragment: lance.LanceFragment, basis: Basis) -> None:
    """Written aside and renamed, so that a reader finds all of it or nothing."""
    aside = path.with_name(f".{uuid.uuid4().hex}")
    scanner = fragment.scanner(
        columns=["vector"],
        batch_size=_READ_ROWS,
        batch_readahead=1,
        io_buffer_size=_IO_BYTES,
    )
    with aside.open("wb") as file, no_panic(_TABLE):
        for batch in scanner.to_batches():
            basis.shorten(_to_array(batch["vector"])).tofile(file)
    os.replace(aside, path)


def _sweep(folder: Path, files: Sequence[tuple[Path, int]]) -> None:
    """Take out files of fragments that are no more, once nobody reads them."""
    kept = {path.name for path, _ in files}
    before_s = time.time() - _KEPT_S
    for path in folder.glob("short-*.f32"):
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
