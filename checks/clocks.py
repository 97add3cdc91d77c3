"""What a session's clocks and camera poses must be, by the data itself: cameras on time, and where they are said to be.

A fault counts as proven when it exceeds its bound by three standard errors; then what rests on clocks or poses must not
run. One that is likely and not proven is told. A camera about which the data say nothing gives no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from checks.verdicts import MAX_EXAMPLES, Figure, Rule, Verdict, nothing_checked

# half of what a rig at a walk shows as a pixel or two: 20 ms must be found
MAX_OFFSET_MS = 10.0
MAX_TILT_DEG = 0.5  # half of what must be found; also the angle that epipolar distances may stand for
# standard errors beyond the bound
PROVEN = 3.0
LIKELY = 1.5


@dataclass(frozen=True)
class _Reading:
    """One figure of one camera: its size, its standard error, and how to tell it."""

    value: float
    sigma: float
    text: str


def cameras_keep_the_time_of_the_imu(clock_reports: pa.Table) -> Verdict:
    """No camera's stamps lie more than 10 ms off the IMU's clock, by the turns that both saw."""
    readings = _read_offsets(clock_reports, "imu", "the IMU's clock")
    reasons = clock_reports["imu_reason"].to_pylist()
    return _judge(
        "cameras_keep_the_time_of_the_imu",
        clock_reports,
        readings,
        reasons,
        MAX_OFFSET_MS,
        "offset_ms",
    )


def cameras_keep_one_time(clock_reports: pa.Table) -> Verdict:
    """No camera's stamps lie more than 10 ms off those of the rig's first camera, by the turns that both saw."""
    readings = _read_offsets(clock_reports, "camera", "the first camera's clock")
    reasons = clock_reports["camera_reason"].to_pylist()
    return _judge(
        "cameras_keep_one_time",
        clock_reports,
        readings,
        reasons,
        MAX_OFFSET_MS,
        "offset_ms",
    )


def cameras_sit_where_calibrations_say(clock_reports: pa.Table) -> Verdict:
    """What two cameras see together fits their stated lenses and poses, to half a degree."""
    readings = []
    for row in clock_reports.to_pylist():
        if row["tilt_deg"] is not None:
            apart_deg = float(
                np.degrees(np.arctan(row["epipolar_px"] / row["focal_px"]))
            )
            text = (
                f"{_name(row)}: turned by {row['tilt_deg']:.2f} +- {row['tilt_sigma_deg']:.2f} deg against the first "
                f"camera, matches lie {row['epipolar_px']:.2f} px off their epipolar lines"
            )
            readings.append(
                _Reading(max(row["tilt_deg"], apart_deg), row["tilt_sigma_deg"], text)
            )
    reasons = clock_reports["calibration_reason"].to_pylist()
    name = "cameras_sit_where_calibrations_say"
    return _judge(name, clock_reports, readings, reasons, MAX_TILT_DEG, "tilt_deg")


_OF_IMU = ("capture_id", "sensor", "imu_offset_ms", "imu_offset_sigma_ms", "imu_reason")
_OF_CAMERA = (
    "capture_id",
    "sensor",
    "camera_offset_ms",
    "camera_offset_sigma_ms",
    "camera_reason",
)
_OF_POSE = (
    "capture_id",
    "sensor",
    "epipolar_px",
    "focal_px",
    "tilt_deg",
    "tilt_sigma_deg",
    "calibration_reason",
)
CLOCK_RULES = (
    Rule(cameras_keep_the_time_of_the_imu, {"clock_reports": _OF_IMU}),
    Rule(cameras_keep_one_time, {"clock_reports": _OF_CAMERA}),
    Rule(cameras_sit_where_calibrations_say, {"clock_reports": _OF_POSE}),
)


def _judge(
    name: str,
    rows: pa.Table,
    readings: list[_Reading],
    reasons: list[str | None],
    bound: float,
    unit: str,
) -> Verdict:
    """Fail for readings that are likely beyond the bound; block when one is proven to be."""
    if not len(rows):
        return nothing_checked(name, "clock reports")
    given = sorted({reason for reason in reasons if reason})
    if not readings:
        why = "; ".join(given) or "nothing to compare"
        return Verdict(name, True, True, f"no verdict: {why}", 0, empty_reason=why)
    proven = [r for r in readings if abs(r.value) - PROVEN * r.sigma > bound]
    likely = [r for r in readings if abs(r.value) - LIKELY * r.sigma > bound]
    without = sum(reason is not None for reason in reasons)
    worst = max(readings, key=lambda r: abs(r.value))
    figures: dict[str, Figure] = {
        f"worst_{unit}": worst.value,
        f"worst_{unit}_sigma": worst.sigma,
        f"bound_{unit}": bound,
        "num_proven": len(proven),
        "num_likely": len(likely),
        "num_without_verdict": without,
    }
    told = f"{len(likely)} of {len(readings)} cameras are off by more than {bound:g} {unit.rsplit('_', 1)[1]}"
    summary = (
        f"{told}; {without} have no verdict ({'; '.join(given)})" if without else told
    )
    examples = tuple(r.text for r in likely[:MAX_EXAMPLES])
    return Verdict(
        name,
        not likely,
        bool(proven) or not likely,
        summary,
        len(readings),
        figures,
        examples,
    )


def _read_offsets(rows: pa.Table, to: str, clock: str) -> list[_Reading]:
    found = []
    for row in rows.to_pylist():
        value = row[f"{to}_offset_ms"]
        sigma = row[f"{to}_offset_sigma_ms"]
        if value is not None:
            text = f"{_name(row)}: {abs(value):.1f} +- {sigma:.1f} ms {'late' if value > 0 else 'early'} on {clock}"
            found.append(_Reading(value, sigma, text))
    return found


def _name(row: dict[str, object]) -> str:
    return f"{row['sensor']} of capture {row['capture_id']}"
