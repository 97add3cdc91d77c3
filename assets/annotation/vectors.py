"""Stored vectors of frames by place: which frames have one, and those of some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.encoders import require_one_encoder
from assets.tables.positions import open_placed
from assets.tables.schemas import EMBEDDING_DIM


@dataclass(frozen=True)
class FrameVectors:
    """`is_there` (N,) tells which frames have a vector; `read` gives those at some places (K,) of these, (K, 1280)."""

    is_there: NDArray[np.bool_]
    read: Callable[[NDArray[np.int64]], NDArray[np.float32]]


def open_vectors(catalog: Catalog, frame_ids: pa.ChunkedArray) -> FrameVectors:
    """The published vectors of frames (N,), of unit length. Raises ValueError for those of two encoders."""
    placed = open_placed(
        catalog, "frame_embeddings", ["frame_id", "session", "code_version"]
    )
    require_one_encoder(placed.rows)
    place = pc.index_in(frame_ids, value_set=placed.rows["frame_id"])
    is_there = pc.is_valid(place).to_numpy()
    row = pc.fill_null(place, 0).to_numpy().astype(np.int64)
    position = placed.rows["position"].to_numpy()

    def read(places: NDArray[np.int64]) -> NDArray[np.float32]:
        wanted = position[row[places]]
        order = np.argsort(wanted, kind="stable")
        found = placed.take(wanted[order], ["vector"])["vector"].combine_chunks()
        vectors = np.empty((len(places), EMBEDDING_DIM), np.float32)
        vectors[order] = found.flatten().to_numpy().reshape(-1, EMBEDDING_DIM)
        return vectors

    return FrameVectors(is_there, read)
