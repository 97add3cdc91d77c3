"""Frames by their likeness to a frame, or to a picture that somebody uploads, and where all of them lie on a map."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex
from assets.browsing.questions import QuestionError
from assets.browsing.vectors import Floats, ShortVectors, open_short
from assets.search.uploads import embed_picture
from assets.tables.catalog import Catalog
from assets.workspace import Workspace

MOST_SIMILAR = 200  # frames: an order by likeness ends there
MOST_UPLOADS = 100  # that are known at once


class Likeness:
    """Vectors of one home, in short, read when they are asked for first; and those of uploaded pictures."""

    def __init__(self, catalog: Catalog, workspace: Workspace) -> None:
        self._catalog = catalog
        self._workspace = workspace
        self._lock = Lock()
        self._embedding = Lock()  # one guard and one net at a time
        self._short: tuple[int, ShortVectors | None] | None = None
        self._uploads: OrderedDict[str, Floats] = OrderedDict()

    def open(self, index: FrameIndex) -> ShortVectors:
        """The vectors of the frames of an index. Raises QuestionError where there are none."""
        with self._lock:
            if self._short is None or self._short[0] != index.number:
                short = open_short(self._catalog, index, self._workspace.cache)
                self._short = index.number, short
            found = self._short[1]
        if found is None:
            raise QuestionError(
                "no frame has a vector: `daguerre ingest` embeds colour frames of sessions that pass their checks"
            )
        return found

    def sort(
        self, index: FrameIndex, name: str, holds: NDArray[np.bool_]
    ) -> tuple[Positions, Floats]:
        """The `MOST_SIMILAR` frames most alike, best first, of those that `holds` (N,) says, and the cosines.

        `name` is that of a frame or an upload. Raises QuestionError for another, and for a frame without a vector.
        """
        short = self.open(index)
        with self._lock:
            vector = self._uploads.get(name)
        if vector is None:
            vector = _read_vector(index, short, name)
        return short.find_nearest(vector, MOST_SIMILAR, holds)

    def upload(self, index: FrameIndex, payload: bytes) -> str:
        """The id under which a picture can be asked about; of it its vector alone is kept. Raises PictureRefused."""
        encoder = self.open(index).basis.encoder
        with self._embedding:
            vector = embed_picture(self._workspace, payload, encoder)
        name = f"upload-{secrets.token_hex(8)}"
        with self._lock:
            self._uploads[name] = vector
            while len(self._uploads) > MOST_UPLOADS:
                self._uploads.popitem(last=False)
        return name


def _read_vector(index: FrameIndex, short: ShortVectors, name: str) -> Floats:
    (position,) = index.find([name])
    vector = short.read_vector(int(position)) if position >= 0 else None
    if vector is None:
        what = "has no vector to compare" if position >= 0 else "is no frame or upload"
        raise QuestionError(f"{name[:80]!r} {what}: ask for another")
    return vector
