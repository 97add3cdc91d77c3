"""Encode what the simulated rig measures: Foxglove protobuf, ROS 2 Imu, and JSON for the truth."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.geometry.camera import Camera
from models.simulation.camera import Rig, quaternion_xyzw
from models.simulation.labels import FrameTruth

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

NS = 1_000_000_000
SENSOR_FRAMES = {s: f"camera_{s}" for s in ("left", "right", "depth")}
CLASS_COLORS = {
    "box": (1.0, 0.72, 0.2),
    "ball": (0.2, 0.85, 1.0),
    "cylinder": (0.75, 0.5, 1.0),
    "cone": (1.0, 0.35, 0.3),
}

GROUND_TRUTH_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "daguerre.GroundTruth",
    "type": "object",
    "required": ["sensor", "t_ns", "recognition", "objects"],
    "properties": {
        "sensor": {"type": "string"},
        "t_ns": {
            "type": "integer",
            "description": "stamp of the frame that these labels belong to",
        },
        "recognition": {
            "type": ["string", "null"],
            "description": "class of the largest visible object",
        },
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "class_name",
                    "track_id",
                    "box_xyxy",
                    "mask_rle",
                    "mask_size",
                ],
                "properties": {
                    "class_name": {"type": "string"},
                    "track_id": {"type": "integer"},
                    "box_xyxy": {
                        "type": "array",
                        "items": {"type": "number"},
                        "description": "px, outer corners",
                    },
                    "mask_rle": {
                        "type": "string",
                        "description": "COCO compressed counts",
                    },
                    "mask_size": {
                        "type": "array",
                        "items": {"type": "integer"},
                        "description": "height, width",
                    },
                },
            },
        },
        "class_masks": {
            "type": "array",
            "description": "one a class; each pixel is in exactly one, `background` being a class",
            "items": {
                "type": "object",
                "required": ["class_name", "mask_rle"],
                "properties": {
                    "class_name": {"type": "string"},
                    "mask_rle": {
                        "type": "string",
                        "description": "COCO compressed counts",
                    },
                },
            },
        },
    },
}

_RULE = "=" * 80
IMU_SCHEMA = f"""std_msgs/Header header
geometry_msgs/Quaternion orientation
float64[9] orientation_covariance
geometry_msgs/Vector3 angular_velocity
float64[9] angular_velocity_covariance
geometry_msgs/Vector3 linear_acceleration
float64[9] linear_acceleration_covariance
{_RULE}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
{_RULE}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
{_RULE}
MSG: geometry_msgs/Quaternion
float64 x
float64 y
float64 z
float64 w
{_RULE}
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
"""


def make_image(payload: bytes, image_format: str, sensor: str, t_ns: int) -> Any:
    """foxglove.CompressedImage of encoded bytes; `image_format` is "jpeg" or "png"."""
    from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage

    return CompressedImage(
        timestamp=_stamp(t_ns),
        frame_id=SENSOR_FRAMES[sensor],
        data=payload,
        format=image_format,
    )


def make_calibration(rig: Rig, sensor: str, t_ns: int) -> Any:
    """foxglove.CameraCalibration as published: no distortion, rectified pair, the baseline in P of the right camera."""
    from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration

    width, height = rig.camera.size_px
    fx, fy = rig.camera.focal_px
    cx, cy = rig.camera.centre_px
    shift = -fx * rig.baseline_m if sensor == "right" else 0.0
    return CameraCalibration(
        timestamp=_stamp(t_ns),
        frame_id=SENSOR_FRAMES[sensor],
        width=width,
        height=height,
        distortion_model="plumb_bob",
        D=[0.0] * 5,
        K=[fx, 0, cx, 0, fy, cy, 0, 0, 1],
        R=[1, 0, 0, 0, 1, 0, 0, 0, 1],
        P=[fx, 0, cx, shift, 0, fy, cy, 0, 0, 0, 1, 0],
    )


def make_transform(
    parent: str, child: str, parent_from_child: NDArray[np.floating], t_ns: int
) -> Any:
    """foxglove.FrameTransform of a pose (4, 4)."""
    from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
    from foxglove_schemas_protobuf.Quaternion_pb2 import Quaternion
    from foxglove_schemas_protobuf.Vector3_pb2 import Vector3

    x, y, z, w = quaternion_xyzw(parent_from_child[:3, :3])
    px, py, pz = (float(v) for v in parent_from_child[:3, 3])
    return FrameTransform(
        timestamp=_stamp(t_ns),
        parent_frame_id=parent,
        child_frame_id=child,
        translation=Vector3(x=px, y=py, z=pz),
        rotation=Quaternion(x=x, y=y, z=z, w=w),
    )


def make_annotations(truth: FrameTruth, t_ns: int) -> Any:
    """foxglove.ImageAnnotations: one outlined box and a caption per object."""
    from foxglove_schemas_protobuf.Color_pb2 import Color
    from foxglove_schemas_protobuf.ImageAnnotations_pb2 import ImageAnnotations
    from foxglove_schemas_protobuf.Point2_pb2 import Point2
    from foxglove_schemas_protobuf.PointsAnnotation_pb2 import PointsAnnotation
    from foxglove_schemas_protobuf.TextAnnotation_pb2 import TextAnnotation

    stamp = _stamp(t_ns)
    message = ImageAnnotations()
    for label in truth.objects:
        red, green, blue = CLASS_COLORS[label.class_name]
        color = Color(r=red, g=green, b=blue, a=1.0)
        x0, y0, x1, y1 = label.box_xyxy
        corners = [
            Point2(x=x, y=y) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        ]
        message.points.append(
            PointsAnnotation(
                timestamp=stamp,
                type=PointsAnnotation.LINE_LOOP,
                points=corners,
                outline_color=color,
                thickness=2.0,
            )
        )
        message.texts.append(
            TextAnnotation(
                timestamp=stamp,
                position=Point2(x=x0, y=y0),
                font_size=10.0,
                text=f"{label.class_name} {label.track_id}",
                text_color=color,
                background_color=Color(a=0.6),
            )
        )
    return message


def encode_truth(truth: FrameTruth, sensor: str, t_ns: int, camera: Camera) -> bytes:
    """JSON of one frame's labels, in the form of GROUND_TRUTH_SCHEMA."""
    objects = [
        {
            "class_name": label.class_name,
            "track_id": label.track_id,
            "box_xyxy": list(label.box_xyxy),
            "mask_rle": label.mask_rle,
            "mask_size": list(camera.size_px[::-1]),
        }
        for label in truth.objects
    ]
    record = {
        "sensor": sensor,
        "t_ns": t_ns,
        "recognition": truth.recognition,
        "objects": objects,
        "class_masks": [
            {"class_name": name, "mask_rle": mask}
            for name, mask in truth.class_masks.items()
        ],
    }
    return json.dumps(record, separators=(",", ":")).encode()


def encode_imu(
    t_ns: int,
    gyro_rad_s: Sequence[float],
    force_m_s2: Sequence[float],
    frame_id: str = "rig",
) -> bytes:
    """sensor_msgs/msg/Imu in little-endian CDR (OMG DDS-XTypes 1.3, 7.4): orientation unknown (covariance -1)."""
    name = frame_id.encode() + b"\0"
    head = struct.pack("<iII", t_ns // NS, t_ns % NS, len(name)) + name
    # doubles lie on multiples of 8 after the encapsulation header
    head += b"\0" * (-len(head) % 8)
    return (
        b"\0\1\0\0"
        + head
        + _IMU_BODY.pack(
            0.0,
            0.0,
            0.0,
            1.0,
            -1.0,
            *_ZEROS[:8],
            *gyro_rad_s,
            *_GYRO_COVARIANCE,
            *force_m_s2,
            *_FORCE_COVARIANCE,
        )
    )


_IMU_BODY = struct.Struct("<37d")
_ZEROS = (0.0,) * 9
_GYRO_COVARIANCE = (2.25e-6, 0.0, 0.0, 0.0, 2.25e-6, 0.0, 0.0, 0.0, 2.25e-6)
_FORCE_COVARIANCE = (2.25e-4, 0.0, 0.0, 0.0, 2.25e-4, 0.0, 0.0, 0.0, 2.25e-4)


def _stamp(t_ns: int) -> Timestamp:
    from google.protobuf.timestamp_pb2 import Timestamp

    return Timestamp(seconds=t_ns // NS, nanos=t_ns % NS)
