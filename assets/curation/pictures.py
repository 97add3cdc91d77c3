"""The pictures of a dataset: what can be in a release of a task, and what is left out, by reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from assets.curation.annotations import Row, Statement
from assets.curation.joining import find_any_conflict, join_statements
from assets.curation.split import STRICTEST
from models.task_names import INSTANCES, MULTILABEL, PRETRAINING

OF_OBJECTS = ("detection", INSTANCES, MULTILABEL)  # what has no label is learnt as absent: so nothing may lack one
UNLABELLED, COPY, NEAR_DUPLICATE = "frame without labels", "copy of a picture", "near-duplicate frame"
TORN, TWO_CLASSES = "copy of a picture with other labels", "frame with two classes"
LACKING, ONLY_IGNORED = "frame with an object that has no label", "frame with nothing but crowds, points or lines"
UNUSABLE = "frame without a usable label"
_LABELS_ON = {
    NEAR_DUPLICATE: "labels on near-duplicate frames", TORN: "labels on copies with other labels",
    LACKING: "labels on frames with an object that has no label",
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """The frame that stands for all with equal bytes, how many of those count, and what is said of them together.

    Those count that something is said of, and the one that stands for them.
    """

    frame_id: str
    num_frames: int
    said: Statement


def choose_pictures(
    task: str, frames: Mapping[str, Row], statements: Mapping[str, Statement], split_of: Mapping[str, str],
    cluster_of: Mapping[str, str],
) -> tuple[list[Picture], Counter[str]]:  # fmt: skip
    """What goes into a release, by frame id, and what does not, by reason: frames, then their labels.

    Of near-duplicates in train that show the same, by classes and how many of each, one stays: a picture with an object
    and one without are no copies of each other. Pretraining asks for no labels; the tasks of objects take a picture
    that somebody found empty, and none of which an object has no label. Recognition takes no picture without a class,
    segmentation none without a mask: there is nothing in them to learn or to judge.
    """
    excluded = Counter[str]()
    found: list[Picture] = []
    num_counted = 0
    for frame_ids in _group_by_bytes(task, frames, statements, split_of):
        mine = [statements[i] for i in frame_ids if i in statements]
        is_bare = frame_ids[0] not in statements and task != PRETRAINING
        num_frames = len(frame_ids) if task == PRETRAINING else len(mine) + is_bare
        picture = Picture(frame_ids[0], num_frames, join_statements(mine, task))
        num_counted += num_frames
        excluded.update(picture.said.faults)
        is_torn = len(mine) > 1 and find_any_conflict(mine, task) is not None
        if reason := TORN if is_torn else _find_reason(task, picture, split_of):
            _count_out(picture, reason, task, excluded)
        else:
            found.append(picture)
            excluded[COPY] += num_frames - 1
    kept, in_train = [], set[tuple[str, frozenset[tuple[str, int]]]]()
    for picture in sorted(found, key=lambda p: (-len(p.said.labels), p.frame_id)):
        if split_of[picture.frame_id] == "train":
            lesson = cluster_of.get(picture.frame_id, picture.frame_id), _list_shown(task, picture)
            if lesson in in_train:
                excluded[COPY] -= picture.num_frames - 1
                _count_out(picture, NEAR_DUPLICATE, task, excluded)
                continue
            in_train.add(lesson)
        kept.append(picture)
    excluded[UNLABELLED] += len(frames) - num_counted
    return sorted(kept, key=lambda p: p.frame_id), +excluded


def count_lost(excluded: Mapping[str, int]) -> dict[str, str]:
    """What was labelled for the task and is left out: frames and labels by reason, for a person to read."""
    return {
        reason: f"{excluded[reason]} frames, {excluded.get(labels, 0)} labels"
        for reason, labels in _LABELS_ON.items() if excluded.get(reason)
    }  # fmt: skip


def _group_by_bytes(
    task: str, frames: Mapping[str, Row], statements: Mapping[str, Statement], split_of: Mapping[str, str]
) -> list[list[str]]:
    """Frames with equal bytes, of pictures that something is said of. First comes one with a split, the strictest, and
    of those one with most labels: a bare copy carries the labels of a frame that has no split."""
    spoken_of = {frames[frame_id]["sha256"] for frame_id in statements}
    by_bytes: dict[str, list[str]] = defaultdict(list)
    for frame_id, frame in frames.items():
        if task == PRETRAINING or frame["sha256"] in spoken_of:
            by_bytes[frame["sha256"]].append(frame_id)

    def rank(frame_id: str) -> tuple[int, bool, int, str]:
        side = STRICTEST.index(split_of[frame_id]) if frame_id in split_of else len(STRICTEST)
        said = statements.get(frame_id)
        return side, said is None, -len(said.labels) if said else 0, frame_id

    return [sorted(ids, key=rank) for ids in by_bytes.values()]


def _find_reason(task: str, picture: Picture, split_of: Mapping[str, str]) -> str | None:
    """Why a picture cannot be in a release of the task; None where it can."""
    said, has_split = picture.said, picture.frame_id in split_of
    if task == "recognition" and len({label["class_name"] for label in said.labels}) > 1:
        return TWO_CLASSES
    if task in OF_OBJECTS and not said.is_whole:
        return LACKING
    is_empty = task in OF_OBJECTS and said.empty_for and not said.has_ignored
    if said.labels or is_empty or task == PRETRAINING:
        return None if has_split else NEAR_DUPLICATE
    if said.faults:
        return UNUSABLE
    return ONLY_IGNORED if said.has_ignored else UNLABELLED


def _list_shown(task: str, picture: Picture) -> frozenset[tuple[str, int]]:
    """The classes that a picture shows and how many of each; of pretraining and of maps of pixels nothing is asked."""
    if task not in (*OF_OBJECTS, "recognition"):
        return frozenset()
    return frozenset(Counter(label["class_name"] for label in picture.said.labels).items())


def _count_out(picture: Picture, reason: str, task: str, excluded: Counter[str]) -> None:
    excluded[reason] += picture.num_frames
    if reason in _LABELS_ON and task != PRETRAINING:
        excluded[_LABELS_ON[reason]] += len(picture.said.labels)
