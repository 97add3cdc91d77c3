"""Sets of frames that somebody has chosen by hand, kept under an id while the server runs."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock

import pyarrow as pa

from assets.browsing.questions import QuestionError

MOST_KEPT_FRAMES = 2_000_000  # of all selections together


class Selections:
    """The ids of the frames of each; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, pa.StringArray] = OrderedDict()
        self._lock = Lock()

    def keep(self, frame_ids: pa.StringArray) -> str:
        """The id of a new selection."""
        name = secrets.token_hex(8)
        with self._lock:
            self._kept[name] = frame_ids
            total = sum(map(len, self._kept.values()))
            while total > MOST_KEPT_FRAMES and len(self._kept) > 1:
                total -= len(self._kept.popitem(last=False)[1])
        return name

    def read(self, name: str) -> pa.StringArray:
        """Its frames. Raises QuestionError for one that there is not, or no more."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        raise QuestionError(
            f"there is no selection {name!r}, or no more: draw it again on the map"
        )
