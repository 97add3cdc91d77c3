"""Versions of labels, written: what an author says of a frame is added beside what stood, and takes its place.

A version has the next number of its frame and task. Its id is made of the three, so that of two people who write on the
same number at once one is first, and the other is told. What was written is never changed and never taken out here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from assets.label_versions import (
    OVERHANG_PX,
    RANK,
    hash_version,
    list_standing,
    read_versions,
)
from assets.tables.catalog import Catalog
from assets.tables.rows import SIDES, FrameRow, LabelRow, LabelVersionRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables
from models.masks import decode_counts
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION, TASK_NAMES

AuthorKind = Literal["person", "import", "simulator", "interpolation", "model"]
Act = Literal["answer", "correct", "confirm", "reject"]
_FRAME_COLUMNS = (
    "frame_id",
    "capture_id",
    "session",
    "sha256",
    "width_px",
    "height_px",
)
INTERPOLATED = (
    "interpolated"  # attribute of a box that nobody looked at: how it was made
)
_ATTEMPTS = 20  # at a number that somebody else took meanwhile


class Overtaken(ValueError):
    """Somebody else said something of the frame since it was looked at."""


@dataclass(frozen=True)
class Author:
    """Who says it: a person's name, a model's sha256, a simulator's or a data set's name, what interpolates."""

    kind: AuthorKind
    name: str

    def __post_init__(self) -> None:
        if self.kind not in RANK:
            raise ValueError(
                f"'{self.kind}' is no kind of author: choose one of {', '.join(RANK)}"
            )
        if not self.name.strip():
            raise ValueError(f"a {self.kind} without a name: say who it is")


@dataclass(frozen=True)
class Marked:
    """One object, or one class of a picture, or one class's part of it. `label_id` is that of the label which it was
    made from; None of a new one. Boxes are in px of the stored image, masks COCO run lengths of its size."""

    class_name: str
    box_xyxy: tuple[float, float, float, float] | None = None
    mask_rle: str | None = None
    track_id: int | None = None
    attributes: str | None = None
    label_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """All that an author says of one frame for one task.

    `frame_sha256` are the bytes that were looked at; None: those that are stored. `num_missing` counts objects that
    were seen and are not among `marked`, which keeps the picture from tasks that learn absence.
    """

    frame_id: str
    task: str
    marked: tuple[Marked, ...] = ()
    frame_sha256: str | None = None
    num_missing: int = 0
    num_ignored: int = 0
    act: Act = "answer"
    rests_on: tuple[str, ...] = ()  # versions that it was interpolated between


@dataclass(frozen=True)
class Order:
    """Under what answers were given: the queue that asked for them, and the guideline."""

    queue_id: str | None = None
    guideline_id: str | None = None


NO_ORDER = Order()


@dataclass(frozen=True)
class Recorded:
    """What became of answers. `refused` has, by frame id, why one was not taken, with the remedy."""

    versions: tuple[LabelVersionRow, ...] = ()
    known: int = 0  # answers that the author gave before, word for word
    refused: Mapping[str, str] = field(default_factory=dict)


def record_answers(
    catalog: Catalog,
    answers: Sequence[Answer],
    author: Author,
    order: Order = NO_ORDER,
    made_ns: int | None = None,
) -> Recorded:
    """Add what an author says of frames. Each answer takes the place of the author's own earlier one on its frame and
    task, and of no other: two people who answer are no correction of each other.

    Answers on frames that are gone or have other bytes by now, and those that do not fit their image, are refused one
    by one. Raises ValueError for two answers on one frame and task.
    """
    _require_one_each(answers)
    answers = [_as_said_by(author, answer) for answer in answers]
    frames = _read_frames(catalog, answers)
    refused = _find_faults(answers, frames)
    left = [a for a in answers if a.frame_id not in refused]
    now = time.time_ns() if made_ns is None else made_ns
    written: list[LabelVersionRow] = []
    num_known = 0
    for _ in range(_ATTEMPTS):
        if not left:
            break
        before = _group(read_versions(catalog, [a.frame_id for a in left]))
        rows = []
        for answer in left:
            there = before.get((answer.frame_id, answer.task), [])
            own = [v for v in list_standing(there) if _is_by(v, author)]
            if own and _says(own[-1]) == _says_so(answer, frames, order):
                num_known += 1
                continue
            replaced = [v["version_id"] for v in own]
            rows.append(
                _draft(answer, frames, author, order, now, head_of(there) + 1, replaced)
            )
        taken = _insert(catalog, rows)
        written += taken
        done = {(v["frame_id"], v["task"]) for v in taken}
        drafted = {(v["frame_id"], v["task"]) for v in rows}
        left = [a for a in left if (a.frame_id, a.task) in drafted - done]
    if left:
        raise Overtaken(
            f"{len(left)} answers were overtaken {_ATTEMPTS} times, first on frame {left[0].frame_id}: try again"
        )
    return Recorded(tuple(written), num_known, refused)


def record_correction(
    catalog: Catalog,
    answer: Answer,
    author: Author,
    seen: int,
    order: Order = NO_ORDER,
    made_ns: int | None = None,
) -> LabelVersionRow:
    """Add what takes the place of all that stood on the frame for the task when its author looked: `seen` is the
    highest number of a version then, 0 where there was none.

    Raises Overtaken where somebody else was first, and ValueError for a frame that is gone or changed, and for what
    does not fit its image.
    """
    answer = _as_said_by(author, answer)
    frames = _read_frames(catalog, [answer])
    fault = find_fault(answer, frames)
    if fault:
        raise ValueError(fault)
    there = read_versions(catalog, [answer.frame_id], answer.task)
    if head_of(there) != seen:
        raise tell_overtaken(answer.frame_id, answer.task, there, seen)
    replaced = [
        v["version_id"]
        for v in list_standing(there)
        if RANK[v["author_kind"]] >= RANK[author.kind]
    ]
    now = time.time_ns() if made_ns is None else made_ns
    row = _draft(answer, frames, author, order, now, seen + 1, replaced)
    if not _insert(catalog, [row]):
        there = read_versions(catalog, [answer.frame_id], answer.task)
        raise tell_overtaken(answer.frame_id, answer.task, there, seen)
    return row


def find_fault(answer: Answer, frames: Mapping[str, FrameRow]) -> str | None:
    """Why an answer cannot be taken, with the remedy; None where it can."""
    frame = frames.get(answer.frame_id)
    at = f"frame {answer.frame_id}"
    if answer.task not in TASK_NAMES:
        return f"{at}: there is no task '{answer.task}': choose one of {', '.join(TASK_NAMES)}"
    if frame is None:
        return (
            f"{at} is not stored: ingest its recording again, or leave its labels out"
        )
    if answer.frame_sha256 not in (None, frame["sha256"]):
        return (
            f"{at} has other bytes than were labelled ({frame['sha256'][:12]}, not {str(answer.frame_sha256)[:12]}): "
            "label the picture that is there now"
        )
    for marked in answer.marked:
        fault = _find_mark_fault(marked, answer.task, frame)
        if fault:
            return f"{at}, {marked.class_name or 'an object'}: {fault}"
    boxless = _find_boxless(answer)
    return f"{at}: {boxless}" if boxless else None


def find_faults(catalog: Catalog, answers: Sequence[Answer]) -> dict[str, str]:
    """Why answers cannot be taken, by frame id, of those that cannot."""
    return _find_faults(answers, _read_frames(catalog, answers))


def head_of(versions: Sequence[LabelVersionRow]) -> int:
    """The highest number of a frame's versions for a task; 0 where there is none."""
    return max((v["number"] for v in versions), default=0)


def list_marked(labels: Sequence[LabelRow]) -> tuple[Marked, ...]:
    """Rows of `labels` as what an author may say again."""
    found = []
    for label in labels:
        sides = [label[side] for side in SIDES]
        box = None if None in sides else tuple(float(s or 0.0) for s in sides)
        found.append(
            Marked(
                label["class_name"],
                box,  # type: ignore[arg-type]
                label["mask_rle"],
                label["track_id"],
                label["attributes"],
                label["label_id"],
            )
        )
    return tuple(found)


# ---- below -----------------------------------------------------------------------------------------------------------


def _find_faults(
    answers: Sequence[Answer], frames: Mapping[str, FrameRow]
) -> dict[str, str]:
    return {a.frame_id: fault for a in answers if (fault := find_fault(a, frames))}


def _find_boxless(answer: Answer) -> str | None:
    """What tells that some objects have a box, and others none."""
    with_box = sum(m.box_xyxy is not None for m in answer.marked)
    if with_box in (0, len(answer.marked)):
        return None
    return (
        f"{with_box} of {len(answer.marked)} objects have a box: give each one, or none"
    )


def _find_mark_fault(marked: Marked, task: str, frame: FrameRow) -> str | None:
    if not marked.class_name.strip():
        return "it has no class: name one"
    width, height = frame["width_px"], frame["height_px"]
    if marked.box_xyxy is not None:
        x_min, y_min, x_max, y_max = marked.box_xyxy
        # of anything that is no number nothing holds
        if not (x_min < x_max and y_min < y_max):
            return f"its box {list(marked.box_xyxy)} has no area: give left, top, right, bottom"
        if not (x_max > 0 and y_max > 0 and x_min < width and y_min < height):
            return (
                f"its box {list(marked.box_xyxy)} lies outside of {width}x{height} px"
            )
        if not (
            min(x_min, y_min) >= -OVERHANG_PX
            and x_max <= width + OVERHANG_PX
            and y_max <= height + OVERHANG_PX
        ):
            return f"its box {list(marked.box_xyxy)} goes over the edge of {width}x{height} px: draw it on this image"
    elif task == DETECTION:
        return "it has no box: give left, top, right, bottom in px"
    if marked.mask_rle is None:
        return "it has no mask: give run lengths" if task == SEGMENTATION else None
    if task == RECOGNITION:
        return "a class of the whole picture has a mask: leave it out"
    try:
        num_px = sum(decode_counts(marked.mask_rle))
    except ValueError as error:
        return f"its mask cannot be read: {error}"
    if num_px != width * height:
        return f"its mask covers {num_px} px, and the image has {width}x{height}: draw it on this image"
    return None


def _as_said_by(author: Author, answer: Answer) -> Answer:
    """What a person has looked at is interpolated no more."""
    if author.kind != "person":
        return answer
    marked = tuple(
        replace(one, attributes=_drop_pair(one.attributes, INTERPOLATED))
        for one in answer.marked
    )
    return replace(answer, marked=marked)


def _drop_pair(attributes: str | None, name: str) -> str | None:
    """As they were where there is none of that name."""
    pairs = json.loads(attributes or "[]")
    left = [pair for pair in pairs if pair[0] != name]
    return attributes if left == pairs else json.dumps(left) if left else None


def _require_one_each(answers: Sequence[Answer]) -> None:
    seen = set[tuple[str, str]]()
    for answer in answers:
        subject = answer.frame_id, answer.task
        if subject in seen:
            raise ValueError(
                f"two answers of one author on frame {answer.frame_id} for {answer.task}: hand over the last alone"
            )
        seen.add(subject)


def _read_frames(catalog: Catalog, answers: Sequence[Answer]) -> dict[str, FrameRow]:
    ids = sorted({answer.frame_id for answer in answers})
    rows: list[FrameRow] = catalog.read_of(
        "frames", _FRAME_COLUMNS, "frame_id", ids
    ).to_pylist()
    return {row["frame_id"]: row for row in rows}


def _group(
    versions: Sequence[LabelVersionRow],
) -> dict[tuple[str, str], list[LabelVersionRow]]:
    found: dict[tuple[str, str], list[LabelVersionRow]] = {}
    for version in versions:
        found.setdefault((version["frame_id"], version["task"]), []).append(version)
    return found


def _is_by(version: LabelVersionRow, author: Author) -> bool:
    return (version["author_kind"], version["author"]) == (author.kind, author.name)


def _draft(
    answer: Answer,
    frames: Mapping[str, FrameRow],
    author: Author,
    order: Order,
    made_ns: int,
    number: int,
    replaces: Sequence[str],
) -> LabelVersionRow:
    frame = frames[answer.frame_id]
    version_id = content_id("label_version", answer.frame_id, answer.task, number)
    row: Any = {
        "version_id": version_id,
        "frame_id": answer.frame_id,
        "capture_id": frame["capture_id"],
        "session": frame["session"],
        "task": answer.task,
        "number": number,
        "frame_sha256": frame["sha256"],
        "author_kind": author.kind,
        "author": author.name,
        "made_ns": made_ns,
        "act": answer.act,
        "queue_id": order.queue_id,
        "guideline_id": order.guideline_id,
        "replaces": list(replaces),
        **_list_objects(answer.marked),
        "num_missing": answer.num_missing,
        "num_ignored": answer.num_ignored,
        "label_ids": [
            m.label_id or content_id("label", version_id, n)
            for n, m in enumerate(answer.marked)
        ],
        "rests_on": list(answer.rests_on) or None,
    }
    return cast(LabelVersionRow, {**row, "content_sha256": hash_version(row)})


def _list_objects(marked: Sequence[Marked]) -> dict[str, list[Any]]:
    return {
        "class_names": [m.class_name for m in marked],
        "boxes_xyxy": [float(v) for m in marked for v in m.box_xyxy or ()],
        "mask_rles": [m.mask_rle or "" for m in marked],
        "track_ids": ["" if m.track_id is None else str(m.track_id) for m in marked],
        "attributes": [m.attributes or "" for m in marked],
    }


def _says_so(
    answer: Answer, frames: Mapping[str, FrameRow], order: Order
) -> dict[str, Any]:
    """What tells whether an answer was given before: all that it says, and under what."""
    return {
        **_list_objects(answer.marked),
        "num_missing": answer.num_missing,
        "num_ignored": answer.num_ignored,
        "frame_sha256": frames[answer.frame_id]["sha256"],
        "queue_id": order.queue_id,
        "guideline_id": order.guideline_id,
        "act": answer.act,
        "rests_on": list(answer.rests_on),
    }


def _says(version: LabelVersionRow) -> dict[str, Any]:
    names = (
        *("class_names", "boxes_xyxy", "mask_rles", "track_ids", "attributes"),
        *("num_missing", "num_ignored", "frame_sha256"),
        *("queue_id", "guideline_id", "act"),
    )
    row: Mapping[str, Any] = version
    return {
        **{name: row[name] for name in names},
        "rests_on": list(version["rests_on"] or ()),
    }


def _insert(catalog: Catalog, rows: Sequence[LabelVersionRow]) -> list[LabelVersionRow]:
    """Add versions; those that were first at their numbers."""
    if not rows:
        return []
    name = "label_versions"
    done = catalog.merge(name, to_table(TABLES[name], rows))
    seal_tables(catalog, [name])
    if done.inserted == len(rows):
        return list(rows)
    ids = [row["version_id"] for row in rows]
    columns = ["version_id", "content_sha256"]
    there = catalog.read_of(name, columns, "version_id", ids).to_pylist()
    mine = {row["version_id"]: row["content_sha256"] for row in there}
    return [row for row in rows if mine[row["version_id"]] == row["content_sha256"]]


def tell_overtaken(
    frame_id: str, task: str, there: Sequence[LabelVersionRow], seen: int
) -> Overtaken:
    """What the second of two is told, who has looked at version `seen`."""
    if head_of(there) <= seen:
        return Overtaken(
            f"frame {frame_id}: its last version for {task} is {head_of(there)}, not {seen}: look at it again"
        )
    last = there[-1]
    return Overtaken(
        f"frame {frame_id}: {last['author']} was first with version {last['number']} for {task} "
        f"(you saw {seen}): look at it again, then correct what stands now"
    )
