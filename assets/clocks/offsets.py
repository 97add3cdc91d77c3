"""Compare sensors by their own time stamps: a report on each clock, and the samples nearest to other times.

Nothing here changes a stamp; whether the stamps themselves are right is asked of the data in `evidence.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]  # ns, a sensor's own clock

# times a sensor's median step: at least one sample is missing; a pause
SKIPPED_STEPS = 1.5
GAP_STEPS = 5.0
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
    # robust standard deviation of the steps that skip nothing
    jitter_ms: float | None = None
    num_backward: int | None = None  # samples that are not later than the one before
    # estimate: how many samples the long steps have room for
    num_dropped: int | None = None
    num_gaps: int | None = None  # steps longer than five median steps
    longest_gap_ms: float | None = None
    reference: str | None = None
    # median distance to the nearest sample of the reference, later is positive
    stamp_offset_ms: float | None = None


@dataclass(frozen=True)
class Lookup:
    """The samples found for some of the times asked for: `indices` has one for each True in `is_known`."""

    is_known: NDArray[np.bool_]
    indices: NDArray[np.int64]


def report_sync(streams: Sequence[Stream]) -> list[SyncReport]:
    """One report a stream. The reference is the first colour camera with stamps, else the first stream with stamps."""
    stamped = [s for s in streams if len(s.t_ns)]
    wanted = [s for s in stamped if s.kind == "color"] or stamped
    return [_report(s, wanted[0] if wanted else None) for s in streams]


def find_nearest(t_ns: Times, wanted_ns: Times, tolerance_ns: int) -> Lookup:
    """Indices of the samples nearest to each wanted time (the earlier of two equally near).

    Raises ValueError for times that do not increase or a tolerance below 0.
    """
    t = _require_order(t_ns)
    wanted = np.asarray(wanted_ns, np.int64)
    _require_tolerance(tolerance_ns)
    if not len(t):
        return Lookup(np.zeros(len(wanted), bool), np.empty(0, np.int64))
    right = np.clip(np.searchsorted(t, wanted), 0, len(t) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(
        np.abs(wanted - t[left]) <= np.abs(t[right] - wanted), left, right
    )
    is_known = np.abs(t[nearest] - wanted) <= tolerance_ns
    return Lookup(is_known, nearest[is_known])


def _report(stream: Stream, reference: Stream | None) -> SyncReport:
    t = stream.t_ns
    if not len(t):
        return SyncReport(stream.sensor, stream.kind, stream.num_samples, 0)
    steps = np.diff(t)
    forward = steps[steps > 0]
    facts: dict[str, int | float | None] = (
        {"num_backward": int((steps <= 0).sum())} if len(steps) else {}
    )
    if len(forward):
        step_ns = float(np.median(forward))
        in_steps = forward / step_ns
        even = forward[in_steps <= SKIPPED_STEPS] - step_ns
        facts |= {
            "rate_hz": 1e9 / step_ns,
            "jitter_ms": float(_MAD_TO_SD * np.median(np.abs(even - np.median(even))))
            / 1e6,
            "num_dropped": int(
                (np.round(in_steps[in_steps > SKIPPED_STEPS]) - 1).sum()
            ),
            "num_gaps": int((in_steps > GAP_STEPS).sum()),
            "longest_gap_ms": float(forward.max()) / 1e6,
        }
    return SyncReport(
        stream.sensor,
        stream.kind,
        stream.num_samples,
        len(t),
        start_ns=int(t.min()),
        end_ns=int(t.max()),
        **facts,  # type: ignore[arg-type]
        reference=None if reference is None else reference.sensor,
        stamp_offset_ms=None
        if reference is None
        else _measure_stamp_offset(t, reference.t_ns),
    )


def _measure_stamp_offset(t_ns: Times, reference_ns: Times) -> float | None:
    """Median of stamp minus nearest reference stamp, ms, over the sparser of the two; None where they do not meet."""
    t = np.unique(t_ns)
    reference = np.unique(reference_ns)
    sparse, dense, sign = (
        (t, reference, 1) if len(t) <= len(reference) else (reference, t, -1)
    )
    reach_ns = int(np.median(np.diff(sparse))) // 2 if len(sparse) > 1 else 0
    found = find_nearest(dense, sparse, reach_ns)
    if not found.is_known.any():
        return None
    return (
        sign * float(np.median(sparse[found.is_known] - dense[found.indices])) / 1e6
        + 0.0
    )  # no -0.0


def _require_order(t_ns: Times) -> Times:
    t = np.asarray(t_ns, np.int64)
    if (np.diff(t) <= 0).any():
        first = int(np.argmax(np.diff(t) <= 0)) + 1
        raise ValueError(
            f"sample {first} is not later than the one before: sort the samples and drop repeated stamps"
        )
    return t


def _require_tolerance(tolerance_ns: int) -> None:
    if tolerance_ns < 0:
        raise ValueError(
            f"tolerance {tolerance_ns} ns is below 0: give how far a sample may lie from the time"
        )
