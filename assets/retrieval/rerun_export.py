"""Write one session as a Rerun recording: images, depth, boxes, tracks, scans, IMU, paths on the sensors' own clock,
and what was found of its space.

Entities: `CAPTURE/WORLD/rig/SENSOR` for a camera whose place on the rig is known, `CAPTURE/WORLD/SENSOR` for another,
its boxes and tracks below it; `CAPTURE/WORLD/SENSOR` for scans, or below the body that carries them;
`CAPTURE/WORLD/BODY` for what a pose moves; `CAPTURE/imu/SENSOR` for rates and accelerations;
`CAPTURE/reconstruction/SENSOR/part N` for meshes and the paths that they were fused along, in a frame of their own;
`CAPTURE/FRAME/objects/SOURCE/OBJECT` for objects in space; `sparse_model` for that of the session, in its own frame.
What has no clock lies on the timeline "frame". Left out: positions on Earth, transforms beside the rig's, masks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.formats.points.clouds import positions_of
from assets.frame_pictures import write_picture
from assets.images import Payload, decode_depth
from assets.ply import read_ply
from assets.point_clouds import points_of
from assets.retrieval.rerun_space import show_objects, show_sparse_model
from assets.retrieval.rerun_tracks import ShownTracks, read_shown_tracks
from assets.tables.catalog import Catalog, repr_sql, session_is
from assets.tables.rows import (
    SIDES,
    CalibrationRow,
    CaptureRow,
    FrameRow,
    LabelRow,
    ScanRow,
    SignalRow,
)
from assets.video_frames import unpack
from assets.whole_output import writing_file

if TYPE_CHECKING:
    from rerun import RecordingStream

# timelines
CLOCK = "sensor clock"
SEQUENCE = "frame"
_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
_FRAME_COLUMNS = (
    "frame_id",
    "sensor",
    "kind",
    "t_ns",
    "sequence",
    "encoding",
    "depth_m_per_unit",
    "payload",
)
_BATCH_FRAMES = 32
# xyz m, and the quaternion xyzw but for the last
_MOTION = ("pose", "odometry", "position")
_INERTIAL = {"imu": ("gyro", "accel"), "acceleration": ("accel",)}  # three values each
_UNITS = {"gyro": "rad/s", "accel": "m/s^2"}
_SPARSE_MODEL = "sparse_model"
_WORLD = "world"  # where no pose names what it is relative to


def export_session(
    catalog: Catalog,
    session: str,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write the .rrd file, complete or not at all; returns how many of what it holds.

    Rows are the newest, held or not. Images are handed on without the metadata inside them. Raises ValueError for a
    session that has no captures, and as `writing_file` does.
    """
    captures = (
        catalog.read_latest("captures", where=session_is(session))
        .sort_by("path")
        .to_pylist()
    )
    if not captures:
        raise ValueError(
            f"session '{session}' has no captures: `daguerre status` lists the sessions"
        )
    recording = _Recording(
        _open_stream(session),
        _read_boxes(catalog, session),
        read_shown_tracks(catalog, session),
    )
    with writing_file(out) as partial:
        recording.stream.save(partial)
        _write(catalog, captures, recording, on_progress or (lambda done, total: None))
        recording.stream.flush()  # raises where a part did not reach the file
        recording.stream.disconnect()
    return dict(recording.counts)


def _open_stream(session: str) -> RecordingStream:
    """The same rows give the same recording."""
    import rerun as rr

    stream = rr.RecordingStream(
        "daguerre", recording_id=f"daguerre-{session}", send_properties=False
    )
    stream.set_log_time_enabled(False)
    stream.set_log_tick_enabled(False)
    return stream


@dataclass
class _Recording:
    """The open recording, the boxes by frame, the tracks, and what was written so far."""

    stream: RecordingStream
    boxes: dict[str, list[LabelRow]]
    tracks: ShownTracks
    counts: Counter[str] = field(
        default_factory=lambda: Counter(
            images=0,
            depth_images=0,
            boxes=0,
            tracked=0,
            scans=0,
            imu=0,
            poses=0,
            meshes=0,
            objects=0,
            sparse_points=0,
        )
    )

    def log(
        self,
        path: str,
        what: Any,
        frame: FrameRow | ScanRow | Mapping[str, Any] | None = None,
    ) -> None:
        """At the frame's time; without a frame for all times."""
        if frame is not None:
            self.stream.reset_time()
            if frame["t_ns"] is None:
                self.stream.set_time(SEQUENCE, sequence=frame["sequence"])
            else:
                self.stream.set_time(
                    CLOCK, timestamp=np.datetime64(frame["t_ns"], "ns")
                )
        self.stream.log(path, what, static=frame is None)

    def send(self, path: str, rows: Sequence[SignalRow], columns: Any) -> None:
        """Columns with one row a signal; all of the rows have a time, or none has."""
        import rerun as rr

        if rows[0]["t_ns"] is None:
            numbers = [
                n if row["sequence"] is None else row["sequence"]
                for n, row in enumerate(rows)
            ]
            index = rr.TimeColumn(SEQUENCE, sequence=numbers)
        else:
            index = rr.TimeColumn(
                CLOCK,
                timestamp=np.array([row["t_ns"] for row in rows], "datetime64[ns]"),
            )
        self.stream.send_columns(path, [index], columns)


def _write(
    catalog: Catalog,
    captures: list[CaptureRow],
    recording: _Recording,
    report: Callable[[int, int], None],
) -> None:
    import rerun as rr

    class_names = sorted(
        {box["class_name"] for boxes in recording.boxes.values() for box in boxes}
    )
    recording.log("/", rr.AnnotationContext(list(enumerate(class_names))))
    _write_sparse_model(catalog, recording, captures[0]["session"])
    done = 0
    total = sum(capture["num_frames"] for capture in captures)
    for root, capture in zip(_name_roots(captures), captures, strict=True):
        mine = f"capture_id = {repr_sql(capture['capture_id'])}"
        signals = _read_signals(catalog, mine)
        bodies = _write_poses(
            recording, root, [s for s in signals if s["kind"] in _MOTION]
        )
        _write_imu(recording, root, [s for s in signals if s["kind"] in _INERTIAL])
        _write_scans(catalog, recording, root, bodies, mine)
        _write_meshes(catalog, recording, root, mine)
        _write_objects(catalog, recording, root, bodies, mine)
        calibrations = {
            c["sensor"]: c
            for c in catalog.read_latest("calibrations", where=mine).to_pylist()
        }
        cameras = {
            s: _write_calibration(recording, root, bodies, c)
            for s, c in calibrations.items()
        }
        for frame, image in _read_frames(catalog, mine):
            sensor = frame["sensor"]
            camera = cameras.setdefault(
                sensor, bodies.get(sensor) or _join(root, _WORLD, sensor)
            )
            _write_frame(recording, camera, frame, image, class_names)
            done += 1
            report(done, total)


def _write_poses(
    recording: _Recording, root: str, poses: Sequence[SignalRow]
) -> dict[str, str]:
    """Each moving body with its path; returns body -> entity. A body that moves in another hangs below it."""
    import rerun as rr

    parents = {
        p["child_frame"] or p["sensor"]: p["frame_of_reference"] or _WORLD
        for p in poses
    }
    bodies = {}
    for (world, body, num_values), rows in _group(
        poses,
        lambda p: (
            p["frame_of_reference"] or _WORLD,
            p["child_frame"] or p["sensor"],
            len(p["values"]),
        ),
    ):
        values = np.array([row["values"] for row in rows], float)  # (N, 7) or (N, 3)
        rotation = values[:, 3:7] if num_values == 7 else None
        columns = rr.Transform3D.columns(translation=values[:, :3], quaternion=rotation)
        parent = _join(root, *_chain(world, parents))
        bodies[body] = _join(parent, body)
        recording.send(bodies[body], rows, columns)
        recording.log(_join(parent, f"{body}_path"), rr.LineStrips3D([values[:, :3]]))
        recording.counts["poses"] += len(rows)
    return bodies


def _chain(frame: str, parents: dict[str, str]) -> list[str]:
    """The frame and what it moves in, outermost first: ['map', 'odom']. A ring is cut where it closes."""
    chain = [frame]
    while (parent := parents.get(chain[0])) is not None and parent not in chain:
        chain.insert(0, parent)
    return chain


def _write_imu(recording: _Recording, root: str, samples: Sequence[SignalRow]) -> None:
    """Three curves for the turn rate, three for the acceleration."""
    import rerun as rr

    for (sensor, kind), rows in _group(samples, lambda s: (s["sensor"], s["kind"])):
        values = np.array([row["values"] for row in rows], float)  # (N, 6) or (N, 3)
        for index, name in enumerate(_INERTIAL[kind]):
            path = _join(root, "imu", sensor, name)
            recording.log(
                path,
                rr.SeriesLines(
                    names=[f"{name} {axis} [{_UNITS[name]}]" for axis in "xyz"]
                ),
            )
            columns = rr.Scalars.columns(
                scalars=values[:, 3 * index : 3 * index + 3].ravel()
            )
            recording.send(path, rows, columns.partition([3] * len(rows)))
        recording.counts["imu"] += len(rows)


def _write_scans(
    catalog: Catalog,
    recording: _Recording,
    root: str,
    bodies: dict[str, str],
    mine: str,
) -> None:
    """The finite points of each scan, below what carries it where a pose moves its frame or its sensor."""
    import rerun as rr

    rows = catalog.read_latest("scans", where=mine).to_pylist()
    for row in sorted(rows, key=lambda r: (r["sensor"], r["sequence"])):
        sensor = row["sensor"]
        positions = positions_of(points_of(catalog.blobs, row))
        body = bodies.get(row["frame_of_reference"] or "") or bodies.get(sensor)
        scanner = _join(body, sensor) if body else _join(root, _WORLD, sensor)
        finite = positions[np.isfinite(positions).all(axis=1)]
        recording.log(scanner, rr.Points3D(finite), row)
        recording.counts["scans"] += 1


def _write_meshes(
    catalog: Catalog, recording: _Recording, root: str, mine: str
) -> None:
    """Each mesh, and the path of its camera."""
    import rerun as rr

    poses = catalog.read_latest("odometry", where=mine).to_pylist()
    poses.sort(key=lambda r: (r["t_ns"] or 0, r["sequence"]))
    rows = catalog.read_latest("meshes", where=mine).to_pylist()
    for row in sorted(rows, key=lambda r: (r["sensor"], r["part"] or 0)):
        if row["blob_sha256"] is None:
            continue
        mesh = read_ply(catalog.blobs.get(row["blob_sha256"]))
        place = _join(root, "reconstruction", row["sensor"], f"part {row['part']}")
        what = rr.Mesh3D(
            vertex_positions=mesh.vertices,
            triangle_indices=mesh.triangles,
            vertex_normals=mesh.normals,
            vertex_colors=mesh.colors,
        )
        recording.log(f"{place}/mesh", what)
        path = [
            p["world_from_camera"][:3]
            for p in poses
            if (p["sensor"], p["part"]) == (row["sensor"], row["part"])
        ]
        recording.log(f"{place}/path", rr.LineStrips3D([np.array(path, float)]))
        recording.counts["meshes"] += 1


def _write_objects(
    catalog: Catalog,
    recording: _Recording,
    root: str,
    bodies: dict[str, str],
    mine: str,
) -> None:
    """Objects in space, where their frame of reference is."""
    rows = catalog.read_latest("object_boxes", where=mine).to_pylist()
    names = set()
    for frame, shown in show_objects(rows):
        is_rig = frame == "rig"  # of a capture without poses
        other = _join(root, _WORLD, "rig") if is_rig else _join(root, frame or _WORLD)
        place = bodies.get(frame) or other
        recording.log(_join(place, "objects", *shown.path), shown.what, shown.at)
        names.add((frame, shown.path))
    recording.counts["objects"] += len(names)


def _write_sparse_model(catalog: Catalog, recording: _Recording, session: str) -> None:
    """Of the whole session, in its own world."""
    shown, num_points = show_sparse_model(catalog, session)
    for path, what, at in shown:
        recording.log(_join(_SPARSE_MODEL, *path), what, at)
    recording.counts["sparse_points"] += num_points


def _write_calibration(
    recording: _Recording,
    root: str,
    bodies: dict[str, str],
    calibration: CalibrationRow,
) -> str:
    """The camera's pinhole and, where known, its place on the rig; returns its entity."""
    import rerun as rr

    c = calibration
    sensor = calibration["sensor"]
    place = c["rig_from_camera"]
    camera = bodies.get(sensor) or _join(root, _WORLD, sensor)
    if place is not None:
        camera = _join(bodies.get("rig") or _join(root, _WORLD, "rig"), sensor)
        recording.log(
            camera,
            rr.Transform3D(
                translation=place[:3], quaternion=rr.Quaternion(xyzw=place[3:7])
            ),
        )
    fx, fy, cx, cy = (c["fx_px"], c["fy_px"], c["cx_px"], c["cy_px"])
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    size = (c["width_px"], c["height_px"])
    recording.log(
        camera,
        rr.Pinhole(image_from_camera=matrix, resolution=size, image_plane_distance=0.2),
    )
    return camera


def _write_frame(
    recording: _Recording,
    camera: str,
    frame: FrameRow,
    image: Payload,
    class_names: list[str],
) -> None:
    """The image, and its boxes, also when there are none: those of the frame before must not stay."""
    import rerun as rr

    if frame["kind"] == "depth":
        per_unit = frame["depth_m_per_unit"]
        depth = _decode_depth(frame, image)
        recording.log(
            camera,
            rr.DepthImage(depth, meter=None if per_unit is None else 1 / per_unit),
            frame,
        )
        recording.counts["depth_images"] += 1
        return
    payload, suffix = write_picture(frame, image)
    media_type = _MEDIA_TYPES[suffix]
    recording.log(
        camera, rr.EncodedImage(contents=payload, media_type=media_type), frame
    )
    recording.counts["images"] += 1
    for maker, tracked, ways, count in recording.tracks.draw(frame["frame_id"]):
        entity = f"{camera}/{_join('tracks', maker)}"
        recording.log(entity, tracked, frame)
        recording.log(f"{entity}/ways", ways, frame)
        recording.counts["tracked"] += count
    if not recording.boxes:
        return
    boxes = recording.boxes.get(frame["frame_id"], [])
    corners = np.array([[b[side] for side in SIDES] for b in boxes], float).reshape(
        -1, 4
    )
    names = [b["class_name"] for b in boxes]
    what = rr.Boxes2D(
        array=corners,
        array_format=rr.Box2DFormat.XYXY,
        labels=names,
        class_ids=[class_names.index(n) for n in names],
    )
    recording.log(f"{camera}/boxes", what, frame)
    recording.counts["boxes"] += len(boxes)


def _decode_depth(frame: FrameRow, image: Payload) -> Any:
    """Depth (H, W). Raises ValueError for what does not decode."""
    try:
        return decode_depth(image)
    except ValueError as error:
        raise ValueError(
            f"frame {frame['frame_id']} does not decode: run `daguerre verify`: {error}"
        ) from error


def _group(
    signals: Sequence[SignalRow], key: Callable[[SignalRow], tuple[Any, ...]]
) -> Iterator[tuple[Any, list[SignalRow]]]:
    """(key, signals), those with a time apart from those without."""
    groups: defaultdict[tuple[Any, bool], list[SignalRow]] = defaultdict(list)
    for signal in signals:
        groups[key(signal), signal["t_ns"] is None].append(signal)
    for (found, _), rows in groups.items():
        yield found, rows


# ---- reading -------------------------------------------------------------------------------------------------------


def _read_frames(catalog: Catalog, where: str) -> Iterator[tuple[FrameRow, Payload]]:
    """The rows and their images. A batch at a time: a session may be larger than memory."""
    if catalog.exists("frames"):
        scan = catalog.dataset("frames").to_batches(
            columns=list(_FRAME_COLUMNS),
            filter=where,
            batch_size=_BATCH_FRAMES,
            batch_readahead=1,
        )
        for batch in scan:
            rows = batch.to_pylist()
            images = unpack(catalog, [row["payload"] for row in rows])
            yield from zip(rows, images, strict=True)


def _read_signals(catalog: Catalog, where: str) -> list[SignalRow]:
    """In order of time, or of place in the file where there is no time."""
    rows = catalog.read_latest("signals", where=where).to_pylist()
    return sorted(
        rows, key=lambda r: (r["t_ns"] is None, r["t_ns"] or r.get("sequence") or 0)
    )


def _read_boxes(catalog: Catalog, session: str) -> dict[str, list[LabelRow]]:
    """frame_id -> its boxes. Masks of the same objects bring no second box."""
    where = f"{session_is(session)} AND task = 'detection' AND x_min IS NOT NULL"
    columns = ["label_id", "frame_id", "class_name", "x_min", "y_min", "x_max", "y_max"]
    boxes: defaultdict[str, list[LabelRow]] = defaultdict(list)
    for row in (
        catalog.read_latest("labels", columns, where).sort_by("label_id").to_pylist()
    ):
        boxes[row["frame_id"]].append(row)
    return dict(boxes)


def _name_roots(captures: Sequence[CaptureRow]) -> list[str]:
    """The capture's file name without suffix, with its number where two are called the same."""
    names = [PurePosixPath(c["path"]).stem or c["session"] for c in captures]
    return [
        _join(n if names.count(n) == 1 else f"{n} {i}") for i, n in enumerate(names)
    ]


def _join(root: str, *parts: str) -> str:
    """An entity path: names from outside are escaped, the root is one already where parts follow."""
    import rerun as rr

    if not parts:
        return rr.escape_entity_path_part(root)
    return "/".join([root, *(rr.escape_entity_path_part(part) for part in parts)])
