"""The scale of a sparse model: from the known distance of two cameras that looked at one time, else from an IMU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from assets.clocks.evidence import Gyro
from models.geometry.camera import Array
from models.geometry.gravity import ImuRecord, PoseTrack
from models.geometry.imu_mount import Turns, find_mount
from models.geometry.imu_scale import ImuScale, find_imu_scale

MOST_SPREAD = 0.2  # of the ratios, relative: beyond that they say nothing
MOST_APART = 4.0  # standard errors that captures may be off what all say
NO_IMU = "no IMU with stamps"
_ROBUST = 1.4826  # standard deviation by median absolute deviation
_LEAST_M = 1e-6  # of a baseline


class Placed(NamedTuple):
    """A registered picture: of which capture, view, camera and time, and where."""

    capture: str
    view: int
    sensor: str
    t_ns: int | None
    world_from_camera: Array  # (4, 4)


class Scale(NamedTuple):
    """Metres by the model's unit with its relative standard error; None where nothing gives it, and why."""

    metres: float | None
    sigma: float | None
    reason: str


def find_scale(
    pictures: Sequence[Placed],
    rig_from_camera: Mapping[tuple[str, str], Array | None],
    imus: Mapping[str, Gyro],
) -> Scale:
    """By the places of cameras on the rig, of capture and sensor; where these say nothing, by the IMUs of captures."""
    stereo = find_stereo_scale(pictures, rig_from_camera)
    if stereo.metres is not None:
        return stereo
    felt = find_felt_scale(pictures, imus)
    if felt.metres is not None:
        return felt
    return Scale(None, None, f"{stereo.reason}; {felt.reason}")


def find_stereo_scale(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> Scale:
    """By the places of cameras on the rig, of capture and sensor; the median over all pairs of one time."""
    ratios = np.array(list(_compare(pictures, rig_from_camera)))
    if not len(ratios):
        return Scale(None, None, _tell_why(pictures, rig_from_camera))
    middle = float(np.median(ratios))
    spread = _ROBUST * float(np.median(np.abs(ratios - middle))) / middle
    if spread > MOST_SPREAD:
        return Scale(
            None,
            None,
            f"{len(ratios)} stereo pairs contradict each other by {100 * spread:.0f} %: calibrate the rig again",
        )
    sigma = float(spread / np.sqrt(len(ratios))) if len(ratios) > 2 else None
    return Scale(middle, sigma, f"stereo: {len(ratios)} pairs of known distance")


def find_felt_scale(pictures: Sequence[Placed], imus: Mapping[str, Gyro]) -> Scale:
    """By what the IMU of each capture felt along the path of its camera with most pictures."""
    if not imus:
        return Scale(None, None, NO_IMU)
    found: list[ImuScale] = []
    reasons: Counter[str] = Counter()
    for capture, imu in sorted(imus.items()):
        try:
            found.append(_follow([p for p in pictures if p.capture == capture], imu))
        except ValueError as error:
            reasons[f"IMU: {error}"] += 1
    if not found:
        return Scale(None, None, reasons.most_common(1)[0][0])
    return _join(found)


def _follow(pictures: Sequence[Placed], imu: Gyro) -> ImuScale:
    """By one capture. Raises ValueError where it does not tell."""
    paths: dict[str, dict[int, Array]] = {}
    for one in pictures:
        if one.t_ns is not None:
            paths.setdefault(one.sensor, {})[one.t_ns] = one.world_from_camera
    if not paths:
        raise ValueError("no picture with a stamp was registered")
    path = max((paths[sensor] for sensor in sorted(paths)), key=len)
    start_ns = min(path)
    poses = np.stack([path[t_ns] for t_ns in sorted(path)])
    t_s = (np.array(sorted(path), np.int64) - start_ns) / 1e9
    track = PoseTrack(t_s, poses[:, :3, 3], poses[:, :3, :3])
    record = _read_record(imu, start_ns)
    turns = Turns.of_poses(t_s, track.world_from_body)
    mount = find_mount(turns, record.t_s, record.rate_rad_s)
    return find_imu_scale(track, record, mount)


def _read_record(imu: Gyro, start_ns: int) -> ImuRecord:
    if imu.force_m_s2 is None or np.isnan(imu.force_m_s2).all():
        raise ValueError("it has no accelerometer")
    is_felt = np.isfinite(imu.force_m_s2).all(axis=1)
    t_s = (imu.t_ns[is_felt] - start_ns) / 1e9
    return ImuRecord(t_s, imu.rate_rad_s[is_felt], imu.force_m_s2[is_felt])


def _join(found: Sequence[ImuScale]) -> Scale:
    """Of captures of one model, each by its standard error."""
    logs = np.log([one.metres for one in found])
    sigmas = np.array([one.sigma for one in found])
    weights = sigmas**-2 / (sigmas**-2).sum()
    middle = float(weights @ logs)
    apart = float((np.abs(logs - middle) / sigmas).max())
    if apart > MOST_APART:
        percent = 100 * (np.exp(float(np.ptp(logs))) - 1)
        why = f"the IMUs of {len(found)} captures contradict each other by {percent:.0f} %"
        return Scale(None, None, why)
    steps = sum(one.num_steps for one in found)
    gravity = float(weights @ [one.gravity_m_s2 for one in found])
    sigma = float((sigmas**-2).sum() ** -0.5)
    told = f"IMU: {steps} steps of its camera, gravity {gravity:.2f} m/s^2"
    return Scale(float(np.exp(middle)), sigma, told)


def _compare(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> Iterator[float]:
    """Known distance by the model's, of each pair of one time."""
    views: dict[tuple[str, int], list[Placed]] = {}
    for one in pictures:
        views.setdefault((one.capture, one.view), []).append(one)
    for mine in views.values():
        for a, b in combinations(mine, 2):
            places = [rig_from_camera.get((p.capture, p.sensor)) for p in (a, b)]
            if a.sensor == b.sensor or places[0] is None or places[1] is None:
                continue
            known_m = np.linalg.norm(places[0][:3, 3] - places[1][:3, 3])
            off = a.world_from_camera[:3, 3] - b.world_from_camera[:3, 3]
            if known_m > _LEAST_M and np.linalg.norm(off) > 0:
                yield float(known_m / np.linalg.norm(off))


def _tell_why(
    pictures: Sequence[Placed], rig_from_camera: Mapping[tuple[str, str], Array | None]
) -> str:
    sensors = {p.sensor for p in pictures}
    if len(sensors) < 2:
        return "one camera alone gives no length"
    if sum(pose is not None for pose in rig_from_camera.values()) < 2:
        return "nobody knows how far the cameras are apart: `daguerre calibrate` the rig with a board in metres"
    return "no two cameras of known place were registered at one time"
