"""What a session's clocks must do: go forward, without long pauses, at an even rate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.clocks.offsets import GAP_STEPS, SKIPPED_STEPS
from assets.formats.session_settings import SETTINGS_NAME
from checks.verdicts import Figure, Rule, Tolerance, Verdict, judge_share

# a glitch is told, a broken clock stops the session
OUT_OF_ORDER = Tolerance(warn_above=0.0, block_above=0.01)
BROKEN_ABOVE = 0.1  # share of one sensor's frames: its clock is broken, however many frames the others have
LONG_GAPS = Tolerance(warn_above=0.0, block_above=0.1)
SKIPPED_FRAMES = Tolerance(warn_above=0.01, block_above=1.0)


def timestamps_are_monotonic(frames: pa.Table) -> Verdict:
    """Within a capture, each sensor's time goes up from frame to frame; it neither stands still nor goes back."""
    steps = _time_steps(frames)
    is_stuck = steps["step_ns"] <= 0
    stuck = steps[is_stuck]
    shares = is_stuck.groupby(
        [steps["capture_id"], steps["sensor"], steps["kind"]]
    ).mean()
    examples = [
        f"{r.frame_id} of {r.sensor}: {int(r.step_ns)} ns after its predecessor"
        for r in stuck.itertuples()
    ]
    verdict = judge_share(
        "timestamps_are_monotonic",
        num_checked=len(steps),
        offenders=examples,
        of="frames with a time",
        fault="are not later than the frame before",
        tolerance=Tolerance() if (shares > BROKEN_ABOVE).any() else OUT_OF_ORDER,
        empty_reason=_no_times(frames),
    )
    return name_way_on(verdict, stuck)


def timestamp_gaps_are_bounded(frames: pa.Table) -> Verdict:
    """No sensor pauses for longer than five of its median steps."""
    steps = _steps_in_medians(frames)
    gaps = steps[steps["medians"] > GAP_STEPS]
    examples = [
        f"{r.frame_id} of {r.sensor}: {r.step_ns / 1e6:.1f} ms without a frame"
        for r in gaps.itertuples()
    ]
    figures: dict[str, Figure] = {"max_gap_in_median_steps": GAP_STEPS}
    if len(steps) and steps["step_ns"].notna().any():
        figures["longest_step_ms"] = float(steps["step_ns"].max()) / 1e6
    verdict = judge_share(
        "timestamp_gaps_are_bounded",
        num_checked=len(steps),
        offenders=examples,
        of="frames with a time",
        fault=f"come more than {GAP_STEPS:g} median steps after the frame before",
        tolerance=LONG_GAPS,
        figures=figures,
        empty_reason=_no_times(frames),
    )
    return name_way_on(verdict, gaps)


def sensors_skip_no_frames(frames: pa.Table) -> Verdict:
    """Sensors of an even rate lose at most a hundredth of their frames. Never blocks: the frames left are sound."""
    steps = _steps_in_medians(frames)
    skips = steps[steps["medians"] > SKIPPED_STEPS]
    num_missing = int((np.round(skips["medians"]) - 1).sum())
    examples = [
        f"before {r.frame_id} of {r.sensor}: about {round(r.medians) - 1}"
        for r in skips.itertuples()
    ]
    return judge_share(
        "sensors_skip_no_frames",
        num_checked=len(steps),
        offenders=examples,
        of="frames with a time",
        fault="come after a skipped one",
        tolerance=SKIPPED_FRAMES,
        figures={"num_missing_estimate": num_missing},
        empty_reason=_no_times(frames),
    )


_TIMES = ("frame_id", "capture_id", "sensor", "kind", "sequence", "t_ns")
TIMING_RULES = (
    Rule(timestamps_are_monotonic, {"frames": _TIMES}),
    Rule(timestamp_gaps_are_bounded, {"frames": _TIMES}),
    Rule(sensors_skip_no_frames, {"frames": _TIMES}),
)


def _time_steps(frames: pa.Table) -> Any:
    """Frames with a time as a pandas frame in order of sequence, with `step_ns` since the one before of its sensor."""
    stamped = frames.filter(pc.is_valid(frames["t_ns"])).to_pandas()
    stamped = stamped.sort_values(["capture_id", "sensor", "kind", "sequence"])
    track = stamped[["capture_id", "sensor", "kind"]]
    # its predecessor is of the same sensor
    follows = (track == track.shift()).all(axis=1).to_numpy(dtype=bool)
    # exact: pandas would take the way over floats
    step_ns = np.diff(stamped["t_ns"].to_numpy(np.int64), prepend=0)
    stamped["step_ns"] = np.where(follows, step_ns.astype(np.float64), np.nan)
    return stamped


def _steps_in_medians(frames: pa.Table) -> Any:
    """The same with `medians`: the step over the median of the sensor's forward steps, NaN where there is none."""
    steps = _time_steps(frames)
    forward = steps["step_ns"].where(steps["step_ns"] > 0)
    track = [steps["capture_id"], steps["sensor"], steps["kind"]]
    steps["medians"] = forward / forward.groupby(track).transform("median")
    return steps


def name_way_on(verdict: Verdict, faulty: Any) -> Verdict:
    """A verdict on `faulty` samples that stops the session says how it can be taken in all the same."""
    if not verdict.stops or not len(faulty):
        return verdict
    sensors = ", ".join(sorted(set(faulty["sensor"])))
    remedy = f"to take these in without a time, write `no_clock: [{sensors}]` into {SETTINGS_NAME} at the root"
    return replace(
        verdict, summary=f"{verdict.summary}; {remedy} of the session, and ingest again"
    )


def _no_times(frames: pa.Table) -> str | None:
    return (
        "these frames carry no time"
        if len(frames) and frames["t_ns"].null_count == len(frames)
        else None
    )
