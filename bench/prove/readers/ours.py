"""Daguerre's rows of an input, in the words that the reference reader of the format has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from assets.formats import plan_session, read_capture
from assets.formats.observations import (
    AnnotationObservation,
    CalibrationObservation,
    FrameObservation,
    LabelObservation,
    Observation,
    ScanObservation,
    SignalObservation,
)
from assets.formats.points.encodings import decode_scan
from assets.formats.sequences.sequence_files import matrix_of_pose
from assets.storage import Folder
from bench.prove.readers.rows import NOTHING, Row
from models.geometry.camera import Camera
from models.masks import decode_counts

_NS = 1_000_000_000


def _read(root: Path) -> Iterator[Observation]:
    folder = Folder(str(root))
    for plan in plan_session(folder.files(), folder.open)[0]:
        yield from read_capture(plan, folder.open)


def list_boxes(root: Path) -> Iterator[Row]:
    """Boxes and class names of pictures, and the pictures that show nothing."""
    for seen in _read(root):
        if isinstance(seen, AnnotationObservation) and _is_empty(seen):
            yield Row(str(seen.frame_path), NOTHING, 0, ())
        elif isinstance(seen, LabelObservation) and seen.box_xyxy:
            yield Row(str(seen.frame_path), seen.class_name, 0, seen.box_xyxy)


def _is_empty(seen: AnnotationObservation) -> bool:
    return seen.task == "detection" and not seen.num_labels + seen.num_missing


def list_messages(root: Path) -> Iterator[Row]:
    """Pictures, calibrations and signals of recordings. Raw pictures count by their pixels, RGB."""
    for seen in _read(root):
        if isinstance(seen, FrameObservation):
            yield _read_picture(seen)
        elif isinstance(seen, CalibrationObservation):
            name = f"calibration {seen.distortion_model}"
            size = (seen.width_px, seen.height_px)
            focal = (seen.fx_px, seen.fy_px)
            centre = (seen.cx_px, seen.cy_px)
            values = tuple(map(float, (*size, *focal, *centre, *seen.distortion)))
            yield Row(seen.sensor, name, 0, values)
        elif isinstance(seen, SignalObservation):
            place = ">".join(
                part for part in (seen.frame_of_reference, seen.child_frame) if part
            )
            place = "wgs84" if seen.kind == "gnss" else place
            yield Row(place, seen.kind, seen.t_ns or 0, tuple(seen.values))


def _read_picture(frame: FrameObservation) -> Row:
    if frame.encoding == "jpeg":
        name = "picture"
        content = frame.payload
    else:
        pixels = cv2.imdecode(np.frombuffer(frame.payload, np.uint8), cv2.IMREAD_COLOR)
        name = "pixels"
        content = pixels[:, :, ::-1].tobytes()
    digest = hashlib.sha256(content).hexdigest()
    return Row(frame.sensor, name, frame.t_ns or 0, (digest,))


def list_poses(root: Path) -> Iterator[Row]:
    """Poses of trajectories, with their times rounded to the nearest seconds that a float holds."""
    for seen in _read(root):
        if isinstance(seen, SignalObservation) and seen.kind in ("pose", "odometry"):
            assert seen.t_ns is not None
            yield Row(seen.sensor, "pose", 0, (seen.t_ns / _NS, *seen.values))


def list_odometry(root: Path) -> Iterator[Row]:
    """Odometry of recordings, with times as `list_poses` has them."""
    for seen in _read(root):
        if isinstance(seen, SignalObservation) and seen.kind == "odometry":
            assert seen.t_ns is not None
            yield Row("odom", "pose", 0, (seen.t_ns / _NS, *seen.values))


def list_drive(root: Path) -> Iterator[Row]:
    """GNSS and IMU of a drive, intrinsics, and the places of the cameras as 3x4 matrices."""
    for seen in _read(root):
        if isinstance(seen, SignalObservation):
            place = "wgs84" if seen.kind == "gnss" else "imu"
            yield Row(place, seen.kind, seen.t_ns or 0, tuple(seen.values))
        elif isinstance(seen, CalibrationObservation):
            yield from _list_camera(seen)


def list_model(root: Path) -> Iterator[Row]:
    """Poses of a reconstruction as 3x4 matrices, and what the cameras make of the points in `points.json`."""
    points = np.array(json.loads((root / "points.json").read_text()))
    for seen in _read(root):
        if isinstance(seen, SignalObservation):
            matrix = matrix_of_pose(seen.values)[:3].ravel()
            yield Row(seen.sensor, "pose", 0, tuple(map(float, matrix)))
        elif isinstance(seen, CalibrationObservation):
            camera = Camera(
                (seen.width_px, seen.height_px),
                (seen.fx_px, seen.fy_px),
                (seen.cx_px, seen.cy_px),
                seen.distortion_model,
                tuple(seen.distortion),
            )
            pixels = camera.project(points).ravel()
            yield Row(seen.sensor, "pixels", 0, tuple(map(float, pixels)))


def list_sequence(root: Path) -> Iterator[Row]:
    """Poses of a sequence with their times, intrinsics, and the places of the cameras as 3x4 matrices."""
    for seen in _read(root):
        if isinstance(seen, SignalObservation):
            matrix = matrix_of_pose(seen.values)[:3].ravel()
            yield Row("poses", "pose", seen.t_ns or 0, tuple(map(float, matrix)))
        elif isinstance(seen, CalibrationObservation):
            yield from _list_camera(seen)


def _list_camera(seen: CalibrationObservation) -> Iterator[Row]:
    assert seen.rig_from_camera is not None
    place = matrix_of_pose(seen.rig_from_camera)[:3].ravel()
    intrinsics = (seen.fx_px, seen.fy_px, seen.cx_px, seen.cy_px)
    yield Row(seen.sensor, "intrinsics", 0, intrinsics)
    yield Row(seen.sensor, "place", 0, tuple(map(float, place)))


def list_scenes(root: Path) -> Iterator[Row]:
    """Files with their times, calibrations, poses as 3x4 matrices, and points without the ring of a lidar."""
    for seen in _read(root):
        if isinstance(seen, FrameObservation):
            yield Row(seen.sensor, "file", seen.t_ns or 0, (seen.source.path,))
        elif isinstance(seen, ScanObservation):
            yield Row(seen.sensor, "file", seen.t_ns or 0, (seen.source.path,))
            assert seen.payload is not None
            points = decode_scan(seen.encoding, seen.payload).points
            fields = [n for n in points.dtype.names or () if n != "ring"]
            values = np.stack([points[name].astype(float) for name in fields], axis=1)
            yield Row(seen.sensor, "points", seen.t_ns or 0, tuple(values.ravel()))
        elif isinstance(seen, SignalObservation):
            name = "pose" if seen.kind == "pose" else "place"
            matrix = matrix_of_pose(seen.values)[:3].ravel()
            yield Row(seen.sensor, name, seen.t_ns or 0, tuple(map(float, matrix)))
        elif isinstance(seen, CalibrationObservation):
            yield from _list_camera(seen)


def list_project(root: Path) -> Iterator[Row]:
    """Boxes of a project's figures, and how many pixels its bitmaps have."""
    for seen in _read(root):
        if isinstance(seen, LabelObservation) and seen.box_xyxy:
            yield Row(str(seen.frame_path), seen.class_name, 0, seen.box_xyxy)
            if seen.mask_rle and seen.class_name == "mask":
                pixels = sum(decode_counts(seen.mask_rle)[1::2])
                name = f"{seen.class_name} area"
                yield Row(str(seen.frame_path), name, 0, (float(pixels),))


def list_matrices(root: Path) -> Iterator[Row]:
    """Poses without a time, by their number."""
    poses = [
        seen
        for seen in _read(root)
        if isinstance(seen, SignalObservation) and seen.kind == "pose"
    ]
    for number, seen in enumerate(poses):
        yield Row(f"pose {number}", "pose", 0, tuple(seen.values))
