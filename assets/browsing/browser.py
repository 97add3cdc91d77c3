"""Everything that is looked at in one home: the index as it is now, answers that are kept, small pictures.

Its calls may come from several threads. The index is made anew when a table it rests on has a newer version; until that
is done the one before answers.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.browsing.answered import find_answered
from assets.browsing.conditions import find_positions, list_tables
from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import INDEXED, FrameIndex, build_index, read_versions
from assets.browsing.held import tell_held
from assets.browsing.likeness import Likeness
from assets.browsing.pictures import Thumbnails, find_upright
from assets.browsing.questions import (
    Answer,
    Kept,
    Question,
    QuestionError,
    filter_plain,
    order_all,
)
from assets.browsing.selections import Selections
from assets.browsing.texts import ASKED, Texts
from assets.tables.catalog import Catalog
from assets.workspace import Workspace

LOOK_EVERY_S = 2.0  # at the versions of the tables
MOST_PAGE = 1_000  # frames
_TEXT = "text:"


@dataclass(frozen=True)
class Page:
    """Frames `offset` and on, of `total`, by the index of a number."""

    index: int
    total: int
    offset: int
    frames: list[dict[str, Any]]
    found: int | None = (
        None  # where in all of them the frame stands that was looked for
    )


class Browser:
    """What a server of the browser asks."""

    def __init__(self, catalog: Catalog, workspace: Workspace) -> None:
        """`workspace` says where the cache is, and which encoder looks at pictures that are uploaded."""
        self.catalog = catalog
        self.likeness = Likeness(catalog, workspace)
        self.texts = Texts(catalog, workspace)
        self.thumbnails = Thumbnails(catalog)
        self.selections = Selections()
        self._kept = Kept()
        self._building = Lock()
        self._looked_s = 0.0
        self._index: FrameIndex | None = None

    @property
    def index(self) -> FrameIndex:
        """The newest index that is made; made now where there is none."""
        if self._index is None:
            with self._building:
                if self._index is None:
                    self._index = build_index(self.catalog)
                    self._looked_s = time.monotonic()
        return self._index

    def follow(self) -> bool:
        """Make the index anew where a table has moved; whether it was. Looked at once in `LOOK_EVERY_S` at most."""
        if time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return False
        return self.refresh()

    def expect_change(self) -> None:
        """A table has just been written: the next `follow` looks."""
        self._looked_s = 0.0

    def refresh(self) -> bool:
        """The same at once. Where somebody else makes it already, nothing is done."""
        if not self._building.acquire(blocking=False):
            return False
        try:
            self._looked_s = time.monotonic()
            if self._index and self._index.versions == read_versions(self.catalog):
                return False
            self._index = build_index(self.catalog, self._index)
            return True
        finally:
            self._building.release()

    def list_frames(
        self, question: Question, offset: int, limit: int, find: str = ""
    ) -> Page:
        """One page of what is asked, and where `find`, the id of a frame, stands.

        Raises QuestionError and ConditionError.
        """
        if offset < 0 or not 0 < limit <= MOST_PAGE:
            raise QuestionError(
                f"offset={offset}, limit={limit}: give an offset from 0 on, and a limit of 1 to {MOST_PAGE:,}"
            )
        index = self.index
        answer = self.answer(index, question)
        places = answer.positions[offset : offset + limit]
        frames = describe_frames(index, places)
        held = tell_held(self.catalog, (frame["session"] for frame in frames))
        for frame in frames:
            frame["is_held"] = frame["session"] in held
        if answer.values is not None:
            values = answer.values[offset : offset + limit].tolist()
            for frame, value in zip(frames, values, strict=True):
                frame["score"] = value
        found = _find_place(index, answer.positions, find) if find else None
        return Page(index.number, len(answer.positions), offset, frames, found)

    def answer(self, index: FrameIndex, question: Question) -> Answer:
        """Positions of all frames that are asked for, in order."""
        state = index.number, self._see_others(question)
        key = state, question
        return self._kept.recall(key, lambda: self._answer(index, question, state))

    def _see_others(self, question: Question) -> tuple[tuple[str, int], ...]:
        """Versions of the tables that a question asks and that the index does not follow."""
        names = list_tables(question.where) if question.where.strip() else frozenset()
        if question.sort.startswith(_TEXT):
            names = names.union(ASKED)
        others = sorted(names.difference(INDEXED))
        return tuple(
            (name, self.catalog.latest_version(name))
            for name in others
            if self.catalog.exists(name)
        )

    def _answer(self, index: FrameIndex, question: Question, state: Hashable) -> Answer:
        holds = self._filter(index, question, state)
        kind, _, name = question.sort.partition(":")
        if kind == "similar" and name:
            return Answer(*self.likeness.sort(index, name, holds))
        if question.sort.startswith(_TEXT):
            found = self._kept.recall(
                (state, "order", question.sort),
                lambda: Answer(*self.texts.sort(index, name)),
            )
            return found.among(holds)
        if not question.sort:
            return Answer(np.flatnonzero(holds).astype(np.int32))
        key = index.number, "order", question.sort
        order = self._kept.recall(key, lambda: Answer(order_all(index, question.sort)))
        return order.among(holds)

    def _filter(
        self, index: FrameIndex, question: Question, state: Hashable
    ) -> NDArray[np.bool_]:
        holds = filter_plain(index, question)
        if question.where.strip():
            found = self._kept.recall(
                (state, "where", question.where),
                lambda: Answer(find_positions(self.catalog, index, question.where)),
            )
            holds &= _spread(found.positions, len(index))
        model, score = question.model_id, question.score_from
        if model or score is not None:
            found = self._kept.recall(
                (index.number, "answers", model, score),
                lambda: Answer(find_answered(self.catalog, index, model, score)),
            )
            holds &= _spread(found.positions, len(index))
        if question.selection:
            chosen = index.find(self.selections.read(question.selection))
            holds &= _spread(chosen[chosen >= 0], len(index))
        return holds


def describe_frames(index: FrameIndex, places: Positions) -> list[dict[str, Any]]:
    """What a grid needs of frames, in the order of their positions."""
    names = ["frame_id", "session", "sensor", "t_ns", "split"]
    rows = index.rows.select(names).take(places).to_pylist()
    found = []
    for row, place in zip(rows, places.tolist(), strict=True):
        width, height = find_upright(index, place).shown_px
        found.append(
            {
                "frame_id": row["frame_id"],
                "session": row["session"],
                "sensor": row["sensor"],
                "time_ns": row["t_ns"],
                "width": width,
                "height": height,
                "split": row["split"],
            }
        )
    return found


def _find_place(index: FrameIndex, positions: Positions, frame_id: str) -> int | None:
    (wanted,) = index.find([frame_id])
    places = np.flatnonzero(positions == wanted)
    return int(places[0]) if wanted >= 0 and len(places) else None


def _spread(positions: Positions, count: int) -> NDArray[np.bool_]:
    holds = np.zeros(count, bool)
    holds[positions] = True
    return holds
