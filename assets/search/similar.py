"""Frames that look like a frame or a picture, by the stored vectors of `frame_embeddings`.

Short vectors, kept in the cache, say which few whole ones have to be compared (`assets.browsing.vectors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.browsing.frame_index import build_index
from assets.browsing.vectors import open_short
from assets.search.chosen import choose
from assets.tables.catalog import Catalog, repr_sql

_TABLE = "frame_embeddings"
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Near:
    """A frame, and the cosine of its vector with the one that was asked about, from -1 to 1."""

    frame_id: str
    session: str
    similarity: float


class FrameVectors:
    """The vectors of frames that readers may see. To be opened anew when frames come or go."""

    def __init__(self, catalog: Catalog, cache: Path) -> None:
        """`cache` is where short vectors are kept; what it lacks is made."""
        self._index = build_index(catalog)
        self._short = open_short(catalog, self._index, cache)
        sessions = self._index.rows["session"].cast("string")
        self._sessions = sessions
        self._is_seen = np.ones(len(sessions), bool)
        for name in (_TABLE, "frames"):
            admitted = catalog.is_admitted(name, sessions)
            self._is_seen &= np.asarray(admitted.to_numpy(), bool)

    @property
    def encoder(self) -> str | None:
        """The code version of the vectors, which names their encoder; None where there are none."""
        return None if self._short is None else self._short.basis.encoder

    def find(
        self, vector: Vector, limit: int, sessions: Sequence[str] = ()
    ) -> list[Near]:
        """The frames that are most alike, best first; of some sessions, by name or pattern, where any is named."""
        if self._short is None:
            return []
        among = self._is_seen & choose(self._sessions, sessions)
        positions, cosines = self._short.find_nearest(vector, limit, among)
        rows = self._index.take(positions, ["frame_id", "session"]).to_pylist()
        return [
            Near(row["frame_id"], row["session"], float(cosine))
            for row, cosine in zip(rows, cosines, strict=True)
        ]


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
