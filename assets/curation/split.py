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
    """Splits of all frames that stay. `previous` maps a group id to its split, which it keeps as data grows.

    A producer's own split is followed; where it has no validation part, one is cut from its training part. Otherwise
    the unit is the recording, and the near-duplicate cluster for loose images; units that share a cluster move together.
    Then near-duplicates go: inside train all but one, and across sides all but those on the strictest.
    """
    hinted = [f for f in frames if f.split_hint]
    free = [f for f in frames if not f.split_hint]
    assignments = _follow_producer(hinted, previous or {}) + _spread(free, SHARES, previous or {})
    return _drop_duplicates(assignments)


def _follow_producer(frames: Sequence[Frame], previous: Mapping[str, str]) -> list[Assignment]:
    parts: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        parts[str(frame.split_hint)].append(frame)
    kept = [Assignment(f, f.cluster_id, split, "producer") for split in ("val", "test") for f in parts[split]]
    missing = {s: share for s, share in SHARES.items() if s == "train" or not parts[s]}
    if len(missing) == 1:
        return kept + [Assignment(f, f.cluster_id, "train", "producer") for f in parts["train"]]
    total = sum(missing.values())
    return kept + _spread(parts["train"], {s: share / total for s, share in missing.items()}, previous)


def _spread(frames: Sequence[Frame], shares: Mapping[str, float], previous: Mapping[str, str]) -> list[Assignment]:
    """Give each group, largest first, to the side that is furthest below its share of frames."""
    groups = _group(frames)
    counts: Counter[str] = Counter()
    chosen: dict[str, str] = {}
    for group_id, members in groups.items():
        if (split := previous.get(group_id)) in shares:
            chosen[group_id] = str(split)
            counts[str(split)] += len(members)
    fresh = sorted((g for g in groups if g not in chosen), key=lambda g: (-len(groups[g]), g))
    for left, group_id in zip(range(len(fresh), 0, -1), fresh, strict=True):
        empty = [s for s in shares if not counts[s]]
        open_sides = empty if left <= len(empty) else list(shares)  # no side stays empty while there are units for it
        split = max(open_sides, key=lambda s: shares[s] * len(frames) - counts[s])
        chosen[group_id] = split
        counts[split] += len(groups[group_id])
    return [
        Assignment(frame, group_id, chosen[group_id], "recording" if frame.is_recording else "cluster")
        for group_id, members in groups.items()
        for frame in members
    ]


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
    return {min(_unit(f) for f in group).split(":", 1)[1]: group for group in members.values()}


def _unit(frame: Frame) -> str:
    return f"recording:{frame.capture_id}" if frame.is_recording else f"cluster:{frame.cluster_id}"


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
