"""The gates of tracking: a track is in one place at a time, rests on what a model found, and is not mostly a guess."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from checks.gate import Gate
from checks.object_boxes import OBJECT_GATES
from checks.stored_rows import StoredRows
from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share

MOSTLY = 0.5  # of a track's boxes: more that nothing was found of make it a guess
_GUESSES = Tolerance(warn_above=0.1, block_above=1.0)
# of IDF1: tracks of which less than half goes with one labelled track
LEAST_IDF1 = 0.5
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


def tracks_agree_with_labels(tracked: pa.Table) -> Verdict:
    """Where labels name tracks, ours agree with them: IDF1 of a recording is at least a half."""
    rows = [r for r in tracked.to_pylist() if r["truth_sha256"] is not None]
    offenders = []
    figures: dict[str, float | int | str] = {}
    for row in sorted(rows, key=lambda r: (r["sensor"], r["capture_id"])):
        name = f"{row['sensor']} of {row['capture_id'][:12]}, by {row['tracker']}"
        if row["idf1"] is None:
            offenders.append(f"{name}: labels have a track in two places at once")
            continue
        shares = {n: row[n] for n in ("hota", "mota", "idf1")}
        told = ", ".join(f"{n.upper()} {100 * v:.1f}" for n, v in shares.items())
        figures[name] = f"{told}, {row['switches']} switches"
        if row["idf1"] < LEAST_IDF1:
            offenders.append(f"{name}: {told}")
    return judge_share(
        "tracks_agree_with_labels",
        num_checked=len(rows),
        offenders=offenders,
        of="recordings with labelled tracks",
        fault="are tracked otherwise",
        tolerance=NEVER_BLOCKS,
        figures=figures,
        empty_reason="no label names a track" if len(tracked) else None,
    )


def nothing_to_follow(rows: StoredRows) -> str | None:
    """Why a session may have no track: nothing to track, or nothing found often enough."""
    return _explain(
        rows,
        "nothing that was found in this session is in enough frames one after another",
    )


def nothing_to_track(rows: StoredRows) -> str | None:
    """Why nothing of a session may be tracked: no recording, or no answer of the model that was asked."""
    return _explain(
        rows,
        "the model that was asked has said nothing about a recording of this session",
    )


def _explain(rows: StoredRows, otherwise: str) -> str | None:
    if not rows.count("captures"):
        return None
    frames = rows.read("frames", ("kind", "capture_id", "sensor"))
    colour = frames.filter(pc.equal(frames["kind"], "color"))
    counts = colour.group_by(["capture_id", "sensor"]).aggregate([([], "count_all")])
    if not pc.any(pc.greater(counts["count_all"], 1)).as_py():
        return "no recording of this session has two colour frames"
    answers = rows.read("predictions", ("task",))
    if not pc.any(pc.equal(answers["task"], "detection")).as_py():
        return "no detector has been asked about this session"
    return otherwise


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
    Gate(
        "tracked_recordings",
        (
            Rule(
                tracks_agree_with_labels,
                {
                    "tracked_recordings": (
                        "capture_id",
                        "sensor",
                        "tracker",
                        "hota",
                        "mota",
                        "idf1",
                        "switches",
                        "truth_sha256",
                    )
                },
            ),
        ),
        nothing_to_track,
    ),
)
SESSION_ASSETS = {
    "tracks": ("tracks", "tracked_recordings"),
    "object_boxes": ("object_boxes", "object_views"),
}
