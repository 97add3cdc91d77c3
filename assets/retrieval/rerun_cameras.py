"""Cameras in a Rerun recording: their lenses where they stand, their images, depth images, boxes and tracks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.frame_pictures import write_picture
from assets.images import Payload, decode_depth
from assets.retrieval.rerun_motion import Bodies
from assets.retrieval.rerun_recording import Recording, join
from assets.retrieval.rerun_tracks import ShownTracks, read_shown_tracks
from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import SIDES, CalibrationRow, FrameRow, LabelRow
from assets.video_frames import unpack

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
_LOOK_M = 0.2  # of a camera's frustum


@dataclass(frozen=True)
class Found:
    """What is found in the frames of a session: boxes by frame, their classes, and tracks."""

    boxes: dict[str, list[LabelRow]]
    class_names: list[str]
    tracks: ShownTracks


def read_found(catalog: Catalog, session: str) -> Found:
    """The newest labels and tracks. Masks of the same objects bring no second box."""
    where = f"{session_is(session)} AND task = 'detection' AND x_min IS NOT NULL"
    columns = ["label_id", "frame_id", "class_name", "x_min", "y_min", "x_max", "y_max"]
    rows = catalog.read_latest("labels", columns, where).sort_by("label_id").to_pylist()
    boxes: defaultdict[str, list[LabelRow]] = defaultdict(list)
    for row in rows:
        boxes[row["frame_id"]].append(row)
    names = sorted({row["class_name"] for row in rows})
    return Found(dict(boxes), names, read_shown_tracks(catalog, session))


def read_frames(catalog: Catalog, where: str) -> Iterator[tuple[FrameRow, Payload]]:
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


def write_calibration(
    recording: Recording, bodies: Bodies, calibration: CalibrationRow
) -> str:
    """The camera's pinhole and, where known, its place on the rig; returns its entity."""
    import rerun as rr

    c = calibration
    camera = place_camera(recording, bodies, c["sensor"], c)
    fx, fy, cx, cy = (c["fx_px"], c["fy_px"], c["cx_px"], c["cy_px"])
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    size = (c["width_px"], c["height_px"])
    lens = rr.Pinhole(
        image_from_camera=matrix, resolution=size, image_plane_distance=_LOOK_M
    )
    recording.log(camera, lens)
    return camera


def place_camera(
    recording: Recording, bodies: Bodies, name: str, calibration: CalibrationRow
) -> str:
    """An entity of that name where the camera stands on the rig; else the one that is moved so, or in the world."""
    import rerun as rr

    place = calibration["rig_from_camera"]
    if place is None:
        return bodies.find(name, name)
    path = join(bodies.find("rig", "rig"), name)
    turn = rr.Quaternion(xyzw=place[3:7])
    recording.log(path, rr.Transform3D(translation=place[:3], quaternion=turn))
    return path


def write_frame(
    recording: Recording, camera: str, frame: FrameRow, image: Payload, found: Found
) -> None:
    """The image, and what is found in it; of a depth image its depth."""
    if frame["kind"] == "depth":
        _write_depth_image(recording, camera, frame, image)
    else:
        _write_image(recording, camera, frame, image)
        _write_tracks(recording, camera, frame, found.tracks)
        if found.boxes:
            _write_boxes(recording, camera, frame, found)


def _write_depth_image(
    recording: Recording, camera: str, frame: FrameRow, image: Payload
) -> None:
    import rerun as rr

    per_unit = frame["depth_m_per_unit"]
    meter = None if per_unit is None else 1 / per_unit
    recording.log(
        camera, rr.DepthImage(_decode_depth(frame, image), meter=meter), frame
    )
    recording.counts["depth_images"] += 1


def _write_image(
    recording: Recording, camera: str, frame: FrameRow, image: Payload
) -> None:
    import rerun as rr

    payload, suffix = write_picture(frame, image)
    what = rr.EncodedImage(contents=payload, media_type=_MEDIA_TYPES[suffix])
    recording.log(camera, what, frame)
    recording.counts["images"] += 1


def _write_tracks(
    recording: Recording, camera: str, frame: FrameRow, tracks: ShownTracks
) -> None:
    for maker, tracked, ways, count in tracks.draw(frame["frame_id"]):
        entity = f"{camera}/{join('tracks', maker)}"
        recording.log(entity, tracked, frame)
        recording.log(f"{entity}/ways", ways, frame)
        recording.counts["tracked"] += count


def _write_boxes(
    recording: Recording, camera: str, frame: FrameRow, found: Found
) -> None:
    """Also where there are none: those of the frame before must not stay."""
    import rerun as rr

    boxes = found.boxes.get(frame["frame_id"], [])
    corners = [[b[side] for side in SIDES] for b in boxes]
    names = [b["class_name"] for b in boxes]
    what = rr.Boxes2D(
        array=np.array(corners, float).reshape(-1, 4),
        array_format=rr.Box2DFormat.XYXY,
        labels=names,
        class_ids=[found.class_names.index(n) for n in names],
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
