"""Assign frames to train, val and test so that nothing recorded together, or nearly alike, lands on two sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
# near-duplicates on several sides stay on the strictest
STRICTEST = ("test", "val", "train")


@dataclass(frozen=True, slots=True)
class Frame:
    """What splitting needs to know of one frame."""

    frame_id: str
    capture_id: str
    session: str
    cluster_id: str
    # its capture is one recording (MCAP, video), not a folder of loose images
    is_recording: bool
    split_hint: str | None
    # that its labels are good for; a bare frame has none
    datasets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Assignment:
    frame: Frame
    group_id: str
    split: str
    rule: str  # "producer", "recording" or "cluster"


def assign_splits(
    frames: Sequence[Frame], previous: Mapping[str, str] | None = None
) -> list[Assignment]:
    """Splits of all frames that stay. `previous` maps a frame id to its split, which it keeps as data grows.

    A producer's own split is followed, also by loose near-duplicates of its frames; where a session lacks a validation
    or a test part, it is cut from its training part. Otherwise the unit is the recording, and the near-duplicate
    cluster for loose images; new units that share a cluster move together.

    Labelled frames decide for their clusters: bare copies of them follow, or go. Then near-duplicates go: across sides
    all but those on the strictest, where one joins that has labels for a dataset which would have none of the cluster;
    inside train bare ones, all but one where all are bare. Labelled ones stay: which of them a release takes is a
    matter of its task.
    """
    previous = previous or {}
    labelled = {f.cluster_id for f in frames if f.datasets}
    deciding = [f for f in frames if f.datasets or f.cluster_id not in labelled]
    had = _inherit_sides(frames, labelled, previous)
    hinted = _follow_producer([f for f in deciding if f.split_hint], had)
    taken = _find_sides(hinted)
    free: list[Frame] = []
    joining: list[Frame] = []
    for frame in (f for f in deciding if not f.split_hint):
        if frame.cluster_id not in taken:
            free.append(frame)
        elif taken[frame.cluster_id] == "train":
            follows = (
                not frame.is_recording and had.get(frame.frame_id, "train") == "train"
            )
            (joining if follows else free).append(frame)
    assigned = (
        hinted
        + _spread(free, SHARES, had)
        + [Assignment(f, f.cluster_id, "train", "cluster") for f in joining]
    )
    kept = _drop_duplicates(deciding, assigned, previous)
    followers = [f for f in frames if not f.datasets and f.cluster_id in labelled]
    kept += _follow_labelled(followers, kept, assigned, previous)
    return sorted(kept, key=lambda a: a.frame.frame_id)


def _inherit_sides(
    frames: Sequence[Frame], labelled: set[str], previous: Mapping[str, str]
) -> dict[str, str]:
    """The side that each frame had.

    A new frame of a recording has that of its recording, also where only bare frames of it were dealt out. A loose
    labelled frame that is new has that of its loose bare copies, which were dealt out alike.
    """
    copies: dict[str, list[str]] = defaultdict(list)
    recordings: dict[str, str] = {}
    for f in frames:
        if f.is_recording and not f.split_hint and f.frame_id in previous:
            sides_of_both = (
                previous[f.frame_id],
                recordings.get(f.capture_id, "train"),
            )
            recordings[f.capture_id] = min(sides_of_both, key=STRICTEST.index)
    for f in frames:
        if (
            f.cluster_id in labelled
            and not (f.datasets or f.is_recording or f.split_hint)
            and f.frame_id in previous
        ):
            copies[f.cluster_id].append(previous[f.frame_id])
    sides = dict(previous)
    for f in frames:
        if f.is_recording and not f.split_hint and f.capture_id in recordings:
            sides.setdefault(f.frame_id, recordings[f.capture_id])
        if (
            f.datasets
            and not f.is_recording
            and not f.split_hint
            and f.cluster_id in copies
        ):
            sides.setdefault(f.frame_id, min(copies[f.cluster_id], key=STRICTEST.index))
    return sides


def _follow_producer(
    frames: Sequence[Frame], previous: Mapping[str, str]
) -> list[Assignment]:
    """The parts that producers made, a session each; what one lacks is cut from its training part.

    A session of training data alone lacks what no session has. Clusters of training parts that are followed as they
    are stay there whole, and so do those that an earlier session has in train.
    """
    parts: dict[str, set[str]] = defaultdict(set)
    for frame in frames:
        parts[frame.session].add(str(frame.split_hint))
    of_all = set[str]().union(*parts.values())
    kept = [
        Assignment(f, f.cluster_id, split, "producer")
        for split in ("val", "test")
        for f in frames
        if f.split_hint == split
    ]
    taken = {a.frame.cluster_id for a in kept}
    train: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.split_hint == "train":
            train[frame.session].append(frame)
    missing = {
        session: SHARES.keys() - (parts[session] if len(parts[session]) > 1 else of_all)
        for session in train
    }
    taught: set[str] = set()
    for session in sorted(train, key=lambda s: (bool(missing[s]), s)):
        # the others would not stay, wherever they went
        mine = [f for f in train[session] if f.cluster_id not in taken]
        is_free = {
            f.frame_id: bool(missing[session]) and f.cluster_id not in taught
            for f in mine
        }
        shares = {
            s: share for s, share in SHARES.items() if s in missing[session] | {"train"}
        }
        total = sum(shares.values())
        dealt = [
            Assignment(f, f.cluster_id, "train", "producer")
            for f in mine
            if not is_free[f.frame_id]
        ]
        dealt += _spread(
            [f for f in mine if is_free[f.frame_id]],
            {s: share / total for s, share in shares.items()},
            previous,
        )
        taught |= {a.frame.cluster_id for a in dealt if a.split == "train"}
        taken |= {a.frame.cluster_id for a in dealt if a.split != "train"}
        kept += dealt
    return kept


def _spread(
    frames: Sequence[Frame], shares: Mapping[str, float], previous: Mapping[str, str]
) -> list[Assignment]:
    """Keep what had a side; give each new group, largest first, to the side that is furthest below its share."""
    groups = _group(frames)
    chosen: dict[str, str] = {}  # frame id -> split
    for members in groups.values():
        chosen.update(_keep_sides(members, shares, previous))
    counts = Counter(chosen.values())
    fresh = sorted(
        (g for g in groups if groups[g][0].frame_id not in chosen),
        key=lambda g: (-len(groups[g]), g),
    )
    for left, group_id in zip(range(len(fresh), 0, -1), fresh, strict=True):
        empty = [s for s in shares if not counts[s]]
        # no side stays empty while there are units for it
        open_sides = empty if left <= len(empty) else list(shares)
        split = max(open_sides, key=lambda s: shares[s] * len(frames) - counts[s])
        chosen.update((f.frame_id, split) for f in groups[group_id])
        counts[split] += len(groups[group_id])
    assignments = []
    for group_id, members in groups.items():
        is_whole = len({chosen[f.frame_id] for f in members}) == 1
        for frame in members:
            unit_id = group_id if is_whole else name_unit(frame)
            rule = "recording" if frame.is_recording else "cluster"
            assignments.append(Assignment(frame, unit_id, chosen[frame.frame_id], rule))
    return assignments


def _keep_sides(
    members: Sequence[Frame], shares: Mapping[str, float], previous: Mapping[str, str]
) -> dict[str, str]:
    """Frame id -> split for a group of which some frames had one; empty for a new group.

    New frames follow their recording, then the strictest side of their group. Groups that new data has joined stay on
    their sides: the near-duplicates between them go, later, from the less strict one.
    """
    had = {
        f.frame_id: previous[f.frame_id]
        for f in members
        if previous.get(f.frame_id) in shares
    }
    if not had:
        return {}
    strictest = min(had.values(), key=STRICTEST.index)
    of_recording: dict[str, str] = {}
    for frame in members:
        if frame.is_recording and frame.frame_id in had:
            sides = (had[frame.frame_id], of_recording.get(frame.capture_id, "train"))
            of_recording[frame.capture_id] = min(sides, key=STRICTEST.index)
    return {
        f.frame_id: of_recording.get(f.capture_id, strictest)
        if f.is_recording
        else had.get(f.frame_id, strictest)
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
    return {name_unit(min(group, key=_unit)): group for group in members.values()}


def _unit(frame: Frame) -> str:
    return (
        f"recording:{frame.capture_id}"
        if frame.is_recording
        else f"cluster:{frame.cluster_id}"
    )


def name_unit(frame: Frame) -> str:
    """What goes to one side as a whole: the recording, or the cluster of a loose image."""
    return frame.capture_id if frame.is_recording else frame.cluster_id


def _find_sides(assignments: Iterable[Assignment]) -> dict[str, str]:
    """The strictest side of each cluster."""
    sides: dict[str, str] = {}
    for a in assignments:
        sides[a.frame.cluster_id] = min(
            a.split, sides.get(a.frame.cluster_id, "train"), key=STRICTEST.index
        )
    return sides


def _drop_duplicates(
    deciding: Sequence[Frame],
    assigned: Sequence[Assignment],
    previous: Mapping[str, str],
) -> list[Assignment]:
    sides = _find_sides(assigned)
    staying = [a for a in assigned if a.split == sides[a.frame.cluster_id]]
    has: dict[str, set[str]] = defaultdict(set)
    for a in staying:
        has[a.frame.cluster_id] |= a.frame.datasets
    stay = {a.frame.frame_id for a in staying}
    for f in sorted(
        (f for f in deciding if f.frame_id not in stay), key=lambda f: f.frame_id
    ):
        side = sides[f.cluster_id]
        # what was trained on does not become a test
        had_other = previous.get(f.frame_id, side) != side
        if not f.is_recording and not had_other and f.datasets - has[f.cluster_id]:
            staying.append(Assignment(f, f.cluster_id, side, "cluster"))
            has[f.cluster_id] |= f.datasets
    kept = []
    has_one = set()
    for a in sorted(staying, key=lambda a: a.frame.frame_id):
        is_bare_copy = not a.frame.datasets and a.frame.cluster_id in has_one
        if a.split == "train" and is_bare_copy:
            continue
        has_one.add(a.frame.cluster_id)
        kept.append(a)
    return kept


def _follow_labelled(
    followers: Sequence[Frame],
    kept: Sequence[Assignment],
    assigned: Sequence[Assignment],
    previous: Mapping[str, str],
) -> list[Assignment]:
    """Bare copies of labelled frames that are on the side of those by themselves, in val and test: by their recording,
    their producer, or before. In train they would be left out as copies."""
    sides = _find_sides(kept)
    side_of_recording = {
        a.frame.capture_id: a.split for a in assigned if a.rule == "recording"
    }
    found = []
    for f in followers:
        side = sides[f.cluster_id]
        if f.is_recording:
            own = side_of_recording.get(f.capture_id)
            group_id = f.capture_id
            rule = "recording"
        else:
            own = f.split_hint or previous.get(f.frame_id)
            group_id = f.cluster_id
            rule = "producer" if f.split_hint else "cluster"
        if side != "train" and own == side:
            found.append(Assignment(f, group_id, side, rule))
    return found
