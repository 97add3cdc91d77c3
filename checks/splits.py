"""What splits must be: nothing recorded together, or nearly alike, on two sides; no side empty; one frame of a kind."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assets.alike_sessions import REMEDY, count_alike
from assets.tables.class_list import count_parts
from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share

SPLITS = ("train", "val", "test")


def splits_share_no_recording(splits: pa.Table) -> Verdict:
    """No group lies in two splits, and no recording does where recordings are what was split."""
    recorded = splits.filter(pc.equal(splits["rule"], "recording"))
    groups = {"unit": _name("group", splits["group_id"]), "split": splits["split"]}
    recordings = {
        "unit": _name("recording", recorded["capture_id"]),
        "split": recorded["split"],
    }
    sides = pa.concat_tables([pa.table(groups), pa.table(recordings)])
    return _judge_sides("splits_share_no_recording", sides, "groups and recordings")


def splits_share_no_near_duplicate(
    splits: pa.Table, unique_frames: pa.Table
) -> Verdict:
    """No cluster of near-duplicates lies in two splits. A frame that was never compared fails."""
    place = pc.index_in(splits["frame_id"], value_set=unique_frames["frame_id"])
    is_known = pc.is_valid(place)
    unknown = splits["frame_id"].filter(pc.invert(is_known)).to_pylist()
    clusters = unique_frames["cluster_id"].take(place.filter(is_known))
    sides = pa.table(
        {
            "unit": _name("cluster", clusters),
            "split": splits["split"].filter(is_known),
        }
    )
    return _judge_sides(
        "splits_share_no_near_duplicate",
        sides,
        "clusters of alike frames",
        [f"frame {frame_id} was never compared" for frame_id in unknown],
    )


def every_split_has_frames(splits: pa.Table) -> Verdict:
    """Train, val and test each hold frames."""
    found = count_parts(splits)
    counts: dict[str, float | int | str] = {f"num_{s}": found[s] for s in SPLITS}
    return judge_share(
        "every_split_has_frames",
        num_checked=len(SPLITS) if len(splits) else 0,
        of="splits",
        fault="hold no frame",
        offenders=[s for s in SPLITS if not found[s]],
        figures=counts,
    )


def duplicates_point_to_a_kept_frame(unique_frames: pa.Table) -> Verdict:
    """A near-duplicate names a frame of its own cluster that is itself no duplicate."""
    is_kept = pc.is_null(unique_frames["duplicate_of"])
    kept = unique_frames.filter(is_kept)
    copies = unique_frames.filter(pc.invert(is_kept))
    place = pc.index_in(copies["duplicate_of"], value_set=kept["frame_id"])
    is_right = pc.equal(kept["cluster_id"].take(place), copies["cluster_id"])
    lost = copies.filter(pc.invert(pc.fill_null(is_right, False))).to_pylist()
    return judge_share(
        "duplicates_point_to_a_kept_frame",
        num_checked=len(unique_frames),
        offenders=[
            f"frame {r['frame_id']}: duplicate of {r['duplicate_of']}" for r in lost
        ],
        of="frames",
        fault="are duplicates of a frame that was not kept",
        figures={"num_kept": len(kept)},
    )


def sessions_are_of_more_than_one_picture(unique_frames: pa.Table) -> Verdict:
    """No more than four in five frames of a session are near-duplicates of others: where they are, a dataset leaves
    most of what was labelled there out of train."""
    found = count_alike(unique_frames)
    return judge_share(
        "sessions_are_of_more_than_one_picture",
        num_checked=len(found),
        offenders=[f"{one.session}: {one}: {REMEDY}" for one in found if one.is_still],
        of="sessions",
        fault="show nearly one picture",
        tolerance=NEVER_BLOCKS,
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
    Rule(
        sessions_are_of_more_than_one_picture,
        {"unique_frames": ("session", "duplicate_of")},
    ),
)


def _name(kind: str, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(kind, ids, " ")


def _judge_sides(
    name: str, sides: pa.Table, of: str, unknown: Sequence[str] = ()
) -> Verdict:
    """`sides`: of each frame its `unit`, which must lie in one split, and its `split`."""
    # without threads units stay in the order in which they come
    found = sides.group_by("unit", use_threads=False).aggregate([("split", "distinct")])
    is_torn = pc.greater(pc.list_value_length(found["split_distinct"]), 1)
    torn = [
        f"{r['unit']}: {', '.join(sorted(r['split_distinct']))}"
        for r in found.filter(is_torn).to_pylist()
    ]
    return judge_share(
        name,
        num_checked=len(found) + len(unknown),
        offenders=[*torn, *unknown],
        of=of,
        fault="lie in more than one split",
    )
