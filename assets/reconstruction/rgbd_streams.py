"""Which depth images of a session go with which pictures, by which cameras, and where the data say they were taken."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from assets.clocks.offsets import find_nearest
from assets.clocks.reports import read_camera
from assets.clocks.streams import CameraStream
from assets.images import decode_depth, decode_rgb
from assets.tables.catalog import Catalog, is_in, session_is
from assets.video_frames import unpack
from models.fusion.poses import Array, from_numbers
from models.fusion.registration import RgbdCameras
from models.fusion.views import Plane
from models.types import Image

Row = dict[str, Any]
_APART_NS = 20_000_000  # a picture at most so far from the depth image
_GIVEN_APART_NS = 200_000_000  # between two stated poses that are read between
_NO_TURN = 1e-9  # length of a quaternion
_UNKNOWN_UNITS = 65535  # what some sensors write in place of 0
_AT_ONCE = 16
_CAMERA = (
    "camera"  # a body of this name is the camera itself, whatever the sensor is called
)
_COLUMNS = [
    "frame_id",
    "capture_id",
    "sensor",
    "kind",
    "t_ns",
    "sequence",
    "width_px",
    "height_px",
    "sha256",
    "depth_m_per_unit",
]


@dataclass(frozen=True)
class RgbdFrame:
    """A depth image and the picture of its time, if there is one; `given` (4, 4): where the data say it was taken."""

    depth: Row
    color: Row | None
    given: Array | None


@dataclass(frozen=True)
class RgbdStream:
    """The depth images of one sensor of a capture, in order; or why nothing can be made of them.

    Where there are no depth images at all, `frames` has the first picture of the capture.
    """

    capture: str
    sensor: str
    color_sensor: str | None
    cameras: RgbdCameras | None
    frames: tuple[RgbdFrame, ...]
    input_sha256: str
    reason: str | None


def find_streams(catalog: Catalog, session: str) -> list[RgbdStream]:
    """One a depth sensor of each capture with published frames, by capture and name.

    Raises ValueError for a session without any frame.
    """
    frames = catalog.read("frames", _COLUMNS, session_is(session)).to_pylist()
    if not frames:
        raise ValueError(
            f"{session} has no published frame: `daguerre status` says which sessions have any"
        )
    stated = catalog.read("calibrations", where=session_is(session)).to_pylist()
    where = f"{session_is(session)} AND kind IN ('pose', 'odometry')"
    motion = catalog.read("signals", where=where).to_pylist()
    found = []
    for capture in sorted({f["capture_id"] for f in frames}):
        mine, cameras, poses = (
            [r for r in rows if r["capture_id"] == capture]
            for rows in (frames, stated, motion)
        )
        found += list(_find_of_capture(capture, _sort(mine), cameras, poses))
    return found


def load_pictures(
    catalog: Catalog, stream: RgbdStream, numbers: Sequence[int]
) -> Iterator[tuple[int, Plane, Image | None]]:
    """(number, depth in m, colours) on the pixels of the stream's pinhole. Raises ValueError for what does not fit."""
    assert stream.cameras is not None
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        chosen = [stream.frames[n] for n in some]
        names = [f.depth["frame_id"] for f in chosen]
        names += [f.color["frame_id"] for f in chosen if f.color]
        rows = catalog.read("frames", ["frame_id", "payload"], is_in("frame_id", names))
        payloads = unpack(catalog, rows["payload"].to_pylist())
        images = dict(zip(rows["frame_id"].to_pylist(), payloads, strict=True))
        for number, frame in zip(some, chosen, strict=True):
            units = decode_depth(images[frame.depth["frame_id"]])
            units = np.where(units == _UNKNOWN_UNITS, 0, units)
            depth_m = units.astype(np.float32) * np.float32(
                frame.depth["depth_m_per_unit"]
            )
            depth_m = stream.cameras.register_depth(depth_m)
            rgb = None
            if frame.color is not None:
                rgb = decode_rgb(images[frame.color["frame_id"]])
                rgb = stream.cameras.register_color(rgb, depth_m)
            yield number, depth_m, rgb


def _sort(frames: Sequence[Row]) -> list[Row]:
    def key(row: Row) -> tuple[Any, ...]:
        return row["sensor"], row["t_ns"] or 0, row["sequence"], row["frame_id"]

    return sorted(frames, key=key)


def _find_of_capture(
    capture: str, frames: Sequence[Row], stated: Sequence[Row], motion: Sequence[Row]
) -> Iterator[RgbdStream]:
    sensors = sorted({f["sensor"] for f in frames if f["kind"] == "depth"})
    if not sensors:
        reason = "no depth image: record depth, or make it of stereo pairs with `daguerre depth`"
        first = RgbdFrame(frames[0], None, None)
        yield RgbdStream(
            capture,
            frames[0]["sensor"],
            None,
            None,
            (first,),
            _hash(frames[:1]),
            reason,
        )
    for sensor in sensors:
        mine = [f for f in frames if (f["sensor"], f["kind"]) == (sensor, "depth")]
        colors = [f for f in frames if f["kind"] == "color"]
        yield _find_stream(capture, mine, colors, stated, motion)


def _find_stream(
    capture: str,
    frames: Sequence[Row],
    colors: Sequence[Row],
    stated: Sequence[Row],
    motion: Sequence[Row],
) -> RgbdStream:
    sensor = frames[0]["sensor"]
    color_sensor, cameras, reason = _find_cameras(frames, colors, stated)
    mine = [f for f in colors if f["sensor"] == color_sensor]
    # pictures of another size than the first are of another camera
    sizes = [(f["width_px"], f["height_px"]) for f in mine]
    pairs = _pair(
        frames, [f for f, z in zip(mine, sizes, strict=True) if z == sizes[0]]
    )
    given = _find_given(frames, color_sensor, stated, motion)
    facts = [c for c in stated if c["sensor"] in (sensor, color_sensor)]
    stream = RgbdStream(
        capture,
        sensor,
        color_sensor,
        cameras,
        tuple(RgbdFrame(f, c, g) for f, c, g in zip(frames, pairs, given, strict=True)),
        _hash([*frames, *(c for c in pairs if c), *facts, *_list_given(given)]),
        reason,
    )
    if reason:
        return replace(stream, cameras=None)
    return stream


def _find_cameras(
    frames: Sequence[Row], colors: Sequence[Row], stated: Sequence[Row]
) -> tuple[str | None, RgbdCameras | None, str | None]:
    """The colour sensor, both cameras, and why there are none."""
    sensor = frames[0]["sensor"]
    names = sorted({f["sensor"] for f in colors})
    if any(not f["depth_m_per_unit"] for f in frames):
        return (
            None,
            None,
            f"{sensor}: nobody says how many metres a unit of its depth is",
        )
    several = sorted({(f["width_px"], f["height_px"]) for f in frames})
    if len(several) > 1:
        told = ", ".join(f"{width} x {height}" for width, height in several[:3])
        return None, None, f"{sensor}: depth images of several sizes: {told} px"
    depth = _read_camera(sensor, frames, stated)
    if depth.camera is None:
        return (
            None,
            None,
            f"{sensor}: {depth.unknown}: state its focal lengths and centre",
        )
    if not names:
        return None, RgbdCameras(depth.camera), None
    sizes = {
        n: next((f["width_px"], f["height_px"]) for f in colors if f["sensor"] == n)
        for n in names
    }
    placed: list[tuple[float, str, RgbdCameras]] = []
    for name in names:
        mine = [f for f in colors if f["sensor"] == name]
        color = _read_camera(name, mine, stated)
        if (
            color.camera is None
            or color.rig_from_camera is None
            or depth.rig_from_camera is None
        ):
            continue
        between = np.linalg.inv(color.rig_from_camera) @ depth.rig_from_camera
        if not np.isfinite(between).all():
            continue
        apart_m = float(np.linalg.norm(between[:3, 3]))
        is_same = color.camera == depth.camera and np.allclose(
            between, np.eye(4), atol=1e-9
        )
        both = (
            RgbdCameras(depth.camera)
            if is_same
            else RgbdCameras(depth.camera, color.camera, between)
        )
        placed.append((apart_m, name, both))
    if placed:
        _, name, cameras = min(placed, key=lambda p: p[:2])
        return name, cameras, None
    # without places, a picture of the same size and lens is one that was laid on the depth image
    bent = []
    for name in names:
        mine = [f for f in colors if f["sensor"] == name]
        color = _read_camera(name, mine, stated)
        if sizes[name] == depth.camera.size_px:
            if color.camera is None or color.camera.has_lens_of(depth.camera):
                return name, RgbdCameras(depth.camera), None
            bent.append(name)
    if bent:
        return (
            bent[0],
            None,
            f"pictures of {bent[0]} have another distortion than depth images of {sensor}, and how the two cameras "
            "stand on the rig is not known: record both places, or rectify both",
        )
    (width, height), own = sizes[names[0]], depth.camera.size_px
    reason = (
        f"depth images have {own[0]} x {own[1]} px, pictures of {names[0]} {width} x {height} px, and how the two "
        "cameras stand on the rig is not known: record both places, or depth laid on the pictures"
    )
    return names[0], None, reason


def _read_camera(
    sensor: str, frames: Sequence[Row], stated: Sequence[Row]
) -> CameraStream:
    mine: list[Any] = [c for c in stated if c["sensor"] == sensor]
    return read_camera(sensor, list[Any](frames), mine)


def _pair(frames: Sequence[Row], colors: Sequence[Row]) -> list[Row | None]:
    """The picture of each depth image's time; of the same number where there is no clock."""
    if all(f["t_ns"] is None for f in (*frames, *colors)):
        by_number = {c["sequence"]: c for c in colors}
        return [by_number.get(f["sequence"]) for f in frames]
    by_time = {c["t_ns"]: c for c in colors if c["t_ns"] is not None}
    times = np.array(sorted(by_time), np.int64)
    pairs: list[Row | None] = []
    for frame in frames:
        wanted = np.array([frame["t_ns"] or 0], np.int64)
        found = find_nearest(times, wanted, _APART_NS)
        is_there = frame["t_ns"] is not None and found.is_known.any()
        pairs.append(by_time[int(times[found.indices[0]])] if is_there else None)
    return pairs


def _find_given(
    frames: Sequence[Row],
    color_sensor: str | None,
    stated: Sequence[Row],
    motion: Sequence[Row],
) -> list[Array | None]:
    """world_from_camera by the first body with poses: the camera itself, or else the rig that carries it. Where it has
    poses in several frames of reference, by that with most."""
    own = {frames[0]["sensor"], color_sensor, _CAMERA}

    def rank(row: Row) -> tuple[Any, ...]:
        body = row["child_frame"] or row["sensor"]
        return body not in own, row["kind"] != "pose", row["sensor"], body

    sound = [r for r in motion if _is_pose(r["values"])]
    if not sound:
        return [None] * len(frames)
    best = min(map(rank, sound))
    of_body = [r for r in sound if rank(r) == best]
    counts = Counter(r["frame_of_reference"] or "" for r in of_body)
    reference = min(counts, key=lambda name: (-counts[name], name))
    rows = [r for r in of_body if (r["frame_of_reference"] or "") == reference]
    body_from_camera = np.eye(4)
    if best[0]:
        found = _read_camera(frames[0]["sensor"], frames, stated)
        if found.rig_from_camera is None:
            return [None] * len(frames)
        body_from_camera = found.rig_from_camera
    poses = _read_between(rows, frames)
    return [None if p is None else p @ body_from_camera for p in poses]


def _list_given(given: Sequence[Array | None]) -> Iterator[Row]:
    for number, pose in enumerate(given):
        if pose is not None:
            yield {"number": number, "given": pose.tolist()}


def _is_pose(values: Sequence[float]) -> bool:
    """Trackers that have lost their place write zeros, or what is no number."""
    return (
        len(values) == 7
        and bool(np.isfinite(values).all())
        and float(np.linalg.norm(values[3:])) > _NO_TURN
    )


def _read_between(rows: Sequence[Row], frames: Sequence[Row]) -> list[Array | None]:
    """Poses at the frames' times, or of their numbers where there is no clock."""
    by_number = {r["sequence"]: r for r in rows if r["t_ns"] is None}
    if by_number:
        found = [by_number.get(f["sequence"]) for f in frames]
        return [None if r is None else from_numbers(r["values"]) for r in found]
    by_time = {r["t_ns"]: from_numbers(r["values"]) for r in rows}
    times = np.array(sorted(by_time), np.int64)
    poses = np.stack([by_time[int(t)] for t in times])
    return [_read_at(times, poses, f["t_ns"]) for f in frames]


def _read_at(times: Any, poses: Array, t_ns: int | None) -> Array | None:
    if t_ns is None or not times[0] <= t_ns <= times[-1]:
        return None
    right = int(np.searchsorted(times, t_ns))
    if times[right] == t_ns:
        return np.asarray(poses[right])
    gap = int(times[right] - times[right - 1])
    if gap > _GIVEN_APART_NS:
        return None
    share = (t_ns - int(times[right - 1])) / gap
    ends = Rotation.from_matrix(poses[right - 1 : right + 1, :3, :3])
    pose = np.eye(4)
    pose[:3, :3] = Slerp([0, 1], ends)(share).as_matrix()
    pose[:3, 3] = (1 - share) * poses[right - 1, :3, 3] + share * poses[right, :3, 3]
    return pose


def _hash(rows: Sequence[Row]) -> str:
    facts = [sorted((k, repr(v)) for k, v in r.items()) for r in rows]
    return hashlib.sha256(repr(facts).encode()).hexdigest()
