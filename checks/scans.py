"""What a session's point clouds must be: not empty, finite, in metres, alike in size, and in the order of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from checks.timing import OUT_OF_ORDER, name_way_on
from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share

# a window that looks into the sky is no fault, a sensor that sees nothing is
EMPTY = Tolerance(warn_above=0.0, block_above=0.5)
SMALL = Tolerance(warn_above=0.01, block_above=1.0)
LEAST_FINITE = (
    0.1  # share of a scan's points; grids of sensors have NaN where nothing came back
)
SMALL_BELOW = 0.5  # of the median of the sensor
MOST_M = 2000.0  # from the sensor: no lidar, radar or depth camera reaches as far
_BOUNDS = ("x_min_m", "y_min_m", "z_min_m", "x_max_m", "y_max_m", "z_max_m")


def scans_hold_points(scans: pa.Table) -> Verdict:
    """Every scan has points with finite coordinates."""
    empty = scans.filter(pc.equal(scans["num_finite"], 0)).to_pylist()
    return judge_share(
        "scans_hold_points",
        num_checked=len(scans),
        offenders=[f"{_name(r)}: {r['num_points']} points, none finite" for r in empty],
        of="scans",
        fault="hold no point",
        tolerance=EMPTY,
    )


def scan_points_are_finite(scans: pa.Table) -> Verdict:
    """Of each scan with points, a tenth at least are finite; grids have NaN where nothing came back."""
    rows = [r for r in scans.to_pylist() if r["num_points"]]
    offenders = [
        f"{_name(r)}: {r['num_finite']} of {r['num_points']} points are finite"
        for r in rows
        if r["num_finite"] < LEAST_FINITE * r["num_points"]
    ]
    return judge_share(
        "scan_points_are_finite",
        num_checked=len(rows),
        offenders=offenders,
        of="scans with points",
        fault="have less than a tenth of finite points",
        tolerance=NEVER_BLOCKS,
        empty_reason="every scan is empty" if len(scans) else None,
    )


def scan_bounds_are_plausible(scans: pa.Table) -> Verdict:
    """The points of a scan lie within 2 km of its sensor, and not all at one place."""
    rows = [r for r in scans.to_pylist() if r["num_finite"]]
    offenders = []
    for row in rows:
        low, high = np.array([row[name] for name in _BOUNDS]).reshape(2, 3)
        farthest_m = float(np.abs([low, high]).max())
        if farthest_m > MOST_M:
            offenders.append(
                f"{_name(row)}: a coordinate of {farthest_m:.4g} m: not metres, or not in the sensor's frame"
            )
        elif row["num_finite"] > 1 and (low == high).all():
            offenders.append(f"{_name(row)}: all points at {low.tolist()} m")
    return judge_share(
        "scan_bounds_are_plausible",
        num_checked=len(rows),
        offenders=offenders,
        of="scans with points",
        fault=f"have points beyond {MOST_M:g} m, or at one place",
        tolerance=NEVER_BLOCKS,
        empty_reason="every scan is empty" if len(scans) else None,
    )


def scan_sizes_are_steady(scans: pa.Table) -> Verdict:
    """Scans have at least half as many finite points as is usual of their sensor. Never blocks."""
    rows = scans.to_pandas()
    usual = rows.groupby(["capture_id", "sensor"])["num_finite"].transform("median")
    small = rows.assign(usual=usual)[rows["num_finite"] < SMALL_BELOW * usual]
    return judge_share(
        "scan_sizes_are_steady",
        num_checked=len(rows),
        offenders=[
            f"{_name(r)}: {r['num_finite']} finite points, {r['usual']:g} are usual"
            for r in small.to_dict("records")
        ],
        of="scans",
        fault="have less than half of the points that are usual of their sensor",
        tolerance=SMALL,
    )


def scan_times_are_monotonic(scans: pa.Table) -> Verdict:
    """Within a capture, each sensor's time goes up from scan to scan; it neither stands still nor goes back."""
    steps = _time_steps(scans)
    stuck = steps[steps["step_ns"] <= 0]
    verdict = judge_share(
        "scan_times_are_monotonic",
        num_checked=len(steps),
        offenders=[
            f"{r.scan_id} of {r.sensor}: {int(r.step_ns)} ns after its predecessor"
            for r in stuck.itertuples()
        ],
        of="scans with a time",
        fault="are not later than the scan before",
        tolerance=OUT_OF_ORDER,
        empty_reason="these scans carry no time" if len(scans) else None,
    )
    return name_way_on(verdict, stuck)


_NAMED = ("scan_id", "capture_id", "sensor", "sequence")
_COUNTS = ("num_points", "num_finite")
SCAN_RULES = (
    Rule(scans_hold_points, {"scans": (*_NAMED, *_COUNTS)}),
    Rule(scan_points_are_finite, {"scans": (*_NAMED, *_COUNTS)}),
    Rule(scan_bounds_are_plausible, {"scans": (*_NAMED, *_COUNTS, *_BOUNDS)}),
    Rule(scan_sizes_are_steady, {"scans": (*_NAMED, *_COUNTS)}),
    Rule(scan_times_are_monotonic, {"scans": (*_NAMED, "t_ns")}),
)


def _name(row: dict[str, Any]) -> str:
    return f"{row['scan_id']}, number {row['sequence']} of {row['sensor']}"


def _time_steps(scans: pa.Table) -> Any:
    """Scans with a time in order of sequence, with `step_ns` since the one before of their sensor, NaN of the first."""
    stamped = scans.filter(pc.is_valid(scans["t_ns"])).to_pandas()
    stamped = stamped.sort_values(["capture_id", "sensor", "sequence"])
    track = stamped[["capture_id", "sensor"]]
    follows = (track == track.shift()).all(axis=1).to_numpy(dtype=bool)
    # exact: pandas would take the way over floats
    step_ns = np.diff(stamped["t_ns"].to_numpy(np.int64), prepend=0)
    stamped["step_ns"] = np.where(follows, step_ns.astype(np.float64), np.nan)
    return stamped
