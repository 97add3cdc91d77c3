"""Pinhole camera and stereo rig: how pixels, camera, rig and world relate.

Frames of reference: `world` has z up, the table top at z = 0; `rig` is x forward, y left, z up (REP 103); a `camera` is
the optical frame, x right, y down, z forward. Pixel coordinates put the centre of the top-left pixel at (0, 0), as
OpenCV and ROS do; boxes put the outer corner of that pixel at (0, 0), so box coordinates are pixel coordinates + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.geometry.camera import Camera

Array = NDArray[np.floating]

RIG_FROM_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
# a horizontal field of view of 68 degrees, that of common depth cameras
FOCAL_PER_WIDTH = 0.74


def make_camera(width_px: int, height_px: int) -> Camera:
    """A camera of the given size with square pixels and the principal point in the middle of the image."""
    focal_px = FOCAL_PER_WIDTH * width_px
    centre_px = (width_px - 1) / 2, (height_px - 1) / 2
    return Camera((width_px, height_px), (focal_px, focal_px), centre_px)


@dataclass(frozen=True)
class Rig:
    """A stereo colour pair and a depth camera aligned to the left one; the IMU sits in the rig's origin.

    `true_tilt_rad` is how far the right camera is really turned (rotation vector, camera frame) against the calibration
    that the rig publishes: zero in a well-kept rig.
    """

    camera: Camera
    baseline_m: float = 0.06
    true_tilt_rad: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))

    def rig_from_camera(self, sensor: str) -> Array:
        """Published pose (4, 4) of "left", "right" or "depth" on the rig."""
        side = {"left": 0.5, "depth": 0.5, "right": -0.5}[sensor]
        return transform(RIG_FROM_OPTICAL, [0.0, side * self.baseline_m, 0.0])

    def true_rig_from_camera(self, sensor: str) -> Array:
        """The pose (4, 4) that light obeys: the published one, then the right camera's tilt."""
        pose = self.rig_from_camera(sensor)
        if sensor == "right":
            pose = pose @ transform(
                rotation_from_vector(self.true_tilt_rad), [0.0, 0.0, 0.0]
            )
        return pose


def transform(rotation: Array, translation_m: Array | list[float]) -> Array:
    """The (4, 4) matrix a_from_b of a rotation (3, 3) and the origin of b in a."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = translation_m
    return matrix


def rotation_zyx(
    yaw_rad: Array | float, pitch_rad: Array | float, roll_rad: Array | float
) -> Array:
    """Rotations (..., 3, 3) = Rz(yaw) Ry(pitch) Rx(roll): for a rig, positive pitch looks down."""
    cy = np.cos(yaw_rad)
    sy = np.sin(yaw_rad)
    cp = np.cos(pitch_rad)
    sp = np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.stack(
        [np.stack(np.broadcast_arrays(*row), axis=-1) for row in rows], axis=-2
    )


def rotation_from_vector(vector_rad: Array | tuple[float, float, float]) -> Array:
    """The rotation (3, 3) about an axis by its length (Rodrigues' formula)."""
    vector = np.asarray(vector_rad, np.float64)
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle if angle > 1e-12 else vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def quaternion_xyzw(rotation: Array) -> tuple[float, float, float, float]:
    """Unit quaternion (x, y, z, w >= 0) of a rotation (3, 3), by the largest component (Shepperd 1978)."""
    m = np.asarray(rotation, np.float64)
    squares = np.array(
        [
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
            1 + m[0, 0] + m[1, 1] + m[2, 2],
        ]
    )
    products = np.array(
        [
            [squares[0], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
            [m[0, 1] + m[1, 0], squares[1], m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[2], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], squares[3]],
        ]
    )
    q = products[int(np.argmax(squares))]
    q = q / np.linalg.norm(q) * (1.0 if q[3] >= 0 else -1.0)
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])
