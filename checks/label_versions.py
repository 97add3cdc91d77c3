"""What versions of labels must be: whole, in a row, of nobody who may not say it; and what is told of them.

Told and not stopped is what time brings: a frame that changed, two people who see it differently.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa

from assets.label_versions import (
    RANK,
    hash_version,
    list_counting,
    list_standing,
    name_stale,
)
from assets.tables.rows import LabelVersionRow
from assets.tables.schemas import TABLES
from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share

LEAST_KAPPA = 0.6  # below it two people do not mean the same by the classes (Landis and Koch: "moderate")
LEAST_IOU = 0.7  # below it, on average, they do not draw the same
_LIGHT = (
    *("version_id", "frame_id", "task", "number"),
    *("frame_sha256", "author_kind", "replaces", "rests_on"),
)


def versions_are_as_written(label_versions: pa.Table) -> Verdict:
    """Every version hashes to what was written, and its lists have one entry an object."""
    rows: list[LabelVersionRow] = label_versions.to_pylist()
    faults = [(row["version_id"], _find_fault(row)) for row in rows]
    return judge_share(
        "versions_are_as_written",
        num_checked=len(rows),
        offenders=[f"{version_id}: {fault}" for version_id, fault in faults if fault],
        of="versions of labels",
        fault="are not what was written",
    )


def versions_keep_to_their_rank(label_versions: pa.Table) -> Verdict:
    """A version replaces earlier ones of its own frame and task, and of no author whose word counts before its own."""
    rows: list[LabelVersionRow] = label_versions.to_pylist()
    by_id = {row["version_id"]: row for row in rows}
    faults = [
        f"{row['version_id']} replaces {version_id}"
        for row in rows
        for version_id in row["replaces"]
        if not _may_replace(row, by_id.get(version_id))
    ]
    return judge_share(
        "versions_keep_to_their_rank",
        num_checked=len(rows),
        offenders=faults,
        of="versions of labels",
        fault="replace what is not theirs to replace",
    )


def interpolations_rest_on_persons(label_versions: pa.Table) -> Verdict:
    """What was interpolated, and that alone, rests on versions, and these are by persons and of its task."""
    rows: list[LabelVersionRow] = label_versions.to_pylist()
    by_id = {row["version_id"]: row for row in rows}
    told = [(row["version_id"], _find_rest_fault(row, by_id)) for row in rows]
    return judge_share(
        "interpolations_rest_on_persons",
        num_checked=len(rows),
        offenders=[f"{version_id}: {fault}" for version_id, fault in told if fault],
        of="versions of labels",
        fault="rest on what no person said",
    )


def interpolations_are_up_to_date(label_versions: pa.Table) -> Verdict:
    """All that interpolated versions rest on stands. What rests on an answer that was corrected since counts for
    nothing until it is made anew."""
    standing = list_standing(label_versions.to_pylist())
    alive = {v["version_id"] for v in standing}
    return judge_share(
        "interpolations_are_up_to_date",
        num_checked=len(standing),
        offenders=[
            f"frame {v['frame_id']}"
            for v in standing
            if not alive.issuperset(v["rests_on"] or ())
        ],
        of="versions that stand",
        fault="rest on what was corrected since, and count for nothing: `daguerre labels interpolate SESSION`",
        tolerance=NEVER_BLOCKS,
    )


def versions_are_of_stored_frames(
    label_versions: pa.Table, frames: pa.Table
) -> Verdict:
    """The frames of all versions that stand are stored, with the bytes that were looked at. Others count for nothing
    until the frame is back."""
    standing = list_standing(label_versions.to_pylist())
    ids, hashes = (frames[name].to_pylist() for name in ("frame_id", "sha256"))
    sha256_of = dict(zip(ids, hashes, strict=True))
    stale = name_stale(standing, list_counting(standing, sha256_of))
    return judge_share(
        "versions_are_of_stored_frames",
        num_checked=len(standing),
        offenders=[
            f"frame {v['frame_id']} "
            + ("has other bytes" if v["frame_id"] in sha256_of else "is not stored")
            for v in standing
            if sha256_of.get(v["frame_id"]) != v["frame_sha256"]
        ],
        of="versions that stand",
        fault="are of frames that are gone or have changed, and count for nothing: label what is there now",
        tolerance=NEVER_BLOCKS,
        figures=_count_kinds(list_counting(standing, sha256_of, stale)),
    )


def annotators_agree(label_agreements: pa.Table) -> Verdict:
    """Of every two people who answered the same frames, classes agree by a kappa of 0.6, and boxes and masks overlap by
    0.7, or more."""
    rows = label_agreements.to_pylist()
    told = [(row, _tell_disagreement(row)) for row in rows]
    return judge_share(
        "annotators_agree",
        num_checked=len(rows),
        offenders=[
            f"{row['author']} and {row['other_author']}, {row['task']}, {row['num_frames']} frames: {fault}"
            for row, fault in told
            if fault
        ],
        of="pairs of annotators",
        fault="see the same frames differently: settle it in the guideline",
        tolerance=NEVER_BLOCKS,
    )


VERSION_RULES = (
    Rule(
        versions_are_as_written,
        {"label_versions": tuple(TABLES["label_versions"].schema.names)},
    ),
    Rule(versions_keep_to_their_rank, {"label_versions": _LIGHT}),
    Rule(interpolations_rest_on_persons, {"label_versions": _LIGHT}),
    Rule(interpolations_are_up_to_date, {"label_versions": _LIGHT}),
    Rule(
        versions_are_of_stored_frames,
        {"label_versions": _LIGHT, "frames": ("frame_id", "sha256")},
    ),
)
AGREEMENT_RULES = (
    Rule(
        annotators_agree,
        {"label_agreements": tuple(TABLES["label_agreements"].schema.names)},
    ),
)


def _find_fault(row: LabelVersionRow) -> str | None:
    counts: set[float] = {
        len(row["label_ids"]),
        len(row["class_names"]),
        len(row["mask_rles"]),
        len(row["track_ids"]),
        len(row["attributes"]),
    }
    if row["boxes_xyxy"]:
        counts.add(len(row["boxes_xyxy"]) / 4)
    if len(counts) > 1:
        return f"lists of {', '.join(f'{c:g}' for c in sorted(counts))} objects"
    return None if hash_version(row) == row["content_sha256"] else "another hash"


def _find_rest_fault(
    row: LabelVersionRow, by_id: Mapping[str, LabelVersionRow]
) -> str | None:
    ids = row["rests_on"] or ()
    if row["author_kind"] != "interpolation":
        return f"a {row['author_kind']}'s rests on others" if ids else None
    for version_id in ids:
        end = by_id.get(version_id)
        if end is None:
            continue  # its frame was erased: what rests on it counts for nothing
        if end["author_kind"] != "person" or end["task"] != row["task"]:
            return f"{version_id} is a {end['author_kind']}'s, for {end['task']}"
    return None


def _may_replace(row: LabelVersionRow, other: LabelVersionRow | None) -> bool:
    return (
        other is not None
        and (other["frame_id"], other["task"]) == (row["frame_id"], row["task"])
        and other["number"] < row["number"]
        and RANK[other["author_kind"]] >= RANK[row["author_kind"]]
    )


def _count_kinds(versions: Sequence[LabelVersionRow]) -> dict[str, int]:
    counts = Counter(f"num_by_{v['author_kind']}" for v in versions)
    subjects = defaultdict[tuple[str, str], int](int)
    for version in versions:
        subjects[version["frame_id"], version["task"]] += 1
    counts["num_of_several_people"] = sum(n > 1 for n in subjects.values())
    return dict(counts)


def _tell_disagreement(row: dict[str, float | None]) -> str:
    least = {"kappa": LEAST_KAPPA, "box_iou": LEAST_IOU, "mask_iou": LEAST_IOU}
    return ", ".join(
        f"{name} {value:.2f}"
        for name, limit in least.items()
        if (value := row[name]) is not None and value < limit
    )
