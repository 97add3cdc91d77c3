"""What splits must be: nothing recorded together, or nearly alike, on two sides; no side empty; one frame of a kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

import pyarrow as pa

from checks.verdicts import Rule, Verdict, judge_share

SPLITS = ("train", "val", "test")


def splits_share_no_recording(splits: pa.Table) -> Verdict:
    """No group lies in two splits, and no recording does where recordings are what was split."""
    rows = splits.to_pylist()
    pairs = [(f"group {r['group_id']}", r["split"]) for r in rows]
    pairs += [
        (f"recording {r['capture_id']}", r["split"])
        for r in rows
        if r["rule"] == "recording"
    ]
    return _judge_sides("splits_share_no_recording", pairs, "groups and recordings")


def splits_share_no_near_duplicate(
    splits: pa.Table, unique_frames: pa.Table
) -> Verdict:
    """No cluster of near-duplicates lies in two splits. A frame that was never compared fails."""
    cluster_of = {r["frame_id"]: r["cluster_id"] for r in unique_frames.to_pylist()}
    rows = splits.to_pylist()
    unknown = [
        f"frame {r['frame_id']} was never compared"
        for r in rows
        if r["frame_id"] not in cluster_of
    ]
    pairs = [
        (f"cluster {cluster_of[r['frame_id']]}", r["split"])
        for r in rows
        if r["frame_id"] in cluster_of
    ]
    return _judge_sides(
        "splits_share_no_near_duplicate", pairs, "clusters of alike frames", unknown
    )


def every_split_has_frames(splits: pa.Table) -> Verdict:
    """Train, val and test each hold frames."""
    found = splits["split"].to_pylist()
    counts: dict[str, float | int | str] = {f"num_{s}": found.count(s) for s in SPLITS}
    return judge_share(
        "every_split_has_frames",
        num_checked=len(SPLITS) if found else 0,
        of="splits",
        fault="hold no frame",
        offenders=[s for s in SPLITS if s not in found],
        figures=counts,
    )


def duplicates_point_to_a_kept_frame(unique_frames: pa.Table) -> Verdict:
    """A near-duplicate names a frame of its own cluster that is itself no duplicate."""
    rows = unique_frames.to_pylist()
    kept = {r["frame_id"]: r["cluster_id"] for r in rows if r["duplicate_of"] is None}
    lost = [
        f"frame {r['frame_id']}: duplicate of {r['duplicate_of']}"
        for r in rows
        if r["duplicate_of"] is not None
        and kept.get(r["duplicate_of"]) != r["cluster_id"]
    ]
    return judge_share(
        "duplicates_point_to_a_kept_frame",
        num_checked=len(rows),
        offenders=lost,
        of="frames",
        fault="are duplicates of a frame that was not kept",
        figures={"num_kept": len(kept)},
    )


SPLIT_RULES = (
    Rule(
        splits_share_no_recording,
        {"splits": ("capture_id", "group_id", "split", "rule")},
    ),
    Rule(
        splits_share_no_near_duplicate,
        {
            "splits": ("frame_id", "split"),
            "unique_frames": ("frame_id", "cluster_id"),
        },
    ),
    Rule(every_split_has_frames, {"splits": ("split",)}),
)
UNIQUE_RULES = (
    Rule(
        duplicates_point_to_a_kept_frame,
        {"unique_frames": ("frame_id", "duplicate_of", "cluster_id")},
    ),
)


def _judge_sides(
    name: str,
    pairs: Iterable[tuple[Hashable, str]],
    of: str,
    others: Iterable[str] = (),
) -> Verdict:
    sides: dict[Hashable, set[str]] = defaultdict(set)
    for unit, split in pairs:
        sides[unit].add(split)
    torn = [
        f"{unit}: {', '.join(sorted(found))}"
        for unit, found in sides.items()
        if len(found) > 1
    ]
    unknown = list(others)
    return judge_share(
        name,
        num_checked=len(sides) + len(unknown),
        offenders=torn + unknown,
        of=of,
        fault="lie in more than one split",
    )
