"""What the IMUs of a session say of its sparse model: its scale, and whether its cameras turned and moved as they felt.

COLMAP at times joins two parts of a scene half a turn about, or a step aside, without a point that is off. What turned
between the pictures on both sides of such a seam only a gyroscope knows, and how far they are apart an accelerometer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from assets.clocks.streams import Gyro
from assets.reconstruction.sparse_scale import Placed, Scale
from models.geometry.camera import Array
from models.geometry.gravity import ImuRecord, PoseTrack
from models.geometry.imu_mount import Turns, find_mount, measure_turns_left
from models.geometry.imu_scale import ImuScale, find_imu_scale

NO_IMU = "no IMU with stamps"
MOST_APART = 4.0  # standard errors that captures may be off what all say
MOST_OFF_DEG = (
    10.0  # of a turn: beyond it parts are joined wrongly, each with a scale of its own
)
MOST_LEAP = (
    0.02  # of the path's size, between pictures: beyond it parts are joined wrongly
)
LONGEST_S = 2.0  # between pictures whose turn is compared: a gyroscope drifts


class Felt(NamedTuple):
    """The scale, the most that a turn between neighbouring pictures is off a gyroscope's, and the longest leap between
    them that no accelerometer felt, as a share of the path's size; None: nothing tells."""

    scale: Scale
    gyro_off_deg: float | None
    leap: float | None


NOTHING_FELT = Felt(Scale(None, None, NO_IMU), None, None)


class _Told(NamedTuple):
    """By one camera of a capture; the scale or why there is none."""

    scale: ImuScale | str
    off_deg: float | None
    num_pictures: int


def ask_imus(pictures: Sequence[Placed], imus: Mapping[str, Gyro]) -> Felt:
    """Each capture's IMU along the path of each of its cameras. The scale is by the camera with most pictures."""
    told: list[_Told] = []
    offs: list[float] = []
    for capture, imu in sorted(imus.items()):
        paths = _find_paths([p for p in pictures if p.capture == capture])
        mine = [_follow(path, imu) for path in paths]
        offs += [one.off_deg for one in mine if one.off_deg is not None]
        nothing = _Told("no picture with a stamp was registered", None, 0)
        told.append(max(mine, key=lambda one: one.num_pictures, default=nothing))
    off_deg = max(offs, default=None)
    leaps = [one.scale.leap for one in told if isinstance(one.scale, ImuScale)]
    leap = max(leaps, default=None)
    why = _find_seam(off_deg, leap)
    return Felt(Scale(None, None, why) if why else _find_scale(told), off_deg, leap)


def _find_seam(off_deg: float | None, leap: float | None) -> str | None:
    """How parts are joined wrongly; None where they are not, or nothing tells."""
    if off_deg is not None and off_deg > MOST_OFF_DEG:
        return f"IMU: parts of the model are joined {off_deg:.0f} degrees off the gyroscope"
    if leap is not None and leap > MOST_LEAP:
        return f"IMU: the path leaps by {100 * leap:.0f} % of its size, which no accelerometer felt"
    return None


def _find_paths(pictures: Sequence[Placed]) -> list[dict[int, Array]]:
    """Pose by time of each camera, by its name."""
    paths: dict[str, dict[int, Array]] = {}
    for one in pictures:
        if one.t_ns is not None:
            paths.setdefault(one.sensor, {})[one.t_ns] = one.world_from_camera
    return [paths[sensor] for sensor in sorted(paths)]


def _follow(path: Mapping[int, Array], imu: Gyro) -> _Told:
    times_ns = sorted(path)
    poses = np.stack([path[t_ns] for t_ns in times_ns])
    t_s = (np.array(times_ns, np.int64) - times_ns[0]) / 1e9
    track = PoseTrack(t_s, poses[:, :3, 3], poses[:, :3, :3])
    turns = Turns.of_poses(t_s, track.world_from_body)
    gyro_s = (imu.t_ns - times_ns[0]) / 1e9
    off_deg = None
    try:
        mount = find_mount(turns, gyro_s, imu.rate_rad_s)
        left = measure_turns_left(turns, mount, gyro_s, imu.rate_rad_s)
        is_short = np.isfinite(left) & (turns.end_s - turns.start_s <= LONGEST_S)
        off_deg = float(np.degrees(left[is_short].max())) if is_short.any() else None
        record = _read_record(imu, gyro_s)
        return _Told(find_imu_scale(track, record, mount), off_deg, len(path))
    except ValueError as error:
        return _Told(str(error), off_deg, len(path))


def _read_record(imu: Gyro, t_s: Array) -> ImuRecord:
    if imu.force_m_s2 is None or np.isnan(imu.force_m_s2).all():
        raise ValueError("it has no accelerometer")
    is_felt = np.isfinite(imu.force_m_s2).all(axis=1)
    return ImuRecord(t_s[is_felt], imu.rate_rad_s[is_felt], imu.force_m_s2[is_felt])


def _find_scale(told: Sequence[_Told]) -> Scale:
    """Of captures of one model, each by its standard error."""
    found = [one.scale for one in told if isinstance(one.scale, ImuScale)]
    if not found:
        reasons = Counter(f"IMU: {one.scale}" for one in told)
        reason = reasons.most_common(1)[0][0] if reasons else NO_IMU
        return Scale(None, None, reason)
    logs = np.log([one.metres for one in found])
    sigmas = np.array([one.sigma for one in found])
    weights = sigmas**-2 / (sigmas**-2).sum()
    middle = float(weights @ logs)
    if float((np.abs(logs - middle) / sigmas).max()) > MOST_APART:
        percent = 100 * (np.exp(float(np.ptp(logs))) - 1)
        why = f"the IMUs of {len(found)} captures contradict each other by {percent:.0f} %"
        return Scale(None, None, why)
    steps = sum(one.num_steps for one in found)
    gravity = float(weights @ [one.gravity_m_s2 for one in found])
    reason = f"IMU: {steps} steps of its camera, gravity {gravity:.2f} m/s^2"
    return Scale(float(np.exp(middle)), float((sigmas**-2).sum() ** -0.5), reason)
