"""Which frames are asked for, and in which order: answered as positions, kept, so that a page is a slice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex

MOST_KEPT_BYTES = 24 << 20
SPLITS = ("train", "val", "test")


class QuestionError(ValueError):
    """What is asked cannot be answered; the message says why, and what helps."""


@dataclass(frozen=True)
class Question:
    """Frames that all of this holds for. Of sessions, sensors, classes and parts any of those named, where one is.

    `model_id` ("": any) answered on the frame with a score of `score_from` or above, where either is given. `where` is
    a condition in SQL, `selection` a set that was chosen by hand. `sort` is a column, -column for its reverse,
    similar:ID for the likeness to a frame or an uploaded picture, text:WORDS for frames that a text is about; "":
    session and time.
    """

    sessions: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    model_id: str = ""
    score_from: float | None = None
    where: str = ""
    selection: str = ""
    sort: str = ""


@dataclass(frozen=True)
class Answer:
    """Positions (M,) in order; `values` (M,) their likeness or score, where they were ordered by that."""

    positions: Positions
    values: NDArray[np.float32] | None = None

    def among(self, holds: NDArray[np.bool_]) -> Answer:
        """Those of the frames that `holds` (N,) says."""
        is_asked = holds[self.positions]
        values = None if self.values is None else self.values[is_asked]
        return Answer(self.positions[is_asked], values)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.positions.nbytes + (
            0 if self.values is None else self.values.nbytes
        )


class Kept:
    """Answers that were given last, within `MOST_KEPT_BYTES`."""

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = Lock()

    def recall(self, key: Hashable, answer: Callable[[], Answer]) -> Answer:
        """The answer that was given to `key`, or what `answer` gives."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        found = answer()
        with self._lock:
            self._answers[key] = found
            total = sum(one.nbytes for one in self._answers.values())
            while total > self._most_bytes and len(self._answers) > 1:
                total -= self._answers.popitem(last=False)[1].nbytes
        return found


def filter_plain(index: FrameIndex, question: Question) -> NDArray[np.bool_]:
    """(N,) whether session, sensor, class and split of a question hold. Raises QuestionError for a split that is
    none."""
    holds = np.ones(len(index), bool)
    for split in question.splits:
        if split not in SPLITS:
            raise QuestionError(
                f"split={split!r} is none: ask for one of {', '.join(SPLITS)}"
            )
    words = {
        "session": question.sessions,
        "sensor": question.sensors,
        "split": question.splits,
    }
    for column, wanted in words.items():
        if wanted:
            holds &= _is_word(index.rows[column], wanted)
    if question.classes:
        shows = np.zeros(len(index), bool)
        for name in question.classes:
            shows[index.classes.get(name, np.array([], np.int32))] = True
        holds &= shows
    return holds


def list_sort_columns(index: FrameIndex) -> list[str]:
    """What frames can be ordered by."""
    return [name for name in index.rows.column_names if name != "frame_id"]


def order_all(index: FrameIndex, sort: str) -> Positions:
    """(N,) all positions, ordered by a column, or by its reverse with a "-"; frames without a value come last, equal
    ones stay in the order of the index. Raises QuestionError for what is no column."""
    name = sort.removeprefix("-")
    known = list_sort_columns(index)
    if name not in known:
        raise QuestionError(
            f"frames have no order {sort!r}: ask for one of {', '.join(known)}, with a - before it for its reverse"
        )
    values, is_known = _to_numbers(index.rows[name])
    if sort.startswith("-"):
        values = -values
    order = np.argsort(values, kind="stable")
    return np.concatenate([order[is_known[order]], order[~is_known[order]]]).astype(
        np.int32
    )


def _is_word(column: pa.ChunkedArray, words: tuple[str, ...]) -> NDArray[np.bool_]:
    """(N,) where one of these words of a dictionary stands."""
    array = _flatten(column)
    if not pa.types.is_dictionary(array.type):
        return np.asarray(pc.is_in(array, pa.array(words)))
    places = pc.index_in(pa.array(words), array.dictionary).drop_null()
    wanted = places.cast(array.indices.type)
    return np.asarray(pc.is_in(array.indices, wanted))


def _to_numbers(
    column: pa.ChunkedArray,
) -> tuple[NDArray[np.number], NDArray[np.bool_]]:
    """(N,) numbers that lie in the order of the values, and which are known."""
    array = _flatten(column)
    if not len(array):  # of a home without frames, whose words are no dictionary
        return np.zeros(0), np.zeros(0, bool)
    is_known = np.asarray(pc.is_valid(array))
    if pa.types.is_dictionary(array.type):
        ranks = np.empty(len(array.dictionary), np.int64)
        ranks[np.asarray(pc.sort_indices(array.dictionary))] = np.arange(len(ranks))
        codes = np.asarray(array.indices.fill_null(0))
        return (ranks[codes] if len(ranks) else codes), is_known
    return np.asarray(array.fill_null(0)), is_known


def _flatten(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
