"""What two releases of one kind differ in: frames, labels and classes that came, went, changed, or changed parts.

A frame is the same by its id, a class by its name. Labels of one frame are held against each other exactly first; what
is left over is paired by overlap, or by class, and called changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np

from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.class_list import count_parts
from assets.tables.json_text import join_json, write_json
from assets.tables.releases import Release, open_release, tabulate_classes
from assets.tables.rows import ReleaseFrameRow
from models.box_pairs import SAME_OBJECT_IOU
from models.metrics.matching import measure_ious

ADDED = "added"
REMOVED = "removed"
RELABELLED = "relabelled"
MOVED = "moved"
_IN_JSON = 1000  # frames of one change that JSON names
_Place = tuple[float, ...] | str


@dataclass(frozen=True)
class Label:
    """One label of a frame: its class, its box (none: ()), and the mask or points that belong to it."""

    class_name: str
    box_xyxy: tuple[float, ...] = ()
    shape: str = ""


@dataclass(frozen=True)
class LabelChanges:
    """Of one frame: labels that came and went, and pairs of one object whose box, shape or class is another."""

    added: tuple[Label, ...]
    removed: tuple[Label, ...]
    changed: tuple[tuple[Label, Label], ...]

    @property
    def is_any(self) -> bool:
        """Whether a label is another."""
        return bool(self.added or self.removed or self.changed)

    def tell(self) -> str:
        """In words: "cup added, box -> ball, ball drawn anew"."""
        told = [
            *(f"{label.class_name} added" for label in self.added),
            *(f"{label.class_name} removed" for label in self.removed),
            *(
                f"{one.class_name} -> {other.class_name}"
                if one.class_name != other.class_name
                else f"{one.class_name} drawn anew"
                for one, other in self.changed
            ),
        ]
        return ", ".join(told)


@dataclass(frozen=True)
class ClassDiff:
    """Objects of one class, all parts: how many there were and are, and what became of those in frames of both."""

    name: str
    before: int = 0
    after: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True)
class FrameDiff:
    """One frame that differs. `before` or `after` None: it is in one of the releases alone."""

    frame_id: str
    session: str
    sensor: str
    before: str | None  # its part
    after: str | None
    labels: LabelChanges | None = (
        None  # None: they are the same, or there is one side alone
    )


@dataclass(frozen=True)
class ReleaseDiff:
    """Everything that two releases differ in; frames by id, in order."""

    task: str
    first: Release
    second: Release
    classes_added: tuple[str, ...]
    classes_removed: tuple[str, ...]
    sessions_added: tuple[str, ...]
    sessions_removed: tuple[str, ...]
    frames: Mapping[str, Sequence[FrameDiff]]  # by ADDED, REMOVED, RELABELLED, MOVED
    num_same: int
    classes: tuple[ClassDiff, ...]
    warnings: tuple[str, ...] = ()

    @property
    def moves(self) -> dict[tuple[str, str], int]:
        """(part before, part after) -> frames."""
        counted = Counter((f.before, f.after) for f in self.frames[MOVED])
        return {(str(a), str(b)): n for (a, b), n in sorted(counted.items())}

    @property
    def is_same(self) -> bool:
        """Whether both hold the same frames, labels, parts and classes."""
        return not any(self.frames.values()) and (
            self.first.class_names == self.second.class_names
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; of each change the first frames are named, and all are counted."""
        return {
            "task": self.task,
            "is_same": self.is_same,
            "releases": [_describe(self.first), _describe(self.second)],
            "classes_added": list(self.classes_added),
            "classes_removed": list(self.classes_removed),
            "sessions_added": list(self.sessions_added),
            "sessions_removed": list(self.sessions_removed),
            "num_frames": {
                "same": self.num_same,
                **{what: len(frames) for what, frames in self.frames.items()},
            },
            "moves": [
                {"before": a, "after": b, "num_frames": n}
                for (a, b), n in self.moves.items()
            ],
            "classes": [asdict(one) for one in self.classes],
            "frames": {
                what: [_describe_frame(frame) for frame in frames[:_IN_JSON]]
                for what, frames in self.frames.items()
            },
            "warnings": list(self.warnings),
        }


def diff_releases(catalog: Catalog, first_id: str, second_id: str) -> ReleaseDiff:
    """What the second release has that the first has not, and the other way round.

    Raises ValueError as `open_release` does, and for releases of different kinds.
    """
    first, second = (open_release(catalog, r) for r in (first_id, second_id))
    if first.task != second.task:
        raise ValueError(
            f"release {first_id[:12]} is for {first.task}, {second_id[:12]} for {second.task}: compare two of one kind"
        )
    one, other = _index(first), _index(second)
    both = [i for i in one.place_of if i in other.place_of]
    frames = {
        ADDED: [other.name(i) for i in other.place_of if i not in one.place_of],
        REMOVED: [
            one.name(i, is_before=True) for i in one.place_of if i not in other.place_of
        ],
        RELABELLED: list(_find_relabelled(one, other, both)),
        MOVED: [_pair(one, other, i) for i in both if one.part(i) != other.part(i)],
    }
    touched = {f.frame_id for what in (MOVED, RELABELLED) for f in frames[what]}
    return ReleaseDiff(
        first.task,
        first,
        second,
        tuple(c for c in second.class_names if c not in first.class_names),
        tuple(c for c in first.class_names if c not in second.class_names),
        tuple(sorted(set(other.sessions) - set(one.sessions))),
        tuple(sorted(set(one.sessions) - set(other.sessions))),
        frames,
        len(both) - len(touched),
        _count_classes(first, second, frames[RELABELLED]),
        _warn(frames[MOVED]),
    )


def list_labels(row: ReleaseFrameRow, class_names: Sequence[str]) -> list[Label]:
    """The labels of a `release_frames` row of any kind."""
    if row["class_id"] is not None:
        return [Label(class_names[row["class_id"]])]
    shapes = row["mask_rles"] or row["keypoints"] or ()
    if row["mask_class_ids"]:
        pairs = zip(row["mask_class_ids"], shapes, strict=True)
        return [Label(class_names[i], (), text) for i, text in pairs]
    sides = row["boxes_xyxy"]
    has_shapes = len(shapes) == len(row["box_class_ids"])
    return [
        Label(
            class_names[i],
            tuple(sides[4 * n : 4 * n + 4]),
            shapes[n] if has_shapes else "",
        )
        for n, i in enumerate(row["box_class_ids"])
    ]


def match_labels(before: Sequence[Label], after: Sequence[Label]) -> LabelChanges:
    """What became of the labels of one frame. Equal ones are left out; the best overlap is paired first."""
    gone = list((Counter(before) - Counter(after)).elements())
    come = list((Counter(after) - Counter(before)).elements())
    changed = []
    for one, other in _pair_up(gone, come):
        changed.append((one, other))
        gone.remove(one)
        come.remove(other)
    return LabelChanges(tuple(come), tuple(gone), tuple(changed))


def _pair_up(gone: Sequence[Label], come: Sequence[Label]) -> list[tuple[Label, Label]]:
    """Labels of one object: boxes that overlap; without boxes those of one class, or the only ones."""
    if not gone or not come:
        return []
    if not any(label.box_xyxy for label in (*gone, *come)):
        if len(gone) == len(come) == 1:
            return [(gone[0], come[0])]
        return [(a, b) for a in gone for b in come if a.class_name == b.class_name]
    ious = measure_ious(
        np.array([label.box_xyxy for label in gone], np.float32),
        np.array([label.box_xyxy for label in come], np.float32),
    )
    pairs = []
    while ious.size and ious.max() >= SAME_OBJECT_IOU:
        a, b = map(int, np.unravel_index(int(ious.argmax()), ious.shape))
        pairs.append((gone[a], come[b]))
        ious[a, :] = ious[:, b] = 0.0
    return pairs


@dataclass(frozen=True)
class _Side:
    """One of the two releases, by frame id; lists are in the order of its frames."""

    release: Release
    place_of: Mapping[str, int]
    parts: Sequence[str]
    sessions: Sequence[str]
    sensors: Sequence[str]

    def part(self, frame_id: str) -> str:
        return self.parts[self.place_of[frame_id]]

    def name(self, frame_id: str, is_before: bool = False) -> FrameDiff:
        """A frame that this release has alone."""
        at = self.place_of[frame_id]
        part = self.parts[at]
        parts = (part, None) if is_before else (None, part)
        return FrameDiff(frame_id, self.sessions[at], self.sensors[at], *parts)

    def take(self, frame_id: str) -> ReleaseFrameRow:
        rows = self.release.frames.slice(self.place_of[frame_id], 1).to_pylist()
        return cast(ReleaseFrameRow, rows[0])

    def write_targets(self) -> list[str]:
        """The labels of each frame as text; class ids mean what the release says."""
        columns = find_kind(self.release.task).columns
        frames = self.release.frames.combine_chunks()
        texts = join_json(*(write_json(frames[c].combine_chunks()) for c in columns))
        return list(texts.to_pylist())


def _index(release: Release) -> _Side:
    ids, parts, sessions, sensors = (
        release.frames[c].to_pylist()
        for c in ("frame_id", "split", "session", "sensor")
    )
    return _Side(release, {i: n for n, i in enumerate(ids)}, parts, sessions, sensors)


def _pair(
    one: _Side, other: _Side, frame_id: str, changes: LabelChanges | None = None
) -> FrameDiff:
    return replace(other.name(frame_id), before=one.part(frame_id), labels=changes)


def _find_relabelled(
    one: _Side, other: _Side, both: Sequence[str]
) -> Iterator[FrameDiff]:
    """Frames of both whose labels are others. Where class ids mean the same, equal columns are not looked into."""
    names, other_names = one.release.class_names, other.release.class_names
    if names == other_names:
        texts, other_texts = one.write_targets(), other.write_targets()
        both = [
            i for i in both if texts[one.place_of[i]] != other_texts[other.place_of[i]]
        ]
    for i in both:
        before = list_labels(one.take(i), names)
        changes = match_labels(before, list_labels(other.take(i), other_names))
        if changes.is_any:
            yield _pair(one, other, i, changes)


def _count_classes(
    first: Release, second: Release, relabelled: Sequence[FrameDiff]
) -> tuple[ClassDiff, ...]:
    counts = [_count_objects(release) for release in (first, second)]
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    for frame in relabelled:
        assert frame.labels is not None
        added.update(label.class_name for label in frame.labels.added)
        removed.update(label.class_name for label in frame.labels.removed)
        changed.update(label.class_name for label, _ in frame.labels.changed)
    return tuple(
        ClassDiff(
            name,
            counts[0][name],
            counts[1][name],
            added[name],
            removed[name],
            changed[name],
        )
        for name in dict.fromkeys((*first.class_names, *second.class_names))
    )


def _count_objects(release: Release) -> Counter[str]:
    ids = tabulate_classes(release.frames)["class_id"].value_counts().to_pylist()
    return Counter({release.class_names[c["values"]]: c["counts"] for c in ids})


def _warn(moved: Sequence[FrameDiff]) -> tuple[str, ...]:
    """A model of the first release has learnt from what the second one asks about."""
    learnt = sum(f.before == "train" and f.after == "test" for f in moved)
    if not learnt:
        return ()
    return (
        f"{learnt} frames went from train to test: a model of the first release knows them, so its scores on the "
        "second are too good",
    )


def _describe(release: Release) -> dict[str, Any]:
    return {
        "release_id": release.release_id,
        "num_frames": len(release.frames),
        "parts": count_parts(release.frames),
        "classes": list(release.class_names),
    }


def _describe_frame(frame: FrameDiff) -> dict[str, Any]:
    told = asdict(frame)
    told["labels"] = frame.labels.tell() if frame.labels else None
    return told
