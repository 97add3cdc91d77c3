"""Labels between two frames that a person labelled: made by following the objects, and never taken for a person's.

Which boxes are of one object a person says, by its track id, or else a stored track that has a box on both. Made are
boxes of whole frames alone: where an object is on one side only, nobody knows when it came. An interpolated version
names the two that it rests on (`rests_on`), and counts while both do.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from assets.annotation.labels import (
    INTERPOLATED,
    Answer,
    Author,
    Marked,
    Recorded,
    record_answers,
)
from assets.annotation.pairing import measure_pair_ious
from assets.current_labels import read_said
from assets.label_versions import list_standing, read_counting
from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import SIDES, FrameRow, LabelVersionRow
from models.task_names import DETECTION
from models.tracking.interpolation import interpolate_boxes, measure_growth

INTERPOLATOR = Author("interpolation", "daguerre labels interpolate")
MOST_S = 2.0  # between two labelled frames; more where a track follows every object
MOST_TRACKED_S = 10.0
MOST_FRAMES = 60  # of recordings without a time
MOST_GROWTH = 2.0  # of a side, from one box to the other
_SAME_BOX = 0.5  # IoU of a label and the box of a track that is of it
_COLUMNS = [
    *("frame_id", "capture_id", "session", "sensor", "t_ns", "sequence", "sha256"),
    *("width_px", "height_px"),
]
_TRACK_COLUMNS = [
    *("frame_id", "track_id", "class_name", *SIDES),
    *("model_sha256", "tracker", "uses_looks"),
]
Boxes = NDArray[np.float64]
_Name = TypeVar("_Name", int, str)


@dataclass(frozen=True)
class Refusal:
    """Two labelled frames between which nothing is made, and why, with the remedy."""

    first_id: str
    last_id: str
    num_frames: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """What would be said of frames, and what would be taken back since nothing carries it any more.

    `num_labelled` counts frames of which somebody else says something already: they stay as they are.
    """

    answers: tuple[Answer, ...]
    withdrawn: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]
    num_keys: int
    num_labelled: int

    @property
    def num_labels(self) -> int:
        """Boxes of all answers."""
        return sum(len(answer.marked) for answer in self.answers)

    @property
    def by_track(self) -> int:
        """Those of them that go along a stored track."""
        return sum(_is_by_track(m) for a in self.answers for m in a.marked)


def plan_interpolation(catalog: Catalog, session: str) -> Plan:
    """Boxes of detection for the frames between labelled ones, for every recording of a published session.

    Raises ValueError for a session without a published colour frame, and where no person has labelled two frames of one
    recording.
    """
    where = f"{session_is(session)} AND kind = 'color'"
    frames: list[FrameRow] = catalog.read("frames", _COLUMNS, where).to_pylist()
    if not frames:
        raise ValueError(
            f"{session} has no published colour frame: `daguerre status` says which sessions have any"
        )
    of_task = f"{session_is(session)} AND task = '{DETECTION}'"
    keys = _list_keys(read_counting(catalog, of_task))
    gaps = _find_gaps(frames, keys)
    if not gaps and not _withdraw(catalog, of_task, set()):
        raise ValueError(
            f"{session}: no person has labelled two frames of one recording with frames between them for {DETECTION}: "
            "`daguerre labels correct`, or `daguerre queue push`"
        )
    paths = _Paths(catalog, session)
    answers: list[Answer] = []
    refusals: list[Refusal] = []
    for gap in gaps:
        found = _fill(gap, keys, paths)
        if isinstance(found, str):
            refusals.append(
                Refusal(
                    gap.first["frame_id"], gap.last["frame_id"], len(gap.between), found
                )
            )
        else:
            answers += found
    spoken = _list_spoken(catalog, [f for gap in gaps for f in gap.between])
    kept = [a for a in answers if a.frame_id not in spoken]
    return Plan(
        tuple(kept),
        tuple(_withdraw(catalog, of_task, {a.frame_id for a in kept})),
        tuple(refusals),
        len(keys),
        len(answers) - len(kept),
    )


def record_interpolation(catalog: Catalog, plan: Plan) -> Recorded:
    """Add the versions of a plan; those that are there already stay. Raises as `record_answers` does."""
    return record_answers(catalog, [*plan.answers, *plan.withdrawn], INTERPOLATOR)


# ---- below -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Key:
    """What one person, or several, say of a frame."""

    versions: tuple[LabelVersionRow, ...]

    @property
    def fault(self) -> str | None:
        """Why nothing can rest on it."""
        if len(self.versions) > 1:
            names = " and ".join(sorted(v["author"] for v in self.versions))
            return f"{names} both answered it: correct it, so that one answer stands"
        (version,) = self.versions
        if version["num_missing"] or version["num_ignored"]:
            return "it has objects without a label: label all of them"
        return None if version["class_names"] else "nothing is labelled there"

    def list_marked(self) -> list[Marked]:
        (version,) = self.versions
        corners = np.array(version["boxes_xyxy"], np.float64).reshape(-1, 4)
        return [
            Marked(
                name,
                _to_box(corners[n]),
                None,
                int(version["track_ids"][n]) if version["track_ids"][n] else None,
                version["attributes"][n] or None,
            )
            for n, name in enumerate(version["class_names"])
        ]


@dataclass(frozen=True)
class _Gap:
    """Two labelled frames of a recording, and those between them in order; `shares` (N,) of the way."""

    first: FrameRow
    last: FrameRow
    between: tuple[FrameRow, ...]
    shares: Boxes
    seconds: float | None

    @property
    def frame_ids(self) -> list[str]:
        """Of all of them, in order."""
        return [f["frame_id"] for f in (self.first, *self.between, self.last)]


class _Paths:
    """The stored tracks of a session, of one model and one tracker: those that have most boxes."""

    def __init__(self, catalog: Catalog, session: str) -> None:
        rows = catalog.read("tracks", _TRACK_COLUMNS, session_is(session)).to_pylist()
        makers = Counter(map(_name_maker, rows))
        best = min(makers, key=lambda m: (-makers[m], m), default=None)
        self._boxes: dict[str, dict[str, Boxes]] = defaultdict(dict)
        self._class_of: dict[str, str] = {}
        for row in rows:
            if _name_maker(row) == best:
                box = np.array([row[side] for side in SIDES], np.float64)
                self._boxes[row["frame_id"]][row["track_id"]] = box
                self._class_of[row["track_id"]] = row["class_name"]

    def name(self, frame_id: str, marked: Sequence[Marked]) -> list[str | None]:
        """The track that has a box on each label, where it is that of no other label."""
        there = self._boxes.get(frame_id, {})
        names: list[str | None] = []
        for one in marked:
            mine = [t for t in there if self._class_of[t] == one.class_name]
            if not mine:
                names.append(None)
                continue
            boxes = np.stack([there[t] for t in mine])
            ious = measure_pair_ious(np.tile(_corners(one), (len(mine), 1)), boxes)
            best = int(ious.argmax())
            names.append(mine[best] if ious[best] >= _SAME_BOX else None)
        counts = Counter(names)
        return [name if name and counts[name] == 1 else None for name in names]

    def follow(self, track: str | None, frame_ids: Sequence[str]) -> Boxes | None:
        """(N, 4) its boxes on these frames; None where it lacks one."""
        found = [self._boxes.get(i, {}).get(track or "") for i in frame_ids]
        return (
            np.stack([b for b in found if b is not None]) if _is_full(found) else None
        )


def _is_full(found: Sequence[Boxes | None]) -> bool:
    return all(box is not None for box in found)


def _name_maker(row: Mapping[str, Any]) -> tuple[str, str, bool]:
    return row["tracker"], row["model_sha256"], row["uses_looks"]


def _list_keys(counting: Sequence[LabelVersionRow]) -> dict[str, _Key]:
    by_frame: dict[str, list[LabelVersionRow]] = defaultdict(list)
    for version in counting:
        if version["author_kind"] == "person":
            by_frame[version["frame_id"]].append(version)
    return {frame_id: _Key(tuple(found)) for frame_id, found in by_frame.items()}


def _find_gaps(frames: Sequence[FrameRow], keys: Mapping[str, _Key]) -> list[_Gap]:
    """Of every two labelled frames that follow each other in a recording, with frames between."""
    by_recording: dict[tuple[str, str], list[FrameRow]] = defaultdict(list)
    for frame in frames:
        by_recording[frame["capture_id"], frame["sensor"]].append(frame)
    gaps = []
    for _, mine in sorted(by_recording.items()):
        is_timed = all(frame["t_ns"] is not None for frame in mine)
        times = _read_times(mine, "t_ns" if is_timed else "sequence")
        if times is None:
            continue  # pictures, of which none follows another
        order = np.argsort(times, kind="stable").tolist()
        places = [n for n, k in enumerate(order) if mine[k]["frame_id"] in keys]
        for start, stop in pairwise(places):
            chosen = [order[n] for n in range(start, stop + 1)]
            at = times[chosen].astype(np.float64) - float(times[chosen[0]])
            if len(chosen) > 2:
                gaps.append(
                    _Gap(
                        mine[chosen[0]],
                        mine[chosen[-1]],
                        tuple(mine[k] for k in chosen[1:-1]),
                        at[1:-1] / at[-1],
                        at[-1] / 1e9 if is_timed else None,
                    )
                )
    return gaps


def _read_times(
    frames: Sequence[FrameRow], column: Literal["t_ns", "sequence"]
) -> NDArray[np.int64] | None:
    """(N,) stamps, or places in the sequence; None where they tell no order."""
    times = np.array([frame[column] for frame in frames], np.int64)
    return times if len(np.unique(times)) == len(times) else None


def _fill(gap: _Gap, keys: Mapping[str, _Key], paths: _Paths) -> list[Answer] | str:
    """What is said of each frame between; or why nothing is."""
    ends = [keys[gap.first["frame_id"]], keys[gap.last["frame_id"]]]
    for frame, key in zip((gap.first, gap.last), ends, strict=True):
        if key.fault:
            return f"frame {frame['frame_id'][:12]}: {key.fault}"
    first, last = (key.list_marked() for key in ends)
    names = paths.name(gap.first["frame_id"], first)
    other_names = paths.name(gap.last["frame_id"], last)
    pairs = _pair(first, names, last, other_names)
    alone = len(first) + len(last) - 2 * len(pairs)
    if alone:
        return (
            f"{alone} objects are on one of the two frames alone, or nothing says that they are one: give them track "
            "ids, run `daguerre track`, or label the frame where they come or go"
        )
    lines: list[tuple[Marked, Boxes, bool]] = []
    for a, b in pairs:
        is_same = names[a] is not None and names[a] == other_names[b]
        path = paths.follow(names[a], gap.frame_ids) if is_same else None
        fault = _find_fault(first[a], last[b])
        if fault:
            return fault
        boxes = interpolate_boxes(
            _corners(first[a]), _corners(last[b]), gap.shares, path
        )
        lines.append(
            (_merge(first[a], last[b], path is not None), boxes, path is not None)
        )
    too_long = _find_length_fault(gap, all(is_followed for _, _, is_followed in lines))
    if too_long:
        return too_long
    rests_on = tuple(v["version_id"] for key in ends for v in key.versions)
    return [
        _answer(frame, [(marked, boxes[n]) for marked, boxes, _ in lines], rests_on)
        for n, frame in enumerate(gap.between)
    ]


def _pair(
    first: Sequence[Marked],
    names: Sequence[str | None],
    last: Sequence[Marked],
    other_names: Sequence[str | None],
) -> list[tuple[int, int]]:
    """Places of labels of one object: of an equal track id that a person gave; where one of them has none, of one
    stored track."""
    ids = _place_once([m.track_id for m in first])
    other_ids = _place_once([m.track_id for m in last])
    of_name = _place_once(other_names)
    pairs = []
    for n, marked in enumerate(first):
        track_id, name = marked.track_id, names[n]
        found = None
        if track_id is not None and ids.get(track_id) == n:
            found = other_ids.get(track_id)
        if found is None and name is not None:
            found = of_name.get(name)
            both = track_id, found is not None and last[found].track_id
            found = found if None in both else None
        if found is not None:
            pairs.append((n, found))
    taken = Counter(b for _, b in pairs)
    return [(a, b) for a, b in pairs if taken[b] == 1]


def _place_once(names: Sequence[_Name | None]) -> dict[_Name, int]:
    """Of each name that is there once its place."""
    counts = Counter(names)
    return {
        name: n
        for n, name in enumerate(names)
        if name is not None and counts[name] == 1
    }


def _find_fault(first: Marked, last: Marked) -> str | None:
    if first.class_name != last.class_name:
        names = f"a {first.class_name} first and a {last.class_name} then"
        return f"one object is {names}: correct its class or its track id"
    growth = measure_growth(_corners(first), _corners(last))
    if growth > MOST_GROWTH:
        return (
            f"a {first.class_name} changes its size by a factor of {growth:.1f}, more than {MOST_GROWTH:g}: label a "
            "frame between"
        )
    return None


def _find_length_fault(gap: _Gap, is_followed: bool) -> str | None:
    most = MOST_TRACKED_S if is_followed else MOST_S
    if gap.seconds is None:
        is_long, told = (
            len(gap.between) > MOST_FRAMES,
            f"{len(gap.between)} frames, more than {MOST_FRAMES}",
        )
    else:
        is_long, told = gap.seconds > most, f"{gap.seconds:.1f} s, more than {most:g}"
    if not is_long:
        return None
    more = "" if is_followed else ", or run `daguerre track`, which follows it"
    return f"{told} lie between them: label a frame between{more}"


def _answer(
    frame: FrameRow,
    objects: Sequence[tuple[Marked, Boxes]],
    rests_on: tuple[str, ...],
) -> Answer:
    size = np.array([frame["width_px"], frame["height_px"]] * 2, np.float64)
    marked = tuple(
        Marked(
            one.class_name,
            _to_box(np.clip(box, 0.0, size)),
            None,
            one.track_id,
            one.attributes,
        )
        for one, box in objects
    )
    return Answer(
        frame["frame_id"], DETECTION, marked, frame["sha256"], rests_on=rests_on
    )


def _merge(first: Marked, last: Marked, is_followed: bool) -> Marked:
    """What is true of the object on both frames, and how its boxes between were made."""
    shared = [p for p in _read_pairs(first) if p in _read_pairs(last)]
    how = [INTERPOLATED, "along a track" if is_followed else "on a line"]
    track_id = first.track_id if first.track_id is not None else last.track_id
    return Marked(first.class_name, None, None, track_id, json.dumps([*shared, how]))


def _read_pairs(marked: Marked) -> list[list[str]]:
    pairs: list[list[str]] = json.loads(marked.attributes or "[]")
    return [pair for pair in pairs if pair[0] not in (INTERPOLATED, "keypoints")]


def _is_by_track(marked: Marked) -> bool:
    return [INTERPOLATED, "along a track"] in json.loads(marked.attributes or "[]")


def _list_spoken(catalog: Catalog, frames: Sequence[FrameRow]) -> set[str]:
    """Ids of those that somebody said something of who saw them."""
    return {
        frame_id
        for (frame_id, task), said in read_said(catalog, frames).items()
        if task == DETECTION
        and (said.labels or said.looked_at)
        and not said.is_interpolated
    }


def _withdraw(catalog: Catalog, where: str, frame_ids: set[str]) -> list[Answer]:
    """What takes the place of standing versions that are made no more: it rests on nothing, so counts for nothing."""
    rows = catalog.read_latest("label_versions", None, where).to_pylist()
    return [
        Answer(v["frame_id"], DETECTION, num_missing=1, act="reject")
        for v in list_standing(rows)
        if v["author_kind"] == INTERPOLATOR.kind
        and v["class_names"]
        and v["frame_id"] not in frame_ids
    ]


def _corners(marked: Marked) -> Boxes:
    assert marked.box_xyxy is not None, "labels of detection have a box"
    return np.array(marked.box_xyxy, np.float64)


def _to_box(corners: Boxes) -> tuple[float, float, float, float]:
    x_min, y_min, x_max, y_max = corners.tolist()
    return x_min, y_min, x_max, y_max
