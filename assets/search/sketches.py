"""Short codes of vectors, kept in the cache: what tells which few of very many vectors are worth reading.

Vectors are turned into the directions in which those of the home differ most. The first `SIDES` of them are kept, as
whole numbers from -127 to 127. The file holds ids of frames and codes; frames that are gone leave it the next time that
it is opened.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

SIDES = 128  # bytes a vector
_SAMPLE = 16_384  # vectors that the directions are found from
_BLOCK_ROWS = 16_384
_STEPS = 127
_HASH_CHARACTERS = 16

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
Read = Callable[[Places], Vectors]


@dataclass(frozen=True)
class Sketches:
    """`directions` (D, SIDES) orthonormal, `steps` (SIDES,) the length of a step along each, `codes` (N, SIDES)."""

    directions: Vectors
    steps: Vectors
    codes: NDArray[np.int8]

    def estimate(self, vector: Vectors) -> Vectors:
        """(N,) cosines with a vector (D,), nearly."""
        turned = (vector @ self.directions) * self.steps
        found = np.empty(len(self.codes), np.float32)
        for start in range(0, len(found), _BLOCK_ROWS):
            block = self.codes[start : start + _BLOCK_ROWS].astype(np.float32)
            found[start : start + len(block)] = block @ turned
        return found

    def add(self, vectors: Vectors) -> NDArray[np.int8]:
        """(K, SIDES) codes of vectors (K, D)."""
        steps = np.rint(vectors @ self.directions / self.steps)
        return np.clip(steps, -_STEPS, _STEPS).astype(np.int8)


def open_sketches(
    folder: Path, encoder: str, frame_ids: pa.ChunkedArray, read: Read
) -> Sketches:
    """The codes of all frames (N,), in their order; of those that have none yet, they are made and kept.

    `read` gives the vectors (K, D) at places (K,).
    """
    name = hashlib.sha256(encoder.encode()).hexdigest()[:_HASH_CHARACTERS]
    path = folder / f"sketches-{name}.npz"
    kept = _load(path)
    if kept is None:
        empty = np.zeros((0, SIDES), np.int8)
        known, found = pa.array([], pa.string()), _learn(len(frame_ids), empty, read)
    else:
        known, found = kept
    place = pc.index_in(frame_ids, value_set=known)
    is_new = pc.is_null(place).to_numpy(zero_copy_only=False)
    old = pc.fill_null(place, 0).to_numpy().astype(np.int64)
    codes = np.zeros((len(frame_ids), SIDES), np.int8)
    codes[~is_new] = found.codes[old[~is_new]]
    (fresh,) = np.nonzero(is_new)
    for start in range(0, len(fresh), _BLOCK_ROWS):
        some = fresh[start : start + _BLOCK_ROWS]
        codes[some] = found.add(read(some))
    found = replace(found, codes=codes)
    if len(fresh) or len(known) != len(frame_ids):
        _save(path, frame_ids, found)
    return found


def _learn(count: int, codes: NDArray[np.int8], read: Read) -> Sketches:
    """Directions from vectors that are spread evenly over all."""
    some = np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64))
    vectors = read(some)
    _, turned = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    directions = np.ascontiguousarray(turned[:, ::-1][:, :SIDES], np.float32)
    widest = np.abs(vectors @ directions).max(axis=0)
    return Sketches(directions, np.maximum(widest, 1e-6) / _STEPS, codes)


def _load(path: Path) -> tuple[pa.Array, Sketches] | None:
    """Ids and their codes; None where there are none, or a file that was cut off or changed."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            ids = pa.array(file["frame_ids"].astype(str), pa.string())
            found = Sketches(file["directions"], file["steps"], file["codes"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    is_whole = found.codes.shape == (len(ids), SIDES)
    return (ids, found) if is_whole else None


def _save(path: Path, frame_ids: pa.ChunkedArray, sketches: Sketches) -> None:
    """Written aside and renamed, so that a reader finds all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.npz")
    ids = frame_ids.to_numpy(zero_copy_only=False).astype("S32")
    with aside.open("wb") as file:
        np.savez(
            file,
            frame_ids=ids,
            directions=sketches.directions,
            steps=sketches.steps,
            codes=sketches.codes,
        )
    os.replace(aside, path)
