"""Assign frames to train, val and test so that nothing recorded together, or nearly alike, lands on two sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
_STRICTEST = ("test", "val", "train")  # a near-duplicate pair across a producer's split stays on the stricter side


@dataclass(frozen=True)
class Frame:
    """What splitting needs to know of one frame."""

    frame_id: str
    capture_id: str
    session: str
    cluster_id: str
    is_recording: bool  # its capture is one recording (MCAP, video), not a folder of loose images
    split_hint: str | None


@dataclass(frozen=True)
class Assignment:
    frame: Frame
    group_id: str
    split: str
    rule: str  # "producer", "recording" or "cluster"


def assign_splits(frames: Sequence[Frame], previous: Mapping[str, str] | None = None) -> list[Assignment]:
    """Splits of all frames that stay. `previous` maps a frame id to its split, which it keeps as data grows.

    A producer's own split is followed; where it has no validation part, one is cut from its training part. Otherwise
    the unit is the recording, and the near-duplicate cluster for loose images; new units that share a cluster move
    together. Then near-duplicates go: inside train all but one, and across sides all but those on the strictest.
    """
    hinted = _follow_producer([f for f in frames if f.split_hint], previous or {})
    taken = {a.frame.cluster_id for a in hinted if a.split != "train"}
    free = [f for f in frames if not f.split_hint and f.cluster_id not in taken]
    return _drop_duplicates(hinted + _spread(free, SHARES, previous or {}))


def _follow_producer(frames: Sequence[Frame], previous: Mapping[str, str]) -> list[Assignment]:
    parts: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        parts[str(frame.split_hint)].append(frame)
    kept = [Assignment(f, f.cluster_id, split, "producer") for split in ("val", "test") for f in parts[split]]
    taken = {a.frame.cluster_id for a in kept}
    train = [f for f in parts["train"] if f.cluster_id not in taken]  # the others would not stay, wherever they went
    missing = {s: share for s, share in SHARES.items() if s == "train" or not parts[s]}
    if len(missing) == 1:
        return kept + [Assignment(f, f.cluster_id, "train", "producer") for f in train]
    total = sum(missing.values())
    return kept + _spread(train, {s: share / total for s, share in missing.items()}, previous)


def _spread(frames: Sequence[Frame], shares: Mapping[str, float], previous: Mapping[str, str]) -> list[Assignment]:
    """Keep what had a side; give each new group, largest first, to the side that is furthest below its share."""
    groups = _group(frames)
    chosen: dict[str, str] = {}  # frame id -> split
    for members in groups.values():
        chosen.update(_keep_sides(members, shares, previous))
    counts = Counter(chosen.values())
    fresh = sorted((g for g in groups if groups[g][0].frame_id not in chosen), key=lambda g: (-len(groups[g]), g))
    for left, group_id in zip(range(len(fresh), 0, -1), fresh, strict=True):
        empty = [s for s in shares if not counts[s]]
        open_sides = empty if left <= len(empty) else list(shares)  # no side stays empty while there are units for it
        split = max(open_sides, key=lambda s: shares[s] * len(frames) - counts[s])
        chosen.update((f.frame_id, split) for f in groups[group_id])
        counts[split] += len(groups[group_id])
    assignments = []
    for group_id, members in groups.items():
        is_whole = len({chosen[f.frame_id] for f in members}) == 1
        for frame in members:
            unit_id = group_id if is_whole else _name_unit(frame)
            rule = "recording" if frame.is_recording else "cluster"
            assignments.append(Assignment(frame, unit_id, chosen[frame.frame_id], rule))
    return assignments


def _keep_sides(members: Sequence[Frame], shares: Mapping[str, float], previous: Mapping[str, str]) -> dict[str, str]:
    """Frame id -> split for a group of which some frames had one; empty for a new group.

    New frames follow their recording, then the strictest side of their group. Groups that new data has joined stay on
    their sides: the near-duplicates between them go, later, from the less strict one.
    """
    had = {f.frame_id: previous[f.frame_id] for f in members if previous.get(f.frame_id) in shares}
    if not had:
        return {}
    strictest = min(had.values(), key=_STRICTEST.index)
    of_recording: dict[str, str] = {}
    for frame in members:
        if frame.is_recording and frame.frame_id in had:
            sides = (had[frame.frame_id], of_recording.get(frame.capture_id, "train"))
            of_recording[frame.capture_id] = min(sides, key=_STRICTEST.index)
    return {
        f.frame_id: of_recording.get(f.capture_id, strictest) if f.is_recording else had.get(f.frame_id, strictest)
        for f in members
    }


def _group(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Frames by unit; units joined by a common cluster are one, named by the smallest unit id in it."""
    leader: dict[str, str] = {}

    def find(unit: str) -> str:
        leader.setdefault(unit, unit)
        while leader[unit] != unit:
            unit = leader[unit]
        return unit

    for frame in frames:
        low, high = sorted((find(_unit(frame)), find(f"cluster:{frame.cluster_id}")))
        leader[high] = low
    members: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        members[find(_unit(frame))].append(frame)
    return {_name_unit(min(group, key=_unit)): group for group in members.values()}


def _unit(frame: Frame) -> str:
    return f"recording:{frame.capture_id}" if frame.is_recording else f"cluster:{frame.cluster_id}"


def _name_unit(frame: Frame) -> str:
    return frame.capture_id if frame.is_recording else frame.cluster_id


def _drop_duplicates(assignments: Sequence[Assignment]) -> list[Assignment]:
    sides: dict[str, set[str]] = defaultdict(set)
    for a in assignments:
        sides[a.frame.cluster_id].add(a.split)
    strictest = {cluster: next(s for s in _STRICTEST if s in found) for cluster, found in sides.items()}
    kept, has_one = [], set()
    for a in sorted(assignments, key=lambda a: a.frame.frame_id):
        cluster = a.frame.cluster_id
        if a.split != strictest[cluster] or (a.split == "train" and cluster in has_one):
            continue
        has_one.add(cluster)
        kept.append(a)
    return kept
