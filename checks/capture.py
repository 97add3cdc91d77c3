"""The gates of capture: what arrived, what is in it, what was refused, and what the clocks say."""

from __future__ import annotations

import pyarrow.compute as pc

from assets.privacy.positions import SCANS_NOTE
from checks.anonymised import ANONYMISED_RULES, no_policy, no_recording
from checks.captures import CAPTURE_RULES, FRAME_RULES, QUARANTINE_RULES
from checks.clocks import CLOCK_RULES
from checks.gate import EmptyReason, Gate
from checks.hidden import HELD_SCAN_RULES, POSITION_RULES
from checks.labels import ANNOTATION_RULES, LABEL_RULES
from checks.reading import READING_RULES
from checks.scans import SCAN_RULES
from checks.stored_rows import StoredRows
from checks.timing import TIMING_RULES


def _holds_only(column: str, noun: str) -> EmptyReason:
    """No rows are right where every capture of the session counted none of them, and there are captures."""

    def reason(rows: StoredRows) -> str | None:
        counts = rows.read("captures", (column,))[column]
        return (
            f"no capture of this session holds {noun}"
            if len(counts) and not pc.sum(counts).as_py()
            else None
        )

    return reason


def _frames_may_be_missing(rows: StoredRows) -> str | None:
    """A session of signals only is in order, and one of labels for frames of others; one of which nothing could be read
    is not."""
    columns = ("num_frames", "num_signals", "num_scans", "num_labels")
    captures = rows.read("captures", columns)
    num_frames, num_signals, num_scans, num_labels = (
        pc.sum(captures[c]).as_py() or 0 for c in columns
    )
    if num_frames:
        return None
    if num_scans:
        return f"a session of {num_scans} scans without a camera"
    if num_signals:
        return f"a session of {num_signals} signals without a camera"
    if _are_scans_held(rows):
        return "a session of scans, which its privacy policy holds, without a camera"
    if _is_of_labels(rows):
        return f"a session of {num_labels} labels for frames of other sessions"
    return None


def _calibrations_may_be_missing(rows: StoredRows) -> str | None:
    return (
        "no capture of this session carries a calibration"
        if rows.count("captures")
        else None
    )


def _nobody_may_have_looked(rows: StoredRows) -> str | None:
    return (
        "no file of this session says which pictures were looked at"
        if rows.count("captures")
        else None
    )


def _images_may_say_nothing(rows: StoredRows) -> str | None:
    return "no image of this session carries EXIF" if rows.count("captures") else None


def _nothing_may_keep_time(rows: StoredRows) -> str | None:
    """A fixed part of the rig has no clock: where a session holds nothing else there is nothing to report."""
    signals = rows.read("signals", ("capture_id", "sensor", "kind", "t_ns"))
    if rows.count("frames"):
        return None
    if not len(signals):
        if rows.count("scans"):
            return "this session holds scans alone, whose clock no report compares"
        if _are_scans_held(rows):
            return "this session holds scans alone, which its privacy policy holds"
        of_labels = "this session holds labels alone, for frames of other sessions"
        return of_labels if _is_of_labels(rows) else None
    stamps = signals.group_by(["capture_id", "sensor", "kind"]).aggregate(
        [("t_ns", "count_distinct")]
    )
    is_fixed = pc.and_(
        pc.equal(stamps["kind"], "transform"),
        pc.less_equal(stamps["t_ns_count_distinct"], 1),
    )
    return (
        "this session holds fixed transforms and nothing that keeps time"
        if pc.all(is_fixed).as_py()
        else None
    )


def _are_scans_held(rows: StoredRows) -> bool:
    """Whether scans of the session were read that its privacy policy keeps out of the tables."""
    notes = rows.read("captures", ("notes",))["notes"].to_pylist()
    return any(SCANS_NOTE in (note or "") for note in notes)


def _is_of_labels(rows: StoredRows) -> bool:
    """Whether something is said in the session, if only that a picture is empty."""
    return bool(rows.count("labels") or rows.count("annotated_frames"))


def _nothing_was_refused(rows: StoredRows) -> str | None:
    problems = rows.read("captures", ("num_problems",))["num_problems"]
    return (
        "everything that arrived could be read"
        if len(problems) and pc.sum(problems).as_py() == 0
        else None
    )


def _everything_may_be_there(rows: StoredRows) -> str | None:
    return "no file of this session is gone" if rows.count("captures") else None


GATES = (
    Gate("captures", CAPTURE_RULES + READING_RULES),
    Gate("frames", FRAME_RULES + TIMING_RULES, _frames_may_be_missing),
    Gate("frame_exif", may_be_empty=_images_may_say_nothing),
    Gate("signals", POSITION_RULES, _holds_only("num_signals", "signals")),
    Gate("scans", SCAN_RULES + HELD_SCAN_RULES, _holds_only("num_scans", "scans")),
    Gate("calibrations", may_be_empty=_calibrations_may_be_missing),
    Gate("labels", LABEL_RULES, _holds_only("num_labels", "labels")),
    Gate("annotated_frames", ANNOTATION_RULES, _nobody_may_have_looked),
    Gate("quarantine", QUARANTINE_RULES, _nothing_was_refused),
    Gate("gone", may_be_empty=_everything_may_be_there),
    Gate("clock_reports", CLOCK_RULES, _nothing_may_keep_time),
    Gate(
        "consents",
        may_be_empty=lambda _: "nobody has stated terms yet",
        has_readers=False,
    ),
    Gate("privacy_policies", may_be_empty=no_policy, has_readers=False),
    Gate("sealed_frames", may_be_empty=no_policy, has_readers=False),
    Gate("sealed_recordings", may_be_empty=no_recording, has_readers=False),
    Gate("anonymised_frames", ANONYMISED_RULES, no_policy),
    Gate(
        "unsealings",
        may_be_empty=lambda _: "nobody has unsealed a frame or a recording",
        has_readers=False,
    ),
)
SESSION_ASSETS = {
    "recordings": ("captures", "quarantine", "gone"),
    "frames": ("frames", "frame_exif"),
    "signals": ("signals",),
    "scans": ("scans",),
    "calibrations": ("calibrations",),
    "imported_labels": ("labels", "annotated_frames"),
    "anonymised_frames": (
        *("anonymised_frames", "privacy_policies"),
        *("sealed_frames", "sealed_recordings"),
    ),
    "clock_reports": ("clock_reports",),
}
