"""What queues of labelling must be: no frame asked twice, within their budget, of frames that are stored."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share


def queues_ask_no_frame_twice(label_queue: pa.Table) -> Verdict:
    """A frame is asked for a task once, whatever queues there are."""
    counts = label_queue.group_by(["task", "frame_id"]).aggregate([("task", "count")])
    twice = counts.filter(pc.greater(counts["task_count"], 1)).to_pylist()
    return judge_share(
        "queues_ask_no_frame_twice",
        num_checked=len(label_queue),
        offenders=[
            f"frame {r['frame_id']}: {r['task_count']} times for {r['task']}"
            for r in twice
        ],
        of="frames of queues",
        fault="are asked more than once",
    )


def newest_queue_asks_no_near_duplicates(
    label_queue: pa.Table, unique_frames: pa.Table
) -> Verdict:
    """The queue that was made last asks no two near-duplicates."""
    newest = pc.max(label_queue["made_ns"])
    rows = label_queue.filter(pc.equal(label_queue["made_ns"], newest))
    place = pc.index_in(rows["frame_id"], value_set=unique_frames["frame_id"])
    # one that nobody has compared is no copy
    cluster = pc.coalesce(unique_frames["cluster_id"].take(place), rows["frame_id"])
    counts = pa.table({"task": rows["task"], "cluster": cluster})
    counts = counts.group_by(["task", "cluster"]).aggregate([("task", "count")])
    alike = counts.filter(pc.greater(counts["task_count"], 1)).to_pylist()
    return judge_share(
        "newest_queue_asks_no_near_duplicates",
        num_checked=len(rows),
        offenders=[
            f"cluster {r['cluster']}: {r['task_count']} frames for {r['task']}"
            for r in alike
        ],
        of="frames of the newest queue",
        fault="are near-duplicates of each other",
    )


def queues_keep_their_budget(label_queue: pa.Table) -> Verdict:
    """A queue has no more frames than its budget, in ranks from 1 on, each once."""
    queues = label_queue.group_by("queue_id").aggregate(
        [
            ("rank", "count"),
            ("rank", "count_distinct"),
            ("rank", "max"),
            ("budget", "min"),
        ]
    )
    offenders = [
        f"queue {q['queue_id']}: {q['rank_count']} frames, last rank {q['rank_max']}, budget {q['budget_min']}"
        for q in queues.to_pylist()
        if q["rank_max"] > q["budget_min"] or q["rank_count_distinct"] < q["rank_count"]
    ]
    return judge_share(
        "queues_keep_their_budget",
        num_checked=len(queues),
        offenders=offenders,
        of="queues",
        fault="exceed their budget, or have a rank twice",
        figures={"num_frames": len(label_queue)},
    )


def open_frames_are_stored(label_queue: pa.Table, frames: pa.Table) -> Verdict:
    """Frames that a queue still asks are stored, with the bytes that they had. Never blocks: data that went, or came
    again, is no fault of the queue."""
    rows = label_queue.filter(pc.equal(label_queue["state"], "open"))
    place = pc.index_in(rows["frame_id"], value_set=frames["frame_id"])
    is_same = pc.equal(frames["sha256"].take(place), rows["frame_sha256"])
    lost = rows.filter(pc.invert(pc.fill_null(is_same, False)))
    return judge_share(
        "open_frames_are_stored",
        num_checked=len(rows),
        offenders=[f"frame {frame_id}" for frame_id in lost["frame_id"].to_pylist()],
        of="open frames of queues",
        fault="are gone, or have other bytes",
        tolerance=NEVER_BLOCKS,
        empty_reason="every frame that was asked is answered or skipped"
        if len(label_queue)
        else None,
    )


QUEUE_RULES = (
    Rule(queues_ask_no_frame_twice, {"label_queue": ("task", "frame_id")}),
    Rule(
        newest_queue_asks_no_near_duplicates,
        {
            "label_queue": ("task", "frame_id", "made_ns"),
            "unique_frames": ("frame_id", "cluster_id"),
        },
    ),
    Rule(queues_keep_their_budget, {"label_queue": ("queue_id", "rank", "budget")}),
    Rule(
        open_frames_are_stored,
        {
            "label_queue": ("frame_id", "frame_sha256", "state"),
            "frames": ("frame_id", "sha256"),
        },
    ),
)
