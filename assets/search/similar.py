"""Frames that look like a frame or a picture, by the stored vectors of `frame_embeddings`.

Up to `EXACT_ROWS` vectors are compared one block after the other. Beyond, short codes of all vectors are compared
(`sketches.py`), and then the vectors of those frames alone that are best by their codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.search.sketches import Sketches, open_sketches
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.encoders import require_one_encoder
from assets.tables.positions import PlacedRows, open_placed
from assets.tables.schemas import EMBEDDING_DIM

EXACT_ROWS = 65_536  # 320 MiB of vectors
_BLOCK_ROWS = 4_096
_LEAST_READ = 1_024  # vectors that are read where codes choose
_READ_EACH = 20  # of them for each frame that is asked for
_TABLE = "frame_embeddings"

Vector = NDArray[np.float32]
_NONE = np.zeros(0, np.int64), np.zeros(0, np.float32)


@dataclass(frozen=True)
class Near:
    """A frame, and the cosine of its vector with the one that was asked about, from -1 to 1."""

    frame_id: str
    session: str
    similarity: float


class FrameVectors:
    """The published vectors of one version of their table. Raises ValueError for vectors of two encoders.

    To be opened anew when `is_current` says no.
    """

    def __init__(self, catalog: Catalog, cache: Path) -> None:
        """`cache` is where codes are kept: they can be made again, and are made where there are many vectors."""
        self.version = catalog.published_version(_TABLE)
        self._catalog = catalog
        self._cache = cache
        self._placed = open_placed(
            catalog, _TABLE, ["frame_id", "session", "code_version"]
        )
        require_one_encoder(self._placed.rows)

    def __len__(self) -> int:
        return len(self._placed.rows)

    @property
    def is_current(self) -> bool:
        """Whether readers still follow this version."""
        return self._catalog.published_version(_TABLE) == self.version

    @property
    def frame_ids(self) -> pa.ChunkedArray:
        """(N,) in the order of everything else here."""
        return self._placed.rows["frame_id"]

    @property
    def sessions(self) -> pa.ChunkedArray:
        """(N,)."""
        return self._placed.rows["session"]

    @property
    def encoder(self) -> str | None:
        """The code version of the vectors, which names their encoder; None where there are none."""
        rows = self._placed.rows
        return rows["code_version"][0].as_py() if len(rows) else None

    def find(
        self, vector: Vector, limit: int, among: NDArray[np.bool_] | None = None
    ) -> list[Near]:
        """The frames that are most alike, best first; of those that `among` (N,) names. Equal ones by their order."""
        places, cosines = self._rank(vector, limit, among)
        found = self._placed.rows.take(pa.array(places))
        return [
            Near(row["frame_id"], row["session"], float(cosine))
            for row, cosine in zip(found.to_pylist(), cosines, strict=True)
        ]

    def measure(self, vector: Vector) -> Vector:
        """(N,) cosines of all frames, to sort by: exact up to `EXACT_ROWS`, beyond by their codes, which put what is
        most alike somewhat low."""
        if self._is_small:
            return np.concatenate(
                [np.zeros(0, np.float32), *(v @ vector for _, v in self._read_blocks())]
            )
        return self._sketches.estimate(vector)

    @property
    def _is_small(self) -> bool:
        return len(self) <= EXACT_ROWS

    @cached_property
    def _sketches(self) -> Sketches:
        return open_sketches(
            self._cache / "search", self.encoder or "", self.frame_ids, self._read
        )

    def _rank(
        self, vector: Vector, limit: int, among: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vector]:
        if self._is_small:
            return find_exactly(self._read_blocks(), vector, limit, among)
        return self._find_by_codes(vector, limit, among)

    def _find_by_codes(
        self, vector: Vector, limit: int, among: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vector]:
        """The best by their vectors of those that are best by their codes."""
        about = self._sketches.estimate(vector)
        count = len(about)
        if among is not None:
            about[~among] = -np.inf
            count = int(np.count_nonzero(among))
        some = _take_best(about, min(count, max(_LEAST_READ, _READ_EACH * limit)))
        some = np.sort(some)
        return _keep_best(*_NONE, some, self._read(some) @ vector, limit)

    def _read_blocks(self) -> Iterator[tuple[NDArray[np.int64], Vector]]:
        """Places and vectors of all frames."""
        for start in range(0, len(self), _BLOCK_ROWS):
            places = np.arange(start, min(start + _BLOCK_ROWS, len(self)))
            yield places, self._read(places)

    def _read(self, places: NDArray[np.int64]) -> Vector:
        """(K, 1280) vectors at places (K,)."""
        return _read_vectors(self._placed, places)


def find_exactly(
    blocks: Iterator[tuple[NDArray[np.int64], Vector]],
    vector: Vector,
    limit: int,
    among: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], Vector]:
    """Places (K,) and cosines (K,) of the best of all blocks of places (B,) and vectors (B, D)."""
    best = _NONE
    for places, vectors in blocks:
        if among is not None:
            vectors, places = vectors[among[places]], places[among[places]]
        best = _keep_best(*best, places, vectors @ vector, limit)
    return best


def read_frame_vector(catalog: Catalog, frame_id: str) -> Vector:
    """(1280,) the vector of a frame that readers may see. Raises ValueError where it has none."""
    rows = catalog.read(_TABLE, ["vector"], f"frame_id = {repr_sql(frame_id)}")
    if len(rows):
        return np.asarray(rows["vector"][0].as_py(), np.float32)
    if len(catalog.read("frames", ["frame_id"], f"frame_id = {repr_sql(frame_id)}")):
        raise ValueError(
            f"frame {frame_id} has no vector: `daguerre ingest` embeds colour frames of sessions that pass their checks"
        )
    raise ValueError(
        f'there is no frame {frame_id} that readers may see: `daguerre query "select frame_id from frames limit 5"`'
    )


def _keep_best(
    places: NDArray[np.int64],
    cosines: Vector,
    more_places: NDArray[np.int64],
    more_cosines: Vector,
    limit: int,
) -> tuple[NDArray[np.int64], Vector]:
    places = np.concatenate([places, more_places])
    cosines = np.concatenate([cosines, more_cosines])
    order = np.lexsort((places, -cosines))[:limit]
    return places[order], cosines[order]


def _take_best(values: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Places of the highest values, in any order."""
    if count >= len(values):
        return np.arange(len(values))
    return np.argpartition(-values, count)[:count]


def _read_vectors(placed: PlacedRows, places: NDArray[np.int64]) -> Vector:
    positions = placed.rows["position"].to_numpy()[places]
    order = np.argsort(positions, kind="stable")
    found = placed.take(positions[order], ["vector"])["vector"].combine_chunks()
    vectors = np.empty((len(places), EMBEDDING_DIM), np.float32)
    vectors[order] = found.flatten().to_numpy().reshape(-1, EMBEDDING_DIM)
    return vectors
