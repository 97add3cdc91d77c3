"""The pictures of a dataset: what can be in a release of a kind, and what is left out, by reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from assets.curation.joining import find_any_conflict, join_statements
from assets.curation.split import STRICTEST
from assets.kinds import Kind
from assets.kinds.kind import Statement
from assets.tables.rows import FrameRow

UNLABELLED = "frame without labels"
COPY = "copy of a picture"
NEAR_DUPLICATE = "near-duplicate frame"
TORN = "copy of a picture with other labels"
TWO_CLASSES = "frame with two classes"
LACKING = "frame with an object that has no label"
INTERPOLATED = "frame with interpolated labels, which only train takes"
ONLY_IGNORED = "frame with nothing but crowds, points or lines"
UNUSABLE = "frame without a usable label"
OTHER_CLASSES = "frame without a chosen class"
NOT_CHOSEN = "label of a class that was not chosen"
_LABELS_ON = {
    NEAR_DUPLICATE: "labels on near-duplicate frames",
    TORN: "labels on copies with other labels",
    LACKING: "labels on frames with an object that has no label",
    INTERPOLATED: "interpolated labels outside of train",
}


@dataclass(frozen=True)
class Picture:
    """The frame that stands for all with equal bytes, how many of those count, and what is said of them together.

    Those count that something is said of, and the one that stands for them.
    """

    frame_id: str
    num_frames: int
    said: Statement


@dataclass(frozen=True)
class ChosenClasses:
    """Classes that somebody chose, and the sessions in which somebody labelled one of them."""

    names: frozenset[str]
    sessions: frozenset[str]


def choose_pictures(
    kind: Kind,
    frames: Mapping[str, FrameRow],
    statements: Mapping[str, Statement],
    split_of: Mapping[str, str],
    cluster_of: Mapping[str, str],
    classes: ChosenClasses | None = None,
) -> tuple[list[Picture], Counter[str]]:
    """What goes into a release, by frame id, and what does not, by reason: frames, then their labels.

    Of near-duplicates in train that show the same, by classes and how many of each, one stays: a picture with an object
    and one without are no copies of each other. A kind that learns absence takes a picture that somebody found empty,
    and none of which an object has no label. Another that needs labels takes no picture without one: there is nothing
    in it to learn or to judge.

    With `classes` labels of others go, after all else is judged by them. A picture that had none but those is one
    without an object, for a kind that learns absence, where its session has a label of a chosen class: elsewhere nobody
    looked.
    """
    excluded = Counter[str]()
    found: list[Picture] = []
    num_counted = 0
    for frame_ids in _group_by_bytes(kind, frames, statements, split_of):
        mine = [statements[i] for i in frame_ids if i in statements]
        is_bare = kind.needs_labels and frame_ids[0] not in statements
        num_frames = len(mine) + is_bare if kind.needs_labels else len(frame_ids)
        picture = Picture(frame_ids[0], num_frames, join_statements(mine, kind))
        num_counted += num_frames
        excluded.update(picture.said.faults)
        is_torn = len(mine) > 1 and find_any_conflict(mine, kind) is not None
        reason = TORN if is_torn else _find_reason(kind, picture, split_of)
        if classes and not reason:
            there = {frames[i]["session"] for i in frame_ids if i in statements}
            is_looked_at = kind.learns_absence and bool(there & classes.sessions)
            picture, reason = _keep_classes(
                picture, classes.names, is_looked_at, excluded
            )
        if reason:
            _count_out(picture, reason, kind, excluded)
        else:
            found.append(picture)
            excluded[COPY] += num_frames - 1
    kept = []
    in_train = set[tuple[str, frozenset[tuple[str, int]]]]()
    for picture in sorted(found, key=lambda p: (-len(p.said.labels), p.frame_id)):
        if split_of[picture.frame_id] == "train":
            lesson = (
                cluster_of.get(picture.frame_id, picture.frame_id),
                kind.list_shown(picture.said.labels),
            )
            if lesson in in_train:
                excluded[COPY] -= picture.num_frames - 1
                _count_out(picture, NEAR_DUPLICATE, kind, excluded)
                continue
            in_train.add(lesson)
        kept.append(picture)
    excluded[UNLABELLED] += len(frames) - num_counted
    return sorted(kept, key=lambda p: p.frame_id), +excluded


def count_lost(excluded: Mapping[str, int]) -> dict[str, str]:
    """What was labelled for the task and is left out: frames and labels by reason, for a person to read."""
    return {
        reason: f"{excluded[reason]} frames, {excluded.get(labels, 0)} labels"
        for reason, labels in _LABELS_ON.items()
        if excluded.get(reason)
    }


def _group_by_bytes(
    kind: Kind,
    frames: Mapping[str, FrameRow],
    statements: Mapping[str, Statement],
    split_of: Mapping[str, str],
) -> list[list[str]]:
    """Frames with equal bytes, of pictures that something is said of. First comes one with a split, the strictest, and
    of those one with most labels: a bare copy carries the labels of a frame that has no split."""
    spoken_of = {frames[frame_id]["sha256"] for frame_id in statements}
    by_bytes: dict[str, list[str]] = defaultdict(list)
    for frame_id, frame in frames.items():
        if not kind.needs_labels or frame["sha256"] in spoken_of:
            by_bytes[frame["sha256"]].append(frame_id)

    def rank(frame_id: str) -> tuple[int, bool, int, str]:
        side = (
            STRICTEST.index(split_of[frame_id])
            if frame_id in split_of
            else len(STRICTEST)
        )
        said = statements.get(frame_id)
        return side, said is None, -len(said.labels) if said else 0, frame_id

    return [sorted(ids, key=rank) for ids in by_bytes.values()]


def _find_reason(
    kind: Kind, picture: Picture, split_of: Mapping[str, str]
) -> str | None:
    """Why a picture cannot be in a release of the kind; None where it can."""
    said = picture.said
    has_split = picture.frame_id in split_of
    if kind.has_one_class and len({label["class_name"] for label in said.labels}) > 1:
        return TWO_CLASSES
    if kind.learns_absence and not said.is_whole:
        return LACKING
    is_empty = kind.learns_absence and said.empty_for and not said.has_ignored
    if said.labels or is_empty or not kind.needs_labels:
        if said.is_interpolated and split_of.get(picture.frame_id) in ("val", "test"):
            return INTERPOLATED
        return None if has_split else NEAR_DUPLICATE
    if said.faults:
        return UNUSABLE
    return ONLY_IGNORED if said.has_ignored else UNLABELLED


def _keep_classes(
    picture: Picture,
    names: frozenset[str],
    is_looked_at: bool,
    excluded: Counter[str],
) -> tuple[Picture, str | None]:
    """The picture with labels of these classes alone, and why it cannot stay."""
    said = picture.said
    labels = tuple(label for label in said.labels if label["class_name"] in names)
    excluded[NOT_CHOSEN] += len(said.labels) - len(labels)
    is_lost = bool(said.labels) and not labels and not is_looked_at
    kept = replace(picture, said=replace(said, labels=labels))
    return kept, OTHER_CLASSES if is_lost else None


def _count_out(
    picture: Picture, reason: str, kind: Kind, excluded: Counter[str]
) -> None:
    excluded[reason] += picture.num_frames
    if reason in _LABELS_ON and kind.needs_labels:
        excluded[_LABELS_ON[reason]] += len(picture.said.labels)
