"""Rules of how an IMU sits to cameras and of gravity: found, sure, as it is stated, and as strong as it is on Earth."""

from __future__ import annotations

import pyarrow as pa

from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share

MAX_OFF_DEG = 0.5  # as for cameras among each other
ENOUGH_SIGMA_DEG = 0.5
PROVEN = 3.0  # standard errors beyond the bound
EARTH_M_S2 = (9.76, 9.84)  # from the mountains at the equator to the poles
SLACK_M_S2 = 0.1  # scale of an accelerometer that nobody calibrated


def every_camera_has_an_imu_mount(imu_mounts: pa.Table) -> Verdict:
    """How the IMU sits is known for every camera. Never blocks: a rig may have no IMU."""
    return judge_share(
        "every_camera_has_an_imu_mount",
        num_checked=len(imu_mounts),
        offenders=[
            f"{_name(r)}: {r['reason']}" for r in imu_mounts.to_pylist() if r["reason"]
        ],
        of="cameras",
        fault="do not know how the IMU sits",
        tolerance=NEVER_BLOCKS,
    )


def imu_mounts_are_sure(imu_mounts: pa.Table) -> Verdict:
    """The rotation between camera and IMU is known to half a degree. Never blocks."""
    rows = _known(imu_mounts)
    return judge_share(
        "imu_mounts_are_sure",
        num_checked=len(rows),
        offenders=[
            f"{_name(r)}: +- {r['sigma_deg']:.2f} deg: record more turns about every axis"
            for r in rows
            if r["sigma_deg"] > ENOUGH_SIGMA_DEG
        ],
        of="rotations",
        fault="are not sure",
        tolerance=NEVER_BLOCKS,
        empty_reason=_why_none(imu_mounts),
    )


def imu_agrees_with_statement(imu_mounts: pa.Table) -> Verdict:
    """Where the recording states how camera and IMU sit, motion does not prove that it is off by half a degree."""
    rows = [r for r in _known(imu_mounts) if r["stated_off_deg"] is not None]
    return judge_share(
        "imu_agrees_with_statement",
        num_checked=len(rows),
        offenders=[
            f"{_name(r)}: turned by {r['stated_off_deg']:.2f} +- {r['sigma_deg']:.2f} deg against the IMU from what is "
            "stated: state it anew, or look for a loose mount"
            for r in rows
            if r["stated_off_deg"] - PROVEN * r["sigma_deg"] > MAX_OFF_DEG
        ],
        of="cameras",
        fault="do not sit to the IMU as stated",
        empty_reason=_why_none(imu_mounts)
        or ("no recording states how they sit" if len(imu_mounts) else None),
    )


def every_capture_has_gravity(gravities: pa.Table) -> Verdict:
    """Where down is, is known for every capture. Never blocks: a capture may have no poses."""
    return judge_share(
        "every_capture_has_gravity",
        num_checked=len(gravities),
        offenders=[
            f"capture {r['capture_id']}: {r['reason']}"
            for r in gravities.to_pylist()
            if r["reason"]
        ],
        of="captures",
        fault="do not know where down is",
        tolerance=NEVER_BLOCKS,
    )


def gravity_is_as_strong_as_on_earth(gravities: pa.Table) -> Verdict:
    """Gravity is 9.76 to 9.84 m/s^2, give or take 0.1 and three standard errors: accelerometer and poses are in m."""
    rows = _known(gravities)
    low, high = EARTH_M_S2
    return judge_share(
        "gravity_is_as_strong_as_on_earth",
        num_checked=len(rows),
        offenders=[
            f"capture {r['capture_id']}: {r['size_m_s2']:.2f} +- {r['size_sigma_m_s2']:.2f} m/s^2: are accelerometer "
            "and poses in m?"
            for r in rows
            if not low - _slack(r) <= r["size_m_s2"] <= high + _slack(r)
        ],
        of="captures",
        fault="have another gravity",
        empty_reason=_why_none(gravities),
    )


def _slack(row: dict) -> float:
    return float(SLACK_M_S2 + PROVEN * row["size_sigma_m_s2"])


def _known(rows: pa.Table) -> list[dict]:
    return [r for r in rows.to_pylist() if r["reason"] is None]


def _why_none(rows: pa.Table) -> str | None:
    return "; ".join(sorted({r for r in rows["reason"].to_pylist() if r})) or None


def _name(row: dict) -> str:
    return f"{row['sensor']} of capture {row['capture_id']}"


_CAMERA = ("capture_id", "sensor", "reason")
MOUNT_RULES = (
    Rule(every_camera_has_an_imu_mount, {"imu_mounts": _CAMERA}),
    Rule(imu_mounts_are_sure, {"imu_mounts": (*_CAMERA, "sigma_deg")}),
    Rule(
        imu_agrees_with_statement,
        {"imu_mounts": (*_CAMERA, "sigma_deg", "stated_off_deg")},
    ),
)
_CAPTURE = ("capture_id", "reason")
GRAVITY_RULES = (
    Rule(every_capture_has_gravity, {"gravities": _CAPTURE}),
    Rule(
        gravity_is_as_strong_as_on_earth,
        {"gravities": (*_CAPTURE, "size_m_s2", "size_sigma_m_s2")},
    ),
)
