"""Which pictures of a session are stereo pairs, and how their cameras stand: by a board, or as it was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from assets.clocks.offsets import find_nearest
from assets.clocks.reports import read_camera
from assets.clocks.streams import CameraStream
from assets.reconstruction.board_pictures import BoardPicture, list_pictures
from assets.reconstruction.rig_fits import find_calibration, to_calibration
from assets.tables.catalog import Catalog, session_is
from models.geometry.camera import Array, Camera
from models.geometry.stereo import Rectification, StereoRig, rectify

Row = dict[str, Any]
MOST_WIDE_PX = 960  # pictures are made smaller to be matched
_SENSOR_NS = 20_000_000  # a depth image at most so far from the picture
_DEPTH_COLUMNS = [
    "frame_id",
    "capture_id",
    "sensor",
    "t_ns",
    "width_px",
    "height_px",
    "sha256",
    "depth_m_per_unit",
]


@dataclass(frozen=True)
class StereoCameras:
    """Two cameras of a capture, at the size that their pictures are matched at, or why they give no depth."""

    capture: str
    sensor: str
    other_sensor: str | None
    calibrated_in: str | None
    rectification: Rectification | None
    first: Camera | None
    reason: str | None


@dataclass(frozen=True)
class DepthSensor:
    """A depth camera beside the first one; `first_from_sensor` (4, 4) in m."""

    camera: Camera
    first_from_sensor: Array


@dataclass(frozen=True)
class StereoPair:
    """A picture of the first camera and one of the other, and the depth image of their time, where there is one."""

    cameras: StereoCameras
    first: BoardPicture
    second: BoardPicture
    sensor: DepthSensor | None
    sensor_frame: Row | None
    input_sha256: str  # of all that its depth rests on


@dataclass(frozen=True)
class Stereo:
    """A session's pairs, and for cameras without any the first picture with the reason."""

    pairs: tuple[StereoPair, ...]
    without: tuple[tuple[StereoCameras, BoardPicture], ...]


def find_pairs(catalog: Catalog, session: str) -> Stereo:
    """All pairs of the session's published pictures. The first camera is the one that a calibration calls the rig, or
    the first by name.

    Raises ValueError for a session without a colour picture.
    """
    pictures = list_pictures(catalog, session, most_views=None)
    if not pictures:
        raise ValueError(
            f"{session} has no published colour picture: `daguerre status` says which sessions have any"
        )
    stated = catalog.read("calibrations", where=session_is(session)).to_pylist()
    where = f"{session_is(session)} AND kind = 'depth'"
    depth_frames = catalog.read("frames", _DEPTH_COLUMNS, where).to_pylist()
    pairs: list[StereoPair] = []
    without: list[tuple[StereoCameras, BoardPicture]] = []
    ordered = sorted(pictures, key=lambda p: p.capture)
    for capture, group in groupby(ordered, key=lambda p: p.capture):
        mine = list(group)
        calibrations = [c for c in stated if c["capture_id"] == capture]
        beside = [f for f in depth_frames if f["capture_id"] == capture]
        board = find_calibration(catalog, {p.sensor for p in mine}, in_metres=True)
        for cameras in _find_cameras(session, capture, mine, board, calibrations):
            found = _pair(cameras, mine, board or calibrations, calibrations, beside)
            pairs += found
            if not found:
                without.append(_tell_why(cameras, mine))
    return Stereo(tuple(pairs), tuple(without))


def _find_cameras(
    session: str,
    capture: str,
    pictures: Sequence[BoardPicture],
    board: Sequence[Row],
    stated: Sequence[Row],
) -> list[StereoCameras]:
    """The first camera with each of the others."""
    sensors = sorted({p.sensor for p in pictures})
    if len(sensors) < 2:
        return [
            _without(capture, sensors[0], None, "one camera alone: depth needs two")
        ]
    rows: list[Any] = [to_calibration(row) for row in board] or list(stated)
    origin = board[0]["session"] if board else session
    streams = {s: _read_stream(s, pictures, rows) for s in sensors}
    reference = board[0]["reference_sensor"] if board else sensors[0]
    first, *others = sorted(sensors, key=lambda s: (s != reference, s))
    return [_place(capture, origin, streams[first], streams[other]) for other in others]


def _read_stream(
    sensor: str, pictures: Sequence[BoardPicture], calibrations: Sequence[Any]
) -> CameraStream:
    width_px, height_px = next(p.size_px for p in pictures if p.sensor == sensor)
    frame: Any = {
        "frame_id": "",
        "t_ns": None,
        "width_px": width_px,
        "height_px": height_px,
    }
    mine = [c for c in calibrations if c["sensor"] == sensor]
    return read_camera(sensor, [frame], mine)


def _place(
    capture: str, origin: str, first: CameraStream, other: CameraStream
) -> StereoCameras:
    placed = []
    for stream in (first, other):
        camera, pose = stream.camera, stream.rig_from_camera
        if camera is None or pose is None or not np.isfinite(pose).all():
            reason = stream.unknown or "its place on the rig is no number"
            reason = f"{stream.sensor}: {reason}: `daguerre calibrate` the rig"
            return _without(capture, first.sensor, other.sensor, reason)
        placed.append((_shrink(camera), pose))
    (camera, pose), (second, second_pose) = placed
    rig = StereoRig(camera, second, np.linalg.inv(pose) @ second_pose)
    try:
        rectification = rectify(rig)
    except ValueError as error:
        return _without(capture, first.sensor, other.sensor, str(error))
    return StereoCameras(
        capture, first.sensor, other.sensor, origin, rectification, camera, None
    )


def _without(
    capture: str, sensor: str, other: str | None, reason: str
) -> StereoCameras:
    return StereoCameras(capture, sensor, other, None, None, None, reason)


def _shrink(camera: Camera) -> Camera:
    """As pictures of at most `MOST_WIDE_PX` have it."""
    share = MOST_WIDE_PX / camera.size_px[0]
    return camera.resize(share) if share < 1 else camera


def _pair(
    cameras: StereoCameras,
    pictures: Sequence[BoardPicture],
    calibrations: Sequence[Row],
    stated: Sequence[Row],
    depth_frames: Sequence[Row],
) -> list[StereoPair]:
    if cameras.reason:
        return []
    sensor, frames = _find_sensor(cameras, pictures, stated, depth_frames)
    others = {p.view: p for p in pictures if p.sensor == cameras.other_sensor}
    pairs = []
    for first in pictures:
        second = others.get(first.view)
        if first.sensor != cameras.sensor or second is None:
            continue
        frame = _find_frame(first, frames)
        rest = (first.sha256, second.sha256, frame and frame["sha256"], MOST_WIDE_PX)
        used = {cameras.sensor, cameras.other_sensor, frame and frame["sensor"]}
        facts = [
            sorted((k, repr(v)) for k, v in c.items() if k != "made_ns")
            for c in (*calibrations, *(stated if frame else ()))
            if c["sensor"] in used
        ]
        digest = hashlib.sha256(repr((rest, sorted(facts))).encode()).hexdigest()
        pairs.append(StereoPair(cameras, first, second, sensor, frame, digest))
    return pairs


def _find_sensor(
    cameras: StereoCameras,
    pictures: Sequence[BoardPicture],
    stated: Sequence[Row],
    depth_frames: Sequence[Row],
) -> tuple[DepthSensor | None, list[Row]]:
    """The first depth camera whose place beside the first camera was recorded, and its stamped frames by time."""
    first = _read_stream(cameras.sensor, pictures, stated)
    for name in sorted({f["sensor"] for f in depth_frames}):
        mine = [f for f in depth_frames if f["sensor"] == name]
        sizes = {(f["width_px"], f["height_px"]) for f in mine}
        calibrated: list[Any] = [c for c in stated if c["sensor"] == name]
        found = read_camera(name, list[Any](mine), calibrated)
        if len(sizes) > 1 or found.camera is None:
            continue
        if first.rig_from_camera is None or found.rig_from_camera is None:
            continue
        pose = np.linalg.inv(first.rig_from_camera) @ found.rig_from_camera
        timed = [f for f in mine if f["t_ns"] is not None and f["depth_m_per_unit"]]
        by_time = {f["t_ns"]: f for f in timed}
        return DepthSensor(found.camera, pose), [by_time[t] for t in sorted(by_time)]
    return None, []


def _find_frame(picture: BoardPicture, frames: Sequence[Row]) -> Row | None:
    if picture.t_ns is None or not frames:
        return None
    times = np.array([f["t_ns"] for f in frames], np.int64)
    found = find_nearest(times, np.array([picture.t_ns], np.int64), _SENSOR_NS)
    return frames[found.indices[0]] if found.is_known.any() else None


def _tell_why(
    cameras: StereoCameras, pictures: Sequence[BoardPicture]
) -> tuple[StereoCameras, BoardPicture]:
    first = next(p for p in pictures if p.sensor == cameras.sensor)
    if cameras.reason:
        return cameras, first
    reason = f"no picture of {cameras.other_sensor} is of the time of one of {cameras.sensor}"
    return _without(
        cameras.capture, cameras.sensor, cameras.other_sensor, reason
    ), first
