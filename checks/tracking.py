"""The gates of tracking: a track is in one place at a time, rests on what a model found, and is not mostly a guess."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from checks.gate import Gate
from checks.object_boxes import OBJECT_GATES
from checks.stored_rows import StoredRows
from checks.verdicts import Rule, Tolerance, Verdict, judge_share

MOSTLY = 0.5  # of a track's boxes: more that nothing was found of make it a guess
_GUESSES = Tolerance(warn_above=0.1, block_above=1.0)
_BOX = ("x_min", "y_min", "x_max", "y_max")


def tracks_are_in_one_place(tracks: pa.Table) -> Verdict:
    """No track has two boxes in a frame, two classes, or boxes of two recordings."""
    rows = tracks.to_pylist()
    places = Counter((row["track_id"], row["frame_id"]) for row in rows)
    whose: dict[str, set[tuple[str, str, str]]] = {}
    for row in rows:
        of = (row["capture_id"], row["sensor"], row["class_name"])
        whose.setdefault(row["track_id"], set()).add(of)
    twice = {track for (track, _), count in places.items() if count > 1}
    mixed = {track for track, of in whose.items() if len(of) > 1}
    return judge_share(
        "tracks_are_in_one_place",
        num_checked=len(whose),
        offenders=sorted(twice | mixed),
        of="tracks",
        fault="are in two places, of two classes or of two recordings",
    )


def track_boxes_have_area(tracks: pa.Table) -> Verdict:
    """Every box of a track has an area."""
    is_wide = pc.greater(tracks["x_max"], tracks["x_min"])
    is_high = pc.greater(tracks["y_max"], tracks["y_min"])
    is_whole = pc.and_(is_wide, is_high)
    offenders = tracks["track_box_id"].filter(pc.invert(is_whole)).to_pylist()
    return judge_share(
        "track_boxes_have_area",
        num_checked=len(tracks),
        offenders=offenders,
        of="boxes of tracks",
        fault="have no area",
    )


def tracks_rest_on_answers(tracks: pa.Table, predictions: pa.Table) -> Verdict:
    """Every box that was not filled in is one of a stored answer about its frame."""
    found = {
        row["prediction_id"]: (row["frame_id"], row["class_names"])
        for row in predictions.to_pylist()
    }
    seen = [row for row in tracks.to_pylist() if not row["is_filled"]]
    offenders = []
    for row in seen:
        frame_id, names = found.get(row["prediction_id"], (None, []))
        number = row["box_number"]
        is_there = number is not None and 0 <= number < len(names)
        is_of_frame = is_there and frame_id == row["frame_id"]
        if not is_of_frame or names[number] != row["class_name"]:
            offenders.append(row["track_box_id"])
    return judge_share(
        "tracks_rest_on_answers",
        num_checked=len(seen),
        offenders=offenders,
        of="found boxes of tracks",
        fault="are in no stored answer about their frame",
    )


def tracks_are_mostly_seen(tracks: pa.Table) -> Verdict:
    """Of few tracks more than half is put into gaps."""
    total = Counter(tracks["track_id"].to_pylist())
    filled = Counter(tracks.filter(tracks["is_filled"])["track_id"].to_pylist())
    guessed = [
        track for track in sorted(total) if filled[track] > MOSTLY * total[track]
    ]
    return judge_share(
        "tracks_are_mostly_seen",
        num_checked=len(total),
        offenders=guessed,
        of="tracks",
        fault="are put into gaps for the most part",
        tolerance=_GUESSES,
        figures={"num_filled": filled.total(), "num_boxes": total.total()},
    )


def nothing_to_follow(rows: StoredRows) -> str | None:
    """Why a session may have no track: no recording, no answer of a detector, or nothing found often enough."""
    if not rows.count("captures"):
        return None
    frames = rows.read("frames", ("kind", "capture_id", "sensor"))
    colour = frames.filter(pc.equal(frames["kind"], "color"))
    counts = colour.group_by(["capture_id", "sensor"]).aggregate([([], "count_all")])
    if not pc.any(pc.greater(counts["count_all"], 1)).as_py():
        return "no recording of this session has two colour frames"
    answers = rows.read("predictions", ("task", "scores"))
    scores = answers.filter(pc.equal(answers["task"], "detection"))["scores"]
    if not len(scores):
        return "no detector has been asked about this session"
    return (
        "nothing that was found in this session is in enough frames one after another"
    )


GATES = (
    Gate(
        "tracks",
        (
            Rule(
                tracks_are_in_one_place,
                {
                    "tracks": (
                        "track_id",
                        "frame_id",
                        "capture_id",
                        "sensor",
                        "class_name",
                    )
                },
            ),
            Rule(track_boxes_have_area, {"tracks": ("track_box_id", *_BOX)}),
            Rule(
                tracks_rest_on_answers,
                {
                    "tracks": (
                        "track_box_id",
                        "frame_id",
                        "class_name",
                        "is_filled",
                        "prediction_id",
                        "box_number",
                    ),
                    "predictions": ("prediction_id", "frame_id", "class_names"),
                },
            ),
            Rule(tracks_are_mostly_seen, {"tracks": ("track_id", "is_filled")}),
        ),
        nothing_to_follow,
    ),
    *OBJECT_GATES,
)
SESSION_ASSETS = {
    "tracks": ("tracks",),
    "object_boxes": ("object_boxes", "object_views"),
}
