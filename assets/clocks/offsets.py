"""Align sensors by their own time stamps: a report on each clock, and look-ups at other times within a tolerance.

A look-up never makes a value up: what lies beyond the tolerance has no row in the answer, and `is_known` says which.
Nothing here changes a stamp; whether the stamps themselves are right is asked of the data in `clock_reports.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]  # ns, a sensor's own clock
Array = NDArray[np.float64]

SKIPPED_STEPS, GAP_STEPS = 1.5, 5.0  # times a sensor's median step: at least one sample is missing; a pause
_MAD_TO_SD = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class Stream:
    """The stamps of one sensor in order of sequence; samples without a stamp are only counted."""

    sensor: str
    kind: str
    t_ns: Times
    num_samples: int


@dataclass(frozen=True)
class SyncReport:
    """What the stamps of one sensor say. None where they say nothing: no stamps, too few, or no reference."""

    sensor: str
    kind: str
    num_samples: int
    num_stamped: int
    start_ns: int | None = None
    end_ns: int | None = None
    rate_hz: float | None = None  # one over the median step
    jitter_ms: float | None = None  # robust standard deviation of the steps that skip nothing
    num_backward: int | None = None  # samples that are not later than the one before
    num_dropped: int | None = None  # estimate: how many samples the long steps have room for
    num_gaps: int | None = None  # steps longer than five median steps
    longest_gap_ms: float | None = None
    reference: str | None = None
    stamp_offset_ms: float | None = None  # median distance to the nearest sample of the reference, later is positive


@dataclass(frozen=True)
class Lookup:
    """Answers for some of the times asked for: `values` has one row for each True in `is_known`."""

    is_known: NDArray[np.bool_]
    values: NDArray


def report_sync(streams: Sequence[Stream], reference: str | None = None) -> list[SyncReport]:
    """One report a stream. `reference` names a sensor; by default the first colour camera with stamps, else the first.

    Raises ValueError for a reference that has no stamps.
    """
    stamped = [s for s in streams if len(s.t_ns)]
    by_default = [s for s in stamped if s.kind == "color"] or stamped
    wanted = [s for s in stamped if s.sensor == reference] if reference is not None else by_default
    if reference is not None and not wanted:
        raise ValueError(f"no stream '{reference}' with stamps: choose one of {[s.sensor for s in stamped]}")
    return [_report(s, wanted[0] if wanted else None) for s in streams]


def find_nearest(t_ns: Times, wanted_ns: Times, tolerance_ns: int) -> Lookup:
    """Indices of the samples nearest to each wanted time (the earlier of two equally near).

    Raises ValueError for times that do not increase or a tolerance below 0.
    """
    t, wanted = _require_order(t_ns), np.asarray(wanted_ns, np.int64)
    _require_tolerance(tolerance_ns)
    if not len(t):
        return Lookup(np.zeros(len(wanted), bool), np.empty(0, np.int64))
    right = np.clip(np.searchsorted(t, wanted), 0, len(t) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(wanted - t[left]) <= np.abs(t[right] - wanted), left, right)
    is_known = np.abs(t[nearest] - wanted) <= tolerance_ns
    return Lookup(is_known, nearest[is_known])


def interpolate(t_ns: Times, values: Array, wanted_ns: Times, tolerance_ns: int) -> Lookup:
    """Values (N, D) at the wanted times, on the straight line between the samples before and after.

    Known where a sample hits the time, or both neighbours lie within the tolerance; never outside of the record.
    Raises ValueError for times that do not increase, a tolerance below 0, or numbers of times and values that differ.
    """
    is_known, left, right, share = _bracket(t_ns, len(values), wanted_ns, tolerance_ns)
    values = np.asarray(values, np.float64)
    share = share.reshape(-1, *([1] * (values.ndim - 1)))
    return Lookup(is_known, (1.0 - share) * values[left] + share * values[right])


def interpolate_poses(t_ns: Times, poses: Array, wanted_ns: Times, tolerance_ns: int) -> Lookup:
    """Poses (N, 7), xyz m and quaternion xyzw, at the wanted times: positions on the line, rotations by slerp.

    Known and refused as in `interpolate`; ValueError also for a quaternion without a length.
    """
    from models.geometry.rotations import slerp  # SciPy, which definitions load without

    is_known, left, right, share = _bracket(t_ns, len(poses), wanted_ns, tolerance_ns)
    poses = np.asarray(poses, np.float64).reshape(-1, 7)
    position = (1.0 - share)[:, None] * poses[left, :3] + share[:, None] * poses[right, :3]
    return Lookup(is_known, np.hstack([position, slerp(poses[left, 3:], poses[right, 3:], share)]))


def _bracket(
    t_ns: Times, num_values: int, wanted_ns: Times, tolerance_ns: int
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp], Array]:
    """Which times are known, and for those the samples before and after and the share of the way between them."""
    t, wanted = _require_order(t_ns), np.asarray(wanted_ns, np.int64)
    _require_tolerance(tolerance_ns)
    if len(t) != num_values:
        raise ValueError(f"{len(t)} times for {num_values} values: give one time a value")
    right = np.searchsorted(t, wanted)  # the first sample that is not earlier
    is_hit = np.zeros(len(wanted), bool)
    inner = right < len(t)
    is_hit[inner] = t[right[inner]] == wanted[inner]
    is_between = (right > 0) & inner & ~is_hit
    before, after = wanted[is_between] - t[right[is_between] - 1], t[right[is_between]] - wanted[is_between]
    is_known = is_hit.copy()
    is_known[is_between] = np.maximum(before, after) <= tolerance_ns
    right = right[is_known]
    left = np.where(is_hit[is_known], right, right - 1)
    span = np.maximum(t[right] - t[left], 1)
    return is_known, left, right, (wanted[is_known] - t[left]) / span


def _report(stream: Stream, reference: Stream | None) -> SyncReport:
    t = stream.t_ns
    if not len(t):
        return SyncReport(stream.sensor, stream.kind, stream.num_samples, 0)
    steps = np.diff(t)
    forward = steps[steps > 0]
    facts: dict[str, int | float | None] = {"num_backward": int((steps <= 0).sum())} if len(steps) else {}
    if len(forward):
        step_ns = float(np.median(forward))
        in_steps = forward / step_ns
        even = forward[in_steps <= SKIPPED_STEPS] - step_ns
        facts |= {
            "rate_hz": 1e9 / step_ns, "jitter_ms": float(_MAD_TO_SD * np.median(np.abs(even - np.median(even)))) / 1e6,
            "num_dropped": int((np.round(in_steps[in_steps > SKIPPED_STEPS]) - 1).sum()),
            "num_gaps": int((in_steps > GAP_STEPS).sum()), "longest_gap_ms": float(forward.max()) / 1e6,
        }  # fmt: skip
    return SyncReport(
        stream.sensor, stream.kind, stream.num_samples, len(t), start_ns=int(t.min()), end_ns=int(t.max()), **facts,  # type: ignore[arg-type]
        reference=None if reference is None else reference.sensor,
        stamp_offset_ms=None if reference is None else _measure_stamp_offset(t, reference.t_ns),
    )  # fmt: skip


def _measure_stamp_offset(t_ns: Times, reference_ns: Times) -> float | None:
    """Median of stamp minus nearest reference stamp, ms, over the sparser of the two; None where they do not meet."""
    t, reference = np.unique(t_ns), np.unique(reference_ns)
    sparse, dense, sign = (t, reference, 1) if len(t) <= len(reference) else (reference, t, -1)
    reach_ns = int(np.median(np.diff(sparse))) // 2 if len(sparse) > 1 else 0
    found = find_nearest(dense, sparse, reach_ns)
    if not found.is_known.any():
        return None
    return sign * float(np.median(sparse[found.is_known] - dense[found.values])) / 1e6 + 0.0  # no -0.0


def _require_order(t_ns: Times) -> Times:
    t = np.asarray(t_ns, np.int64)
    if (np.diff(t) <= 0).any():
        first = int(np.argmax(np.diff(t) <= 0)) + 1
        raise ValueError(f"sample {first} is not later than the one before: sort the samples and drop repeated stamps")
    return t


def _require_tolerance(tolerance_ns: int) -> None:
    if tolerance_ns < 0:
        raise ValueError(f"tolerance {tolerance_ns} ns is below 0: give how far a sample may lie from the time")
