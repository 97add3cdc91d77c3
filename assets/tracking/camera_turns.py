"""How the camera of a recording was turned in each frame, by the poses and calibrations that were recorded with it.

A pose moves the camera itself, where its body is called like the sensor, or else the rig, on which a calibration says
where the camera is. Not here: turns that nobody recorded, and where a camera is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import CalibrationRow, FrameRow, SignalRow
from models.geometry.camera import Camera
from models.geometry.rotations import OrientationCurve
from models.tracking.steady import Turns

_RIG = "rig"
_NS = 1e-9
_MOST_BEYOND_S = 0.05  # a frame may lie so far before the first pose, or after the last
_NUM_VALUES = 7  # x, y, z in m, and a quaternion xyzw
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Poses and calibrations of a session, by capture: body -> its poses, sensor -> its calibration."""

    poses: Mapping[str, Mapping[str, Sequence[SignalRow]]]
    calibrations: Mapping[str, Mapping[str, CalibrationRow]]

    def find_turns(
        self, frames: Sequence[FrameRow], numbers: NDArray[np.int64]
    ) -> Turns | None:
        """Of the frames of one sensor, in order; None where they are not known of each."""
        capture, sensor = frames[0]["capture_id"], frames[0]["sensor"]
        bodies = self.poses.get(capture, {})
        calibration = self.calibrations.get(capture, {}).get(sensor)
        if not bodies or calibration is None:
            return None
        found = _choose_body(bodies, calibration)
        if found is None:
            return None
        poses, body_from_camera = found
        try:
            turned = _read_turns(poses, frames) @ body_from_camera
            return Turns(_read_camera(calibration), numbers, turned)
        except ValueError:  # a pose without length, a lens that is not known, frames that poses do not reach
            return None


def read_motion(catalog: Catalog, session: str) -> Motion:
    """What was published of it."""
    kinds = "kind IN ('pose', 'odometry')"
    where = f"{session_is(session)} AND {kinds}"
    poses: dict[str, dict[str, list[SignalRow]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in catalog.read("signals", where=where).to_pylist():
        if len(row["values"]) == _NUM_VALUES:
            poses[row["capture_id"]][row["child_frame"] or row["sensor"]].append(row)
    calibrations: dict[str, dict[str, CalibrationRow]] = defaultdict(dict)
    if poses:
        rows = catalog.read("calibrations", where=session_is(session))
        for row in rows.sort_by("calibration_id").to_pylist():
            calibrations[row["capture_id"]][row["sensor"]] = row
    return Motion(poses, calibrations)


def _choose_body(
    bodies: Mapping[str, Sequence[SignalRow]], calibration: CalibrationRow
) -> tuple[Sequence[SignalRow], Floats] | None:
    """The poses that move the camera, and the rotation of the camera on what they move."""
    if calibration["sensor"] in bodies:
        return bodies[calibration["sensor"]], np.eye(3)
    place = calibration["rig_from_camera"]
    name = _RIG if _RIG in bodies else next(iter(bodies))
    if place is None or (name != _RIG and len(bodies) > 1):
        return None
    turned: Floats = Rotation.from_quat(place[3:7]).as_matrix()
    return bodies[name], turned


def _read_turns(poses: Sequence[SignalRow], frames: Sequence[FrameRow]) -> Floats:
    """(K, 3, 3) world_from_body at each frame, NaN where poses do not reach: by time, or by number where they have no
    time."""
    times = [frame["t_ns"] for frame in frames]
    timed = {p["t_ns"]: p["values"][3:] for p in poses if p["t_ns"] is not None}
    if None not in times and len(timed) > 1:
        stamps = np.array(sorted(timed), np.int64)
        quaternions = np.array([timed[t] for t in stamps.tolist()], np.float64)
        asked = (np.array(times, np.int64) - stamps[0]) * _NS
        curve = OrientationCurve((stamps - stamps[0]) * _NS, quaternions)
        inside = np.clip(asked, curve.t_s[0], curve.t_s[-1])
        turned = curve.at(inside)
        turned[np.abs(asked - inside) > _MOST_BEYOND_S] = np.nan
        return turned
    numbered = {p["sequence"]: p["values"][3:] for p in poses if p["t_ns"] is None}
    nothing = [np.nan] * 4
    found = np.array([numbered.get(f["sequence"], nothing) for f in frames])
    turned = np.full((len(frames), 3, 3), np.nan)
    is_known = np.isfinite(found).all(axis=1)
    turned[is_known] = Rotation.from_quat(found[is_known]).as_matrix()
    return turned


def _read_camera(calibration: CalibrationRow) -> Camera:
    return Camera(
        (calibration["width_px"], calibration["height_px"]),
        (calibration["fx_px"], calibration["fy_px"]),
        (calibration["cx_px"], calibration["cy_px"]),
        calibration["distortion_model"],
        tuple(calibration["distortion"]),
    )
