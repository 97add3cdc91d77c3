"""What people write in the browser: corrections of labels, and decisions on what a queue asks.

Belongs here: what a request may say, and who is told of it. Does not: what a correction is (`assets.annotation`), which
a verb of the command line makes by the same calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assets.annotation import review
from assets.annotation.labels import Answer, Author
from assets.annotation.queue.stored import OPEN, SKIPPED, change_state
from assets.audit import Act, note
from assets.browsing.browser import Browser
from assets.browsing.frame_index import FrameMissing
from assets.browsing.masks import MOST_RUNS, from_runs, require_drawable
from assets.browsing.pictures import find_upright
from assets.browsing.upright import Upright
from assets.tables.catalog import is_in
from models.masks import encode_mask
from orchestration.observed import judge_labels, tell_labels
from orchestration.profiles import Settings
from orchestration.roles.rights import Person

MOST_CHANGES = 1_000
MOST_POINTS = 10_000
_STRICT = ConfigDict(extra="forbid", strict=True)
_Box = tuple[float, float, float, float]
Asked = TypeVar("Asked", bound=BaseModel)


class WriteRefused(ValueError):
    """What is asked to be written cannot be; the message says why."""


class Change(BaseModel):
    """Of one object: `label_id` null adds one. `box`, `points`, an outline, and `runs`, a mask row by row, first
    what is not of it, are in px of the upright picture."""

    model_config = _STRICT
    label_id: str | None = Field(None, max_length=64)
    class_name: str | None = Field(None, max_length=200)
    box: list[float] | None = Field(None, min_length=4, max_length=4)
    points: list[list[float]] | None = Field(None, min_length=3, max_length=MOST_POINTS)
    runs: list[int] | None = Field(None, min_length=1, max_length=MOST_RUNS)
    remove: bool = False


class Correction(BaseModel):
    """Of one frame and task. `seen` is the number of the version that was looked at, 0 of none."""

    model_config = _STRICT
    frame_id: str = Field(max_length=64)
    task: str = Field(max_length=64)
    seen: int = Field(ge=0)
    changes: list[Change] = Field(default_factory=list, max_length=MOST_CHANGES)
    act: Literal["correct", "confirm", "reject"] = "correct"


class Decision(BaseModel):
    """What becomes of a frame that a queue asks."""

    model_config = _STRICT
    row_id: str = Field(max_length=64)
    state: Literal["skipped"]


@dataclass(frozen=True)
class Writer:
    """Writes in the name of who asks; `author` started the server."""

    settings: Settings
    browser: Browser
    author: str

    @property
    def home(self) -> str:
        """How the home is called."""
        return self.settings.home.name

    def correct(self, person: Person, body: bytes) -> dict[str, Any]:
        """The number of the new version, warnings, and checks that failed.

        Raises WriteRefused, FrameMissing, `Overtaken` where somebody was first, and ValueError for what does not fit
        the frame.
        """
        asked = parse_body(Correction, body)
        catalog = self.browser.catalog
        (position,) = self.browser.index.find([asked.frame_id])
        if position < 0:
            raise FrameMissing(asked.frame_id)
        turn = find_upright(self.browser.index, int(position))
        stood = review.look(catalog, asked.frame_id, asked.task)
        review.require_seen(stood, asked.seen)
        answer = _make_answer(asked, stood, turn)
        warnings = review.find_new_classes(catalog, stood, answer)
        self._note(person, f"{answer.act} labels", f"{asked.frame_id} of {asked.task}")
        author = Author("person", person.name)
        version = review.write(catalog, stood, answer, author)
        failed = judge_labels(catalog)
        told = f"{answer.act} in the browser"
        facts = {"labels of the frame": len(answer.marked)}
        tell_labels(self.settings, catalog, told, facts)
        return {
            "version": version["number"],
            "warnings": warnings,
            "failed_checks": failed,
        }

    def decide(self, person: Person, body: bytes) -> dict[str, Any]:
        """The state that the row has now. Raises WriteRefused for a row that is not open, or that there is not."""
        asked = parse_body(Decision, body)
        catalog = self.browser.catalog
        columns = ["queue_id", "frame_id", "state"]
        where = is_in("row_id", [asked.row_id])
        rows = catalog.read_latest("label_queue", columns, where).to_pylist()
        if not rows:
            raise WriteRefused(f"no queue has the row {asked.row_id!r}")
        row = rows[0]
        if row["state"] != OPEN:
            raise WriteRefused(f"the frame is {row['state']} already")
        self._note(person, "skip", f"{row['frame_id']} of queue {row['queue_id'][:12]}")
        if not change_state(catalog, row["queue_id"], [row["frame_id"]], SKIPPED):
            raise WriteRefused("somebody was first: look at the frame again")
        return {"state": SKIPPED}

    def _note(self, person: Person, act: str, of: str) -> None:
        """What somebody with a role writes is in the record of acts; of others the label's own version says it."""
        if person.is_proven:
            note(self.settings.home, Act(act, person.name, of))


def parse_body(kind: type[Asked], body: bytes) -> Asked:
    """What a request says. Raises WriteRefused, with the place, for anything else."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first: Mapping[str, Any] = error.errors(include_url=False, include_input=False)[
            0
        ]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise WriteRefused(f"{where}: {first['msg']}"[:300]) from None


def _make_answer(asked: Correction, stood: review.Look, turn: Upright) -> Answer:
    if asked.act != "correct":
        if asked.changes:
            raise WriteRefused(f"{asked.act} says all: leave changes out")
        return review.confirm(stood) if asked.act == "confirm" else review.reject(stood)
    if not asked.changes:
        raise WriteRefused("nothing is changed: give changes, or confirm what stands")
    return review.correct(stood, [_to_change(one, turn) for one in asked.changes])


def _to_change(asked: Change, turn: Upright) -> review.Change:
    box = None if asked.box is None else turn.store_box(cast(_Box, tuple(asked.box)))
    mask = _read_mask(asked, turn)
    return review.Change(asked.label_id, asked.class_name, box, mask, asked.remove)


def _read_mask(asked: Change, turn: Upright) -> str | None:
    """Run lengths of the stored size."""
    if asked.points is None and asked.runs is None:
        return None
    if asked.points is not None and asked.runs is not None:
        raise WriteRefused("a mask is an outline or runs: give one of points and runs")
    try:
        require_drawable(turn.shown_px)
        if asked.points is not None:
            return _draw_mask(asked.points, turn)
        shown = from_runs(asked.runs or (), turn.shown_px)
    except ValueError as error:
        raise WriteRefused(str(error)) from error
    return encode_mask(turn.store_mask(shown))


def _draw_mask(points: list[list[float]], turn: Upright) -> str:
    """Run lengths of the stored size, of the pixels inside an outline on the upright picture."""
    corners = np.array([point[:2] for point in points if len(point) >= 2], np.float64)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise WriteRefused("an outline has three corners or more, each x and y in px")
    width, height = turn.shown_px
    drawn = np.zeros((height, width), np.uint8)
    inside = np.clip(np.floor(corners), 0, [width - 1, height - 1]).astype(np.int32)
    cv2.fillPoly(drawn, [inside], 1)
    return encode_mask(turn.store_mask(drawn.astype(bool)))
