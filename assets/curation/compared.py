"""What near-duplicates are found by: hashes and vectors of the published colour frames, in the order they lie in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.curation.components import Nodes
from assets.curation.dedup import Vectors
from assets.curation.split import STRICTEST
from assets.tables.catalog import Catalog
from assets.tables.encoders import require_one_encoder
from assets.tables.positions import open_placed
from assets.tables.schemas import EMBEDDING_DIM

_COLUMNS = ("frame_id", "capture_id", "session", "sequence", "split_hint")
_HASHED = 65_536  # rows whose text is in memory at once


@dataclass(frozen=True)
class ComparedFrames:
    """Published colour frames that have a vector and a perceptual hash, in the order in which vectors are stored."""

    rows: (
        pa.Table
    )  # frame_id, session; input_sha256: of all that a frame is compared by
    bits: NDArray[np.uint64]  # (N,)
    place: Nodes  # (N,) in the order in which frames lead their clusters
    encoder: str  # the code version of all vectors
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.bits)


def read_compared(catalog: Catalog, labelled: pa.ChunkedArray) -> ComparedFrames:
    """What is published. Frames with an id of `labelled` lead, so that no bare copy stands for them, then those of a
    producer's test part. Raises ValueError, with the remedy, when there is nothing to compare, or vectors of two
    encoders."""
    embeddings, vectors = _open_embeddings(catalog)
    require_one_encoder(embeddings)
    quality = catalog.read("frame_quality", ["frame_id", "perceptual_hash"])
    hashes = quality["perceptual_hash"].take(
        pc.index_in(embeddings["frame_id"], value_set=quality["frame_id"])
    )
    frames = catalog.read("frames", _COLUMNS, "kind = 'color'")
    frame = pc.index_in(embeddings["frame_id"], value_set=frames["frame_id"])
    embeddings = embeddings.append_column("perceptual_hash", hashes).append_column(
        "frame", frame
    )
    embeddings = embeddings.filter(pc.and_(pc.is_valid(hashes), pc.is_valid(frame)))
    if not len(embeddings):
        raise ValueError(
            "no published frames with embeddings and quality: `daguerre ingest PLACE` takes a session in and makes them"
        )
    rows = embeddings.select(["frame_id", "session"]).append_column(
        "input_sha256", _hash_inputs(embeddings)
    )
    position = embeddings["position"].to_numpy()
    return ComparedFrames(
        rows,
        _read_bits(embeddings["perceptual_hash"]),
        find_places(frames.take(embeddings["frame"]), labelled),
        embeddings["code_version"][0].as_py(),
        lambda chosen: vectors(position[chosen]),
    )


def _open_embeddings(catalog: Catalog) -> tuple[pa.Table, Vectors]:
    """What stands beside the published vectors, with the position of each; and what reads those at some positions."""
    columns = ["frame_id", "session", "input_sha256", "code_version"]
    placed = open_placed(catalog, "frame_embeddings", columns)

    def read(positions: Nodes) -> NDArray[np.float32]:
        found = placed.take(positions, ["vector"])["vector"]
        parts = [
            chunk.flatten().to_numpy().reshape(-1, EMBEDDING_DIM)
            for chunk in found.chunks
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return placed.rows, read


def _read_bits(hashes: pa.ChunkedArray) -> NDArray[np.uint64]:
    """The (N,) 64 bits of hashes of 16 hex digits."""
    parts = [bytes.fromhex("".join(chunk.to_pylist())) for chunk in hashes.chunks]
    return np.frombuffer(b"".join(parts), np.uint64)


def _hash_inputs(rows: pa.Table) -> pa.Array:
    """Of each row the sha256 of its vector's input and code version, and its perceptual hash."""
    parts = []
    for batch in rows.select(
        ["input_sha256", "code_version", "perceptual_hash"]
    ).to_batches(_HASHED):
        texts = pc.binary_join_element_wise(*batch.columns, " ").to_pylist()
        parts.append(
            pa.array(
                [hashlib.sha256(text.encode()).hexdigest() for text in texts],
                pa.string(),
            )
        )
    return pa.chunked_array(parts, pa.string())


def find_places(frames: pa.Table, labelled: pa.ChunkedArray) -> Nodes:
    """The (N,) places of frames in the order in which they lead their clusters: labelled ones first, so that no bare
    copy stands for them, then those of a producer's test part."""
    is_bare = pc.invert(pc.is_in(frames["frame_id"], value_set=labelled))
    strictness = pc.fill_null(
        pc.index_in(frames["split_hint"], value_set=pa.array(STRICTEST)), len(STRICTEST)
    )
    keys = (
        is_bare.to_numpy(),
        strictness.to_numpy(),
        _rank(frames["session"]),
        _rank(frames["capture_id"]),
        frames["sequence"].to_numpy(),
    )
    order = np.lexsort(keys[::-1])
    _order_equals(order, keys, frames["frame_id"])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def _rank(texts: pa.ChunkedArray) -> Nodes:
    """(N,) numbers in the order of the texts, few of which differ: they sort in a fraction of the time."""
    encoded = texts.combine_chunks().dictionary_encode()
    rank = np.empty(len(encoded.dictionary), np.int64)
    rank[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(rank))
    return np.asarray(rank[encoded.indices.to_numpy()])


def _order_equals(
    order: Nodes, keys: tuple[NDArray[Any], ...], ids: pa.ChunkedArray
) -> None:
    """Order those that are side by side and equal in all keys (N,) by their ids, in place."""
    is_next_equal = np.ones(max(0, len(order) - 1), bool)
    for key in keys:
        is_next_equal &= key[order[1:]] == key[order[:-1]]
    is_equal = np.append(is_next_equal, False) | np.append(False, is_next_equal)
    (places,) = np.nonzero(is_equal[: len(order)])
    if not len(places):
        return
    group = np.cumsum(np.append(True, ~is_next_equal))[places]
    some = order[places]
    named = pa.table({"group": group, "id": ids.take(pa.array(some))})
    by = [("group", "ascending"), ("id", "ascending")]
    order[places] = some[pc.sort_indices(named, by).to_numpy()]
