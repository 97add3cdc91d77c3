"""Answers to a queue, taken back: from the project of Label Studio that they were given in, or from files.

Belongs here: whose answers they are, and which of them answer the queue. Does not: how files are read
(`orchestration/label_answers.py`), and what is kept of answers (`assets/annotation/labels.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.annotation.labels import Answer, Author, Order, find_faults, record_answers
from assets.retrieval.gone_frames import tell_gone
from assets.tables.catalog import Catalog
from models.task_names import DETECTION
from orchestration.label_answers import (
    Read,
    frame_of,
    load_tasks,
    part_by_person,
    read_answers,
    read_tasks,
)
from orchestration.label_studio import LabelStudio, ProjectDeleted

_PUSH_AGAIN = "`daguerre queue push ID label-studio` makes another"


@dataclass(frozen=True)
class Questions:
    """What a queue asks: for which task, of which frames with which bytes, and under what."""

    task: str
    sha256_of: Mapping[str, str]
    order: Order

    @classmethod
    def of(
        cls, rows: Sequence[Mapping[str, Any]], pushes: Sequence[Mapping[str, Any]]
    ) -> "Questions":
        """Those of a queue's rows, as its pushes, the last first, gave them to people."""
        under = (pushes or rows)[0]["guideline_id"]
        order = Order(rows[0]["queue_id"], under)
        return cls(rows[0]["task"], sha256_of(rows, pushes), order)


@dataclass(frozen=True)
class Taken:
    """What became of one person's answers; `num_labels` are those of new ones. `refused` and `unread` say why each was
    not taken, or not read, and `left` what is not of this queue, with the remedy."""

    num_new: int
    num_known: int
    num_labels: int
    refused: tuple[str, ...]
    unread: tuple[str, ...]
    left: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything of this queue that the person said was read and taken."""
        return not self.refused and not self.unread

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "new": self.num_new,
            "known": self.num_known,
            "labels": self.num_labels,
            "refused": list(self.refused),
            "not_read": list(self.unread),
            "left": list(self.left),
        }


@dataclass(frozen=True)
class Fetched:
    """What people said, by who; and the addresses of projects that are there no more."""

    by_person: Mapping[str, Read]
    deleted: tuple[str, ...] = ()


def sha256_of(
    rows: Sequence[Mapping[str, Any]], pushes: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Frame id -> the bytes that people were shown: as the last push gave them, or else as the queue asked them."""
    shown = {row["frame_id"]: row["frame_sha256"] for row in rows}
    for one in sorted(pushes, key=lambda push: push["pushed_ns"]):
        shown |= dict(zip(one["frame_ids"], one["frame_sha256s"], strict=True))
    return shown


def fetch_answers(
    catalog: Catalog,
    server: LabelStudio,
    pushes: Sequence[Mapping[str, Any]],
    asked: Questions,
) -> Fetched:
    """What people answered in the projects of a queue on this server, by who.

    Projects that were deleted there are told, and the others read. Raises ValueError where it was not pushed there, and
    where all of its projects were deleted; and ServerRefused.
    """
    projects = [
        number
        for one in pushes
        if (number := server.find_project(one["place"])) is not None
    ]
    if not projects:
        raise ValueError(
            f"this queue was not pushed to {server.url}: `daguerre queue push ID label-studio` does"
        )
    names = {number: one.name for number, one in server.list_people().items()}
    tasks: list[dict[str, Any]] = []
    deleted = []
    for number in projects:
        try:
            tasks += server.export(number)
        except ProjectDeleted:
            deleted.append(server.address_of(number))
    if len(deleted) == len(projects):
        raise ValueError(f"{tell_deleted(deleted)}: {_PUSH_AGAIN}")
    return Fetched(_read_tasks(catalog, tasks, names, asked), tuple(deleted))


def tell_deleted(addresses: Sequence[str]) -> str:
    """`project ... was deleted there`."""
    what = "project" if len(addresses) == 1 else "projects"
    was = "was" if len(addresses) == 1 else "were"
    return f"{what} {', '.join(addresses)} {was} deleted there, with its answers"


def read_files(
    catalog: Catalog, place: Path, by: str, asked: Questions
) -> dict[str, Read]:
    """What files say, by who: `by`, but in an export of Label Studio that several people answered, or that names them.

    Raises ValueError as `read_answers` does, and for files in which nothing is labelled.
    """
    tasks = load_tasks(place)
    if tasks is not None:
        found = _read_tasks(catalog, tasks, {}, asked)
        is_nameless = len(found) == 1 and next(iter(found)).startswith("annotator ")
        return {by: next(iter(found.values()))} if is_nameless else found
    read = read_answers(catalog, place, asked.sha256_of)
    _explain_gone(catalog, read, asked)
    if not read.num_labels and not read.problems:
        raise ValueError(
            f"nothing is labelled in {place}, as in an export that nobody has worked on: where that is what was found, "
            "`daguerre labels correct FRAME --task TASK --confirm` says so of a frame"
        )
    return {by: read}


def take(
    catalog: Catalog, read: Read, name: str, asked: Questions, is_dry_run: bool
) -> Taken:
    """Record what one person said of frames that the queue asks, for its task; nothing in a dry run."""
    wanted = [answer for answer in read.answers if _is_asked(answer, asked)]
    unreadable = {a.frame_id: _tell_unreadable(a) for a in wanted if _is_unreadable(a)}
    other = len(read.answers) - len(wanted)
    left = (
        f"{other} answers for another task than {asked.task}, or on frames that this queue does not ask: "
        "land such files with `daguerre ingest`"
    )
    wanted = [answer for answer in wanted if answer.frame_id not in unreadable]
    if is_dry_run:
        refused = find_faults(catalog, wanted)
        good = [answer for answer in wanted if answer.frame_id not in refused]
        num_new, num_known = len(good), 0
        num_labels = sum(len(answer.marked) for answer in good)
    else:
        done = record_answers(catalog, wanted, Author("person", name), asked.order)
        refused = dict(done.refused)
        num_new, num_known = len(done.versions), done.known
        num_labels = sum(len(version["label_ids"]) for version in done.versions)
    return Taken(
        num_new,
        num_known,
        num_labels,
        (*refused.values(), *unreadable.values()),
        tuple(read.problems),
        (left,) * (other > 0),
    )


def _is_unreadable(answer: Answer) -> bool:
    """Whether something was said of the frame, and nothing of it could be read."""
    return answer.num_missing > 0 and not answer.marked


def _tell_unreadable(answer: Answer) -> str:
    return f"frame {answer.frame_id}: none of its {answer.num_missing} objects could be read: export it again"


def _is_asked(answer: Answer, asked: Questions) -> bool:
    return answer.task == asked.task and answer.frame_id in asked.sha256_of


def _read_tasks(
    catalog: Catalog,
    tasks: Sequence[Mapping[str, Any]],
    names: Mapping[int, str],
    asked: Questions,
) -> dict[str, Read]:
    return {
        name: _read_of_person(catalog, theirs, asked)
        for name, theirs in sorted(part_by_person(tasks, names).items())
    }


def _read_of_person(
    catalog: Catalog, tasks: Sequence[Mapping[str, Any]], asked: Questions
) -> Read:
    """One person's tasks, with those that were submitted empty: to a question for boxes that is an answer."""
    read = read_tasks(catalog, tasks, asked.sha256_of)
    _explain_gone(catalog, read, asked)
    said = {answer.frame_id for answer in read.answers}
    empty = [
        frame
        for task in tasks
        if not any(one.get("result") for one in task["annotations"])
        and (frame := frame_of(task)) in asked.sha256_of
        and frame is not None
        and frame not in said
    ]
    if asked.task == DETECTION:
        read.answers += [
            Answer(frame, DETECTION, (), asked.sha256_of[frame]) for frame in empty
        ]
    elif empty:
        read.problems.append(
            f"{len(empty)} tasks were submitted without a mark, which says nothing for {asked.task}: mark them, or "
            "skip them there"
        )
    return read


def _explain_gone(catalog: Catalog, read: Read, asked: Questions) -> None:
    """Say of a frame that is stored no more what became of it, in place of that its image is missing."""
    gone = tell_gone(catalog, list(asked.sha256_of)) if read.problems else {}
    told: dict[str, None] = {}
    for problem in read.problems:
        found = next((i for i in gone if i in problem), None)
        if found is None:
            told[problem] = None
            continue
        skip = f"`daguerre queue skip {found[:12]}` frees its place in the queue"
        told[f"frame {found} {gone[found]}; {skip}"] = None
    read.problems[:] = told
