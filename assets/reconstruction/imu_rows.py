"""The rows of `imu_mounts` and `gravities` of a capture: what frames, poses and IMU say, or why they say nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assets.clocks.streams import CameraStream, Gyro, Load
from assets.tables.catalog import Catalog, repr_sql
from models.geometry.clock_offset import STEADFAST
from models.geometry.gravity import ImuRecord, PoseTrack, find_gravity
from models.geometry.imu_mount import STEP_S, Array, ImuMount, Turns, find_mount, thin

Row = dict[str, Any]
NO_IMU = "the capture has no IMU with stamps"
NO_POSES = "the capture has no poses with stamps: gravity needs them"
_NEVER_MOVE = 1e-12
# what tracked points share in all steps, which scatter does not show: on rendered captures rotations are this far off
TRACKED_RAD = float(np.radians(0.2))


@dataclass(frozen=True)
class Body:
    """Poses of a part of the rig, by the sensor that tells them."""

    sensor: str
    t_ns: np.ndarray  # (N,) increasing
    position_m: Array  # (N, 3)
    world_from_body: Array  # (N, 3, 3)


def make_mounts(
    streams: Sequence[CameraStream],
    stated: Mapping[str, Array],
    gyro: Gyro | None,
    load: Load,
) -> list[Row]:
    """One row a camera; `stated` says rig_from_camera (4, 4) of those whose recording does."""
    from assets.clocks.comparisons import choose_stretches

    able = [s for s in streams if _find_obstacle(s, gyro) is None]
    stretches = choose_stretches(able[0].t_ns) if able else []
    rows = []
    for stream in streams:
        row: Row = {
            "sensor": stream.sensor,
            "imu_sensor": gyro.sensor if gyro else None,
        }
        reason = _find_obstacle(stream, gyro)
        if reason is None:
            assert gyro is not None
            try:
                row |= _mount(stream, stretches, stated.get(stream.sensor), gyro, load)
            except ValueError as error:
                reason = str(error)
        rows.append(row | {"reason": reason})
    return rows


def make_gravity(body: Body | None, gyro: Gyro | None) -> Row:
    """The row of a capture."""
    row: Row = {
        "sensor": body.sensor if body else None,
        "imu_sensor": gyro.sensor if gyro else None,
        "reason": None,
    }
    if gyro is None or body is None:
        return row | {"reason": NO_IMU if gyro is None else NO_POSES}
    try:
        return row | _gravity(body, gyro)
    except ValueError as error:
        return row | {"reason": str(error)}


def read_body(catalog: Catalog, capture_id: str) -> Body | None:
    """The capture's first stream of poses, by name, else of odometry; None where there is none with stamps. Of a topic
    that tells of several bodies, or in several frames of reference, the one with most poses."""
    kinds = "kind IN ('pose', 'odometry') AND t_ns IS NOT NULL"
    where = f"capture_id = {repr_sql(capture_id)} AND {kinds}"
    columns = ["sensor", "kind", "t_ns", "values", "frame_of_reference", "child_frame"]
    rows = catalog.read("signals", columns, where).to_pylist()
    by_stream: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["t_ns"]):
        ends = row["frame_of_reference"] or "", row["child_frame"] or ""
        by_stream[row["kind"], row["sensor"], *ends].append(row)

    def rank(stream: tuple[str, ...]) -> tuple[Any, ...]:
        return stream[0] != "pose", stream[1], -len(by_stream[stream]), stream[2:]

    bodies = (_to_body(s[1], by_stream[s]) for s in sorted(by_stream, key=rank))
    return next((body for body in bodies if body is not None), None)


def _to_body(sensor: str, rows: list[Row]) -> Body | None:
    from scipy.spatial.transform import Rotation  # seconds to load

    values = np.array([r["values"][:7] for r in rows], np.float64)
    t_ns = np.array([r["t_ns"] for r in rows], np.int64)
    is_sound = np.isfinite(values).all(axis=1)
    is_sound &= np.linalg.norm(values[:, 3:], axis=1) > _NEVER_MOVE
    times, first = np.unique(t_ns[is_sound], return_index=True)
    if len(times) < 2:
        return None
    kept = values[is_sound][first]
    turned = Rotation.from_quat(kept[:, 3:]).as_matrix()
    return Body(sensor, times, kept[:, :3], turned)


def _find_obstacle(stream: CameraStream, gyro: Gyro | None) -> str | None:
    if gyro is None:
        return NO_IMU
    if len(stream.t_ns) < 2:
        return "these frames carry no time"
    return stream.unknown if stream.camera is None else None


def _mount(
    stream: CameraStream,
    stretches: Sequence[tuple[int, int]],
    stated: Array | None,
    gyro: Gyro,
    load: Load,
) -> Row:
    from assets.clocks.comparisons import find_focal_px, measure_stream

    start_ns = int(stream.t_ns.min())
    steps = measure_stream(_thin(stream), stretches, start_ns, load, STEADFAST)
    turns = Turns.of_steps(steps, find_focal_px(stream))
    found = find_mount(turns, (gyro.t_ns - start_ns) / 1e9, gyro.rate_rad_s)
    found = replace(found, covariance=found.covariance + TRACKED_RAD**2 * np.eye(3))
    off_deg = None
    if stated is not None and gyro.rig_from_gyro is not None:
        said = gyro.rig_from_gyro.T @ stated[:3, :3]
        off_deg = _angle_deg(found.imu_from_sensor.T @ said)
    return {
        "imu_from_camera": _to_quaternion(found.imu_from_sensor),
        "sigmas_deg": np.degrees(np.sqrt(np.diag(found.covariance))).tolist(),
        "covariance": found.covariance.ravel().tolist(),
        "sigma_deg": float(np.degrees(found.sigma_rad)),
        **_tell_lag(found),
        "gyro_bias_rad_s": found.gyro_bias_rad_s.tolist(),
        "gyro_bias_sigmas_rad_s": found.gyro_bias_sigma_rad_s.tolist(),
        "num_steps": found.num_steps,
        "residual_deg": float(np.degrees(found.residual_rad)),
        "stated_off_deg": off_deg,
    }


def _thin(stream: CameraStream) -> CameraStream:
    """With frames left out, so that a step takes 0.1 s: from one frame to the next a point hardly moves."""
    order = np.argsort(stream.t_ns, kind="stable")
    kept = order[thin((stream.t_ns[order] - stream.t_ns.min()) / 1e9, STEP_S)]
    names = tuple(stream.frame_ids[i] for i in kept)
    return replace(stream, frame_ids=names, t_ns=stream.t_ns[kept])


def _gravity(body: Body, gyro: Gyro) -> Row:
    assert gyro.force_m_s2 is not None
    is_felt = np.isfinite(gyro.force_m_s2).all(axis=1)
    start_ns = int(body.t_ns[0])
    imu = ImuRecord(
        (gyro.t_ns[is_felt] - start_ns) / 1e9,
        gyro.rate_rad_s[is_felt],
        gyro.force_m_s2[is_felt],
    )
    if len(imu.t_s) < 2:
        raise ValueError("the IMU has no accelerometer")
    t_s = (body.t_ns - start_ns) / 1e9
    turns = Turns.of_poses(t_s, body.world_from_body)
    mount = find_mount(turns, imu.t_s, imu.rate_rad_s)
    poses = PoseTrack(t_s, body.position_m, body.world_from_body)
    found = find_gravity(poses, imu, mount)
    return {
        "imu_from_body": _to_quaternion(mount.imu_from_sensor),
        "body_sigma_deg": float(np.degrees(mount.sigma_rad)),
        **_tell_lag(mount),
        "gravity_m_s2": found.gravity_m_s2.tolist(),
        "covariance": found.covariance.ravel().tolist(),
        "sigma_deg": float(np.degrees(found.sigma_rad)),
        "size_m_s2": found.size_m_s2,
        "size_sigma_m_s2": found.size_sigma_m_s2,
        "accel_bias_m_s2": found.accel_bias_m_s2.tolist(),
        "accel_bias_sigmas_m_s2": found.accel_bias_sigma_m_s2.tolist(),
        "num_steps": found.num_steps,
    }


def _tell_lag(mount: ImuMount) -> Row:
    return {"lag_ms": 1e3 * mount.lag_s, "lag_sigma_ms": 1e3 * mount.lag_sigma_s}


def _to_quaternion(rotation: Array) -> list[float]:
    from scipy.spatial.transform import Rotation  # seconds to load

    found: list[float] = Rotation.from_matrix(rotation).as_quat().tolist()
    return found


def _angle_deg(rotation: Array) -> float:
    from scipy.spatial.transform import Rotation  # seconds to load

    return float(np.degrees(Rotation.from_matrix(rotation).magnitude()))
