"""Frames by how well they fit a text: by what `assets.search` knows of them in words.

Found are frames that readers get. What is known is as it was brought up to date last: to look writes nothing.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex
from assets.browsing.questions import QuestionError
from assets.inference.sentences import find_encoder
from assets.search.asking import Documents
from assets.search.frames import score_frames
from assets.tables.catalog import Catalog
from assets.workspace import Workspace

# what an answer rests on, besides the tables of the index
ASKED = ("documents", "publications")


class Texts:
    """The documents of one home, read when they are asked for first, and again when they are newer."""

    def __init__(self, catalog: Catalog, workspace: Workspace) -> None:
        self._catalog = catalog
        self._cache = workspace.cache
        self._lock = Lock()
        self._documents: tuple[int, Documents] | None = None

    def sort(
        self, index: FrameIndex, text: str
    ) -> tuple[Positions, NDArray[np.float32]]:
        """Positions (M,) of the frames that a text is about, best first, equal ones in the order of the index, and
        their scores. Raises QuestionError for a text without a word, and where nothing is known in words."""
        with self._lock:  # the labels of all frames are in memory meanwhile
            documents = self._open()
            try:
                scored = score_frames(self._catalog, documents, text)
            except ValueError as error:
                raise QuestionError(str(error)) from error
        places = index.find(scored["frame_id"])
        scores = np.asarray(scored["score"], np.float32)
        order = np.lexsort((places, -scores))
        order = order[places[order] >= 0]
        return places[order], scores[order]

    def _open(self) -> Documents:
        if not self._catalog.exists("documents"):
            raise QuestionError(
                "nothing is known in words yet: `daguerre search WORDS` reads it, or materialize `search/documents`"
            )
        version = self._catalog.latest_version("documents")
        if self._documents is None or self._documents[0] != version:
            encoder = find_encoder(self._cache)
            found = Documents(self._catalog, self._cache, encoder)
            self._documents = version, found
        return self._documents[1]
