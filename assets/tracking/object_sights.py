"""What the frames of a capture say of objects: boxes under one id, where the camera stood, and what depth there is.

Boxes are those of labels with a track id, or else of stored tracks. What was interpolated, or put into a gap, nobody
saw there: it says nothing of where an object is.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from assets.clocks.reports import read_camera
from assets.current_labels import read_said
from assets.images import decode_depth
from assets.kinds.boxed_objects import read_corners
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.rows import SIDES, CalibrationRow, FrameRow, SignalRow
from assets.video_frames import unpack
from models.geometry.camera import Array, Camera
from models.geometry.rotations import slerp
from models.task_names import DETECTION

LABELS, TRACKS = "labels", "tracks"
LABEL_SIGMA_PX, TRACK_SIGMA_PX = 1.0, 2.5
_SAME_NS = (
    20_000_000  # a depth image is of the moment of a picture at most so far from it
)
_POSE_GAP_NS = 200_000_000  # between two poses
_MATCHED_PX = 0.3  # standard error of a stereo disparity
_FRAME_COLUMNS = [
    *("frame_id", "capture_id", "session", "sensor", "kind", "t_ns", "sequence"),
    *("width_px", "height_px", "sha256", "depth_m_per_unit"),
]
_MAP_COLUMNS = ["frame_id", "payload", "depth_m_per_unit", "focal_px", "baseline_m"]
_OPTICS = ("width_px", "height_px", "fx_px", "fy_px", "cx_px", "cy_px")


@dataclass(frozen=True)
class Sight:
    """A box of an object in a frame; `others` are the boxes of the rest there."""

    frame_id: str
    object_name: str
    class_name: str
    box_xyxy: tuple[float, float, float, float]
    others: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class DepthImage:
    """Depth (H, W) in m in the pixels of a picture, 0 where unknown, and the standard error at a depth of 1 m: it grows
    with the depth by `power`."""

    depth_m: NDArray[np.float32]
    sigma_at_1_m: float
    power: int

    def measure_sigma(self, box_xyxy: Sequence[float]) -> float:
        """Standard error of a pixel at the middle depth of a box, m."""
        left, top, right, bottom = (round(max(v, 0.0)) for v in box_xyxy)
        part = self.depth_m[top:bottom, left:right]
        known = part[part > 0]
        depth = float(np.median(known)) if known.size else 1.0
        return self.sigma_at_1_m * depth**self.power


@dataclass(frozen=True)
class CaptureSights:
    """One capture. `cameras` by sensor with their places on the rig; `poses` of its frames by id, of the rig in
    `frame_of_reference`, None where nothing tells them. `unknown` says by sensor why there is no camera."""

    capture_id: str
    session: str
    frames: Mapping[str, FrameRow]
    cameras: Mapping[str, tuple[Camera, Array]]
    unknown: Mapping[str, str]
    poses: Mapping[str, Array]
    frame_of_reference: str | None
    source: str
    sights: tuple[Sight, ...]
    depth_of: Mapping[str, str]  # frame id -> id of its depth frame
    maps: frozenset[str]  # frames with a depth map of a stereo pair
    input_sha256: str

    def find_camera(self, frame_id: str) -> tuple[Camera, Array] | None:
        """The camera of a frame, and world_from_camera, or rig_from_camera where no pose is known."""
        frame = self.frames[frame_id]
        found = self.cameras.get(frame["sensor"])
        if found is None:
            return None
        camera, rig_from_camera = found
        if not self.poses:
            return camera, rig_from_camera
        world_from_rig = self.poses.get(frame_id)
        return (
            None
            if world_from_rig is None
            else (camera, world_from_rig @ rig_from_camera)
        )


def read_captures(catalog: Catalog, session: str) -> Iterator[CaptureSights]:
    """Every capture of a session that has published colour frames, by id.

    Raises ValueError for a session without any.
    """
    where = f"session = {repr_sql(session)} AND kind IN ('color', 'depth')"
    rows: list[FrameRow] = catalog.read("frames", _FRAME_COLUMNS, where).to_pylist()
    captures = sorted({r["capture_id"] for r in rows if r["kind"] == "color"})
    if not captures:
        raise ValueError(
            f"{session} has no published colour frame: `daguerre status` says which sessions have any"
        )
    for capture_id in captures:
        yield _read_capture(
            catalog,
            session,
            capture_id,
            [r for r in rows if r["capture_id"] == capture_id],
        )


def load_depth(
    catalog: Catalog, capture: CaptureSights, frame_ids: Sequence[str]
) -> dict[str, DepthImage]:
    """The depth of each of these frames that has one, a sensor's before that of a stereo pair."""
    depth_of = {i: capture.depth_of[i] for i in frame_ids if i in capture.depth_of}
    taken = _load_sensor(catalog, sorted(set(depth_of.values())))
    # two pictures may be nearest to one depth image
    found = {i: taken[depth] for i, depth in depth_of.items() if depth in taken}
    rest = [i for i in frame_ids if i not in found and i in capture.maps]
    rows = catalog.read_of("depth_maps", _MAP_COLUMNS, "frame_id", rest).to_pylist()
    for row in rows:
        if row["payload"] is not None:
            frame = capture.frames[row["frame_id"]]
            found[row["frame_id"]] = _read_map(
                row, frame["width_px"], frame["height_px"]
            )
    return found


def find_depth(
    rows: Sequence[FrameRow], calibrations: Sequence[CalibrationRow]
) -> dict[str, str]:
    """The depth frame of each colour frame that the same optics took at its time."""
    optics: dict[str, Any] = {
        c["sensor"]: (
            *(c[name] for name in _OPTICS),  # type: ignore[literal-required]
            *_find_lens(c),
            *c["rig_from_camera"],
        )
        for c in calibrations
        if c["rig_from_camera"]
    }
    by_optics: dict[Any, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        is_metric = row["kind"] == "depth" and row["depth_m_per_unit"]
        if is_metric and row["t_ns"] is not None and row["sensor"] in optics:
            by_optics[optics[row["sensor"]]].append((row["t_ns"], row["frame_id"]))
    for depths in by_optics.values():
        depths.sort()
    found = {}
    for row in rows:
        t_ns = row["t_ns"]
        depths = by_optics.get(optics.get(row["sensor"]), [])
        if row["kind"] != "color" or t_ns is None or not depths:
            continue
        after = bisect_left(depths, (t_ns, ""))
        beside = depths[max(after - 1, 0) : after + 1]
        off_ns, frame_id = min((abs(t - t_ns), i) for t, i in beside)
        if off_ns <= _SAME_NS:
            found[row["frame_id"]] = frame_id
    return found


# ---- below -----------------------------------------------------------------------------------------------------------


def _read_capture(
    catalog: Catalog, session: str, capture_id: str, rows: Sequence[FrameRow]
) -> CaptureSights:
    mine = f"capture_id = {repr_sql(capture_id)}"
    frames = {r["frame_id"]: r for r in rows if r["kind"] == "color"}
    calibrations: list[CalibrationRow] = catalog.read(
        "calibrations", None, mine
    ).to_pylist()
    cameras, unknown = _read_cameras(frames.values(), calibrations)
    reference, poses = _read_poses(catalog, mine, frames.values())
    source, sights = _read_sights(catalog, session, frames)
    depth_of = find_depth(rows, calibrations)
    maps = _find_maps(catalog, mine)
    digest = hashlib.sha256(
        repr(
            (
                sorted((r["frame_id"], r["t_ns"], r["sha256"]) for r in rows),
                sorted(repr(sorted(c.items())) for c in calibrations),
                sorted((i, p.round(9).tolist()) for i, p in poses.items()),
                sorted(map(repr, sights)),
                sorted(maps.items()),
            )
        ).encode()
    ).hexdigest()
    return CaptureSights(
        capture_id,
        session,
        frames,
        cameras,
        unknown,
        poses,
        reference,
        source,
        sights,
        depth_of,
        frozenset(maps),
        digest,
    )


def _read_cameras(
    frames: Any, calibrations: Sequence[CalibrationRow]
) -> tuple[dict[str, tuple[Camera, Array]], dict[str, str]]:
    by_sensor: dict[str, list[FrameRow]] = defaultdict(list)
    for frame in frames:
        by_sensor[frame["sensor"]].append(frame)
    cameras, unknown = {}, {}
    for sensor, mine in sorted(by_sensor.items()):
        stated = [c for c in calibrations if c["sensor"] == sensor]
        stream = read_camera(sensor, mine, stated)
        if stream.camera is None or stream.rig_from_camera is None:
            why = stream.unknown or "its place on the rig is not known"
            unknown[sensor] = f"{sensor}: {why}"
        else:
            cameras[sensor] = (stream.camera, stream.rig_from_camera)
    return cameras, unknown


def _read_poses(
    catalog: Catalog, where: str, frames: Any
) -> tuple[str | None, dict[str, Array]]:
    """The rig at the time of each frame, by the source with most poses; of frames between two that are close."""
    kinds = f"{where} AND kind IN ('pose', 'odometry')"
    columns = ["sensor", "t_ns", "values", "frame_of_reference", "child_frame"]
    rows: list[SignalRow] = catalog.read("signals", columns, kinds).to_pylist()
    by_source: dict[tuple[str, str, str], dict[int, list[float]]] = defaultdict(dict)
    for row in rows:
        if row["t_ns"] is not None and np.isfinite(row["values"][:7]).all():
            name = (
                row["sensor"],
                row["frame_of_reference"] or "world",
                row["child_frame"] or "",
            )
            by_source[name][row["t_ns"]] = row["values"][:7]
    if not by_source:
        return None, {}
    name = min(by_source, key=lambda n: (-len(by_source[n]), n))
    times = sorted(by_source[name])
    values = np.array([by_source[name][t] for t in times])
    found = {}
    for frame in frames:
        pose = (
            None
            if frame["t_ns"] is None
            else _place_between(times, values, frame["t_ns"])
        )
        if pose is not None:
            found[frame["frame_id"]] = pose
    return name[1], found


def _place_between(times: Sequence[int], values: Array, t_ns: int) -> Array | None:
    after = bisect_left(times, t_ns)
    if after < len(times) and times[after] == t_ns:
        share, before = 0.0, after
    elif 0 < after < len(times) and times[after] - times[after - 1] <= _POSE_GAP_NS:
        before = after - 1
        share = (t_ns - times[before]) / (times[after] - times[before])
    else:
        return None
    pose = np.eye(4)
    turned = slerp(
        values[before : before + 1, 3:],
        values[after : after + 1, 3:],
        np.array([share]),
    )
    pose[:3, :3] = Rotation.from_quat(turned[0]).as_matrix()
    pose[:3, 3] = (1 - share) * values[before, :3] + share * values[after, :3]
    return pose


def _read_sights(
    catalog: Catalog, session: str, frames: Mapping[str, FrameRow]
) -> tuple[str, tuple[Sight, ...]]:
    said = read_said(catalog, list(frames.values()))
    labels = {
        frame_id: one.labels
        for (frame_id, task), one in said.items()
        if task == DETECTION and not one.is_interpolated
    }
    found = []
    for frame_id, mine in labels.items():
        boxed = [
            r for r in mine if r["x_min"] is not None and r["origin"] != "interpolated"
        ]
        boxes = [read_corners(r) for r in boxed]
        for n, row in enumerate(boxed):
            if row["track_id"] is not None:
                others = (*boxes[:n], *boxes[n + 1 :])
                found.append(
                    Sight(
                        frame_id,
                        str(row["track_id"]),
                        row["class_name"],
                        boxes[n],
                        others,
                    )
                )
    if found:
        return LABELS, tuple(found)
    return TRACKS, tuple(_read_tracked(catalog, session, frames))


def _read_tracked(
    catalog: Catalog, session: str, frames: Mapping[str, FrameRow]
) -> Iterator[Sight]:
    columns = [
        "frame_id",
        "track_id",
        "class_name",
        *SIDES,
        "is_filled",
        "model_sha256",
        "tracker",
        "uses_looks",
    ]
    where = f"session = {repr_sql(session)}"
    rows = [
        r
        for r in catalog.read("tracks", columns, where).to_pylist()
        if r["frame_id"] in frames
    ]
    counts: dict[Any, int] = defaultdict(int)
    for row in rows:
        counts[row["tracker"], row["model_sha256"], row["uses_looks"]] += 1
    best = min(counts, key=lambda m: (-counts[m], m), default=None)
    by_frame: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if (row["tracker"], row["model_sha256"], row["uses_looks"]) == best:
            by_frame[row["frame_id"]].append(row)
    for frame_id, mine in sorted(by_frame.items()):
        boxes = [tuple(float(r[s]) for s in SIDES) for r in mine]
        for n, row in enumerate(mine):
            if not row["is_filled"]:
                others: Any = (*boxes[:n], *boxes[n + 1 :])
                box: Any = boxes[n]
                yield Sight(frame_id, row["track_id"], row["class_name"], box, others)


def _find_lens(row: CalibrationRow) -> tuple[Any, ...]:
    """What tells its distortion from another; nothing where it has none: depth may be rectified, and its picture
    not."""
    if not any(row["distortion"] or ()):
        return ()
    return row["distortion_model"] or "plumb_bob", *row["distortion"]


def _find_maps(catalog: Catalog, where: str) -> dict[str, str]:
    rows = catalog.read(
        "depth_maps", ["frame_id", "input_sha256"], f"{where} AND reason IS NULL"
    )
    return dict(zip(*rows.to_pydict().values(), strict=True))


def _load_sensor(catalog: Catalog, depth_ids: Sequence[str]) -> dict[str, DepthImage]:
    """By the id of the depth frame."""
    columns = ["frame_id", "depth_m_per_unit", "payload"]
    rows = catalog.read_of("frames", columns, "frame_id", depth_ids).to_pylist()
    images = unpack(catalog, [r["payload"] for r in rows])
    found = {}
    for row, image in zip(rows, images, strict=True):
        unit = row["depth_m_per_unit"]
        depth = decode_depth(image).astype(np.float32) * np.float32(unit)
        found[row["frame_id"]] = DepthImage(depth, _measure_noise(depth, unit), 0)
    return found


def _measure_noise(depth_m: NDArray[np.float32], unit_m: float) -> float:
    """Standard error of a pixel, m: what its row has beyond a straight line, and the step of the numbers."""
    bend = depth_m[:, :-2] - 2 * depth_m[:, 1:-1] + depth_m[:, 2:]
    is_known = (depth_m[:, :-2] > 0) & (depth_m[:, 1:-1] > 0) & (depth_m[:, 2:] > 0)
    bend = np.abs(bend[is_known])
    noise = float(np.median(bend)) / 0.6745 / np.sqrt(6) if bend.size else 0.0
    return float(np.hypot(noise, unit_m / np.sqrt(12)))


def _read_map(row: Mapping[str, Any], width_px: int, height_px: int) -> DepthImage:
    import cv2

    depth = decode_depth(row["payload"]).astype(np.float32) * np.float32(
        row["depth_m_per_unit"]
    )
    if depth.shape != (height_px, width_px):
        depth = np.asarray(
            cv2.resize(depth, (width_px, height_px), interpolation=cv2.INTER_NEAREST),
            np.float32,
        )
    return DepthImage(depth, _MATCHED_PX / (row["focal_px"] * row["baseline_m"]), 2)
