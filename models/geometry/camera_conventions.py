"""Cameras and their places as other tools write them: ROS, Foxglove, Kalibr, EuRoC, COLMAP, nerfstudio; both ways.

What is written is the content of a message or a file as plain values, by the names of that tool. A camera that a tool
has no words for is refused (ValueError), never rounded to one that it has. What differs between them:

| tool | centre of the first pixel | place of a camera | fisheye is called |
|---|---|---|---|
| ROS | (0, 0) | by transforms | equidistant |
| Foxglove | (0, 0) | by transforms | kannala_brandt |
| Kalibr | (0, 0) | T_cam_imu: camera from rig | equi |
| EuRoC | (0, 0) | T_BS: rig from camera | equidistant |
| COLMAP | (0.5, 0.5) | camera from world, quaternion w x y z | OPENCV_FISHEYE |
| nerfstudio | (0.5, 0.5) | world from camera, y up and z back | OPENCV_FISHEYE |

Poses here are `rig_from_camera` (4, 4), camera x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.geometry.camera import Array, Camera
from models.geometry.lenses import (
    BROWN_CONRADY,
    DOUBLE_SPHERE,
    EXTENDED_UNIFIED,
    KANNALA_BRANDT,
)

Values = dict[str, Any]
_HALF_PX = 0.5
_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # y up and z back, from y down and z forward
_NUM_PLUMB_BOB, _NUM_RATIONAL, _NUM_TERMS = 5, 8, 4

# COLMAP's models: how many focal lengths, our name, and where each number that follows the centre goes
_COLMAP: dict[str, tuple[int, str | None, tuple[int, ...], int]] = {
    "SIMPLE_PINHOLE": (1, None, (), 0),
    "PINHOLE": (2, None, (), 0),
    "SIMPLE_RADIAL": (1, "plumb_bob", (0,), 4),
    "RADIAL": (1, "plumb_bob", (0, 1), 4),
    "OPENCV": (2, "plumb_bob", (0, 1, 2, 3), 4),
    "FULL_OPENCV": (2, "rational_polynomial", tuple(range(8)), 8),
    "SIMPLE_RADIAL_FISHEYE": (1, "equidistant", (0,), 4),
    "RADIAL_FISHEYE": (1, "equidistant", (0, 1), 4),
    "OPENCV_FISHEYE": (2, "equidistant", (0, 1, 2, 3), 4),
    "EUCM": (2, "eucm", (0, 1), 2),
}
COLMAP_MODELS = tuple(_COLMAP)


# ---- ROS and Foxglove --------------------------------------------------------------------------------------------


def to_ros(camera: Camera) -> Values:
    """Fields of sensor_msgs/CameraInfo, an unrectified camera by itself."""
    return _write_info(camera, "equidistant")


def from_ros(info: Mapping[str, Any]) -> Camera:
    """Of the fields of sensor_msgs/CameraInfo; ROS 1 writes K and D."""
    k, d = (info[key] if key in info else info[key.upper()] for key in ("k", "d"))
    return _read_info(info, k, d)


def to_foxglove(camera: Camera) -> Values:
    """Fields of foxglove.CameraCalibration, an unrectified camera by itself."""
    info = _write_info(camera, "kannala_brandt")
    return {key.upper() if len(key) == 1 else key: value for key, value in info.items()}


def from_foxglove(calibration: Mapping[str, Any]) -> Camera:
    """Of the fields of foxglove.CameraCalibration."""
    return _read_info(calibration, calibration["K"], calibration["D"])


def _write_info(camera: Camera, fisheye: str) -> Values:
    if camera.lens is KANNALA_BRANDT:
        model, d = fisheye, _take(camera, _NUM_TERMS)
    elif camera.lens is not BROWN_CONRADY:
        raise _no_words(camera, "CameraInfo")
    elif any(camera.distortion[_NUM_PLUMB_BOB:]):
        count = 12 if any(camera.distortion[_NUM_RATIONAL:]) else _NUM_RATIONAL
        model, d = "rational_polynomial", _take(camera, count)
    else:
        model, d = "plumb_bob", _take(camera, _NUM_PLUMB_BOB)
    k = camera.matrix
    return {
        "width": camera.size_px[0],
        "height": camera.size_px[1],
        "distortion_model": model,
        "d": d,
        "k": k.ravel().tolist(),
        "r": np.eye(3).ravel().tolist(),
        "p": np.column_stack([k, np.zeros(3)]).ravel().tolist(),
    }


def _read_info(
    info: Mapping[str, Any], k: Sequence[float], d: Sequence[float]
) -> Camera:
    model = str(info["distortion_model"]) or None
    return Camera(
        (int(info["width"]), int(info["height"])),
        (float(k[0]), float(k[4])),
        (float(k[2]), float(k[5])),
        model,
        tuple(map(float, d)),
    )


# ---- Kalibr and EuRoC --------------------------------------------------------------------------------------------


def to_kalibr(camera: Camera, rig_from_camera: Array | None = None) -> Values:
    """An entry of a camchain; the rig is the IMU where a place is given."""
    entry: Values = {"resolution": list(camera.size_px)}
    numbers = [*camera.focal_px, *camera.centre_px]
    if camera.lens in (DOUBLE_SPHERE, EXTENDED_UNIFIED):
        model = "ds" if camera.lens is DOUBLE_SPHERE else "eucm"
        entry |= {
            "camera_model": model,
            "distortion_model": "none",
            "distortion_coeffs": [],
        }
        entry["intrinsics"] = [*_take(camera, 2), *numbers]
    else:
        name, coefficients = _name_distortion(camera, "radtan", "equi", "Kalibr")
        entry |= {"camera_model": "pinhole", "intrinsics": numbers}
        entry |= {"distortion_model": name, "distortion_coeffs": coefficients}
    if rig_from_camera is not None:
        entry["T_cam_imu"] = np.linalg.inv(rig_from_camera).tolist()
    return entry


def from_kalibr(entry: Mapping[str, Any]) -> tuple[Camera, Array | None]:
    """The camera of an entry, and its place on the IMU's rig where `T_cam_imu` gives one.

    `omni` without distortion is the extended unified lens with beta = 1. Raises ValueError for other lenses.
    """
    intrinsics = [float(v) for v in entry["intrinsics"]]
    kind, bent = str(entry["camera_model"]), str(entry.get("distortion_model", "none"))
    coefficients = tuple(float(v) for v in entry.get("distortion_coeffs") or ())
    model: str | None
    if kind == "pinhole":
        names = {
            "radtan": "plumb_bob",
            "equi": "equidistant",
            "equidistant": "equidistant",
            "none": None,
        }
        if bent not in names:
            raise ValueError(
                f"distortion model '{bent[:40]}' of Kalibr is not read: {', '.join(names)} are"
            )
        model = names[bent]
    elif bent != "none" or kind not in ("ds", "eucm", "omni"):
        raise ValueError(
            f"'{kind[:40]}' with '{bent[:40]}' of Kalibr is not read: pinhole with any, and ds, eucm, omni without "
            "distortion are"
        )
    elif kind == "omni":
        xi, *intrinsics = intrinsics
        if not xi > -1:
            raise ValueError(
                f"xi {xi:g} of Kalibr's omni makes no lens: it is above -1"
            )
        # m = xi d + Z there, alpha d + (1 - alpha) Z here
        intrinsics[:2] = [f / (1 + xi) for f in intrinsics[:2]]
        model, coefficients = "eucm", (xi / (1 + xi), 1.0)
    else:
        model = "double_sphere" if kind == "ds" else "eucm"
        coefficients, intrinsics = (intrinsics[0], intrinsics[1]), intrinsics[2:]
    pose = entry.get("T_cam_imu")
    place = None if pose is None else np.linalg.inv(np.asarray(pose, np.float64))
    return _build(entry["resolution"], intrinsics, model, coefficients), place


def to_euroc(camera: Camera, rig_from_camera: Array) -> Values:
    """The content of a `sensor.yaml` of the ASL layout; the rig is the body."""
    name, coefficients = _name_distortion(
        camera, "radial-tangential", "equidistant", "EuRoC"
    )
    return {
        "sensor_type": "camera",
        "T_BS": {
            "rows": 4,
            "cols": 4,
            "data": np.asarray(rig_from_camera).ravel().tolist(),
        },
        "resolution": list(camera.size_px),
        "camera_model": "pinhole",
        "intrinsics": [*camera.focal_px, *camera.centre_px],
        "distortion_model": name,
        "distortion_coefficients": coefficients,
    }


def from_euroc(sensor: Mapping[str, Any]) -> tuple[Camera, Array]:
    """The camera of a `sensor.yaml`, and its place on the body. Raises ValueError for other lenses."""
    names = {
        "radial-tangential": "plumb_bob",
        "radtan": "plumb_bob",
        "equidistant": "equidistant",
        "none": None,
    }
    name = str(sensor["distortion_model"])
    if sensor["camera_model"] != "pinhole" or name not in names:
        raise ValueError(
            f"'{sensor['camera_model']}' with '{name[:40]}' is no camera of EuRoC"
        )
    coefficients = tuple(map(float, sensor["distortion_coefficients"]))
    camera = _build(
        sensor["resolution"], sensor["intrinsics"], names[name], coefficients
    )
    return camera, np.array(sensor["T_BS"]["data"], np.float64).reshape(4, 4)


# ---- COLMAP and nerfstudio ---------------------------------------------------------------------------------------


def to_colmap(camera: Camera) -> tuple[str, list[float]]:
    """Model and parameters of a COLMAP camera."""
    centre = [c + _HALF_PX for c in camera.centre_px]
    numbers = [*camera.focal_px, *centre]
    if not camera.is_distorted:
        return "PINHOLE", numbers
    if camera.lens is KANNALA_BRANDT:
        return "OPENCV_FISHEYE", numbers + _take(camera, _NUM_TERMS)
    if camera.lens is EXTENDED_UNIFIED:
        return "EUCM", numbers + _take(camera, 2)
    if camera.lens is DOUBLE_SPHERE or any(camera.distortion[_NUM_RATIONAL:]):
        raise _no_words(camera, "COLMAP")
    if any(camera.distortion[_NUM_TERMS:]):
        return "FULL_OPENCV", numbers + _take(camera, _NUM_RATIONAL)
    return "OPENCV", numbers + _take(camera, _NUM_TERMS)


def from_colmap(
    model: str, size_px: tuple[int, int], numbers: Sequence[float]
) -> Camera:
    """Of model, size and parameters. Raises ValueError for a model without a counterpart, or of another length."""
    if model not in _COLMAP:
        raise ValueError(
            f"camera model {model[:40]!r} is not read: {', '.join(_COLMAP)} are"
        )
    num_focal, name, places, count = _COLMAP[model]
    if len(numbers) != num_focal + 2 + len(places):
        raise ValueError(
            f"{len(numbers)} parameters where {model} has {num_focal + 2 + len(places)}"
        )
    coefficients = [0.0] * count
    for place, value in zip(places, numbers[num_focal + 2 :], strict=True):
        coefficients[place] = float(value)
    x, y = (float(c) - _HALF_PX for c in numbers[num_focal : num_focal + 2])
    focal_px = float(numbers[0]), float(numbers[num_focal - 1])
    return Camera(size_px, focal_px, (x, y), name, tuple(coefficients))


def to_colmap_pose(world_from_camera: Array) -> tuple[list[float], list[float]]:
    """Quaternion w x y z and translation of camera_from_world."""
    from scipy.spatial.transform import Rotation  # seconds to load

    camera_from_world = np.linalg.inv(world_from_camera)
    x, y, z, w = Rotation.from_matrix(camera_from_world[:3, :3]).as_quat(canonical=True)
    return [float(w), float(x), float(y), float(z)], camera_from_world[:3, 3].tolist()


def from_colmap_pose(
    quaternion_wxyz: Sequence[float], translation: Sequence[float]
) -> Array:
    """world_from_camera (4, 4)."""
    from scipy.spatial.transform import Rotation  # seconds to load

    w, x, y, z = quaternion_wxyz
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
    camera_from_world[:3, 3] = translation
    return np.asarray(np.linalg.inv(camera_from_world))


def to_nerfstudio(camera: Camera, world_from_camera: Array) -> Values:
    """Intrinsics and `transform_matrix` of a frame in `transforms.json`."""
    values: Values = {
        "w": camera.size_px[0],
        "h": camera.size_px[1],
        "fl_x": camera.focal_px[0],
        "fl_y": camera.focal_px[1],
        "cx": camera.centre_px[0] + _HALF_PX,
        "cy": camera.centre_px[1] + _HALF_PX,
        "transform_matrix": (np.asarray(world_from_camera) @ _FLIP).tolist(),
    }
    if camera.lens is KANNALA_BRANDT:
        names, values["camera_model"] = ("k1", "k2", "k3", "k4"), "OPENCV_FISHEYE"
    elif camera.lens is BROWN_CONRADY and not any(camera.distortion[_NUM_PLUMB_BOB:]):
        names, values["camera_model"] = ("k1", "k2", "p1", "p2", "k3"), "OPENCV"  # type: ignore[assignment]
    else:
        raise _no_words(camera, "nerfstudio")
    return values | dict(zip(names, _take(camera, len(names)), strict=True))


def from_nerfstudio(frame: Mapping[str, Any]) -> tuple[Camera, Array]:
    """The camera and world_from_camera (4, 4) of a frame, with what stands at the top of the file. Raises ValueError.

    Where no model is named it is OPENCV. A fourth radial term of that is one of nerfstudio alone, and is refused.
    """
    model = str(frame.get("camera_model", "OPENCV"))
    if model == "OPENCV_FISHEYE":
        name, keys = "equidistant", ("k1", "k2", "k3", "k4")
    elif model in ("OPENCV", "PINHOLE") and not frame.get("k4"):
        name, keys = "plumb_bob", ("k1", "k2", "p1", "p2", "k3")  # type: ignore[assignment]
    else:
        raise ValueError(
            f"camera model '{model[:40]}', k4 {frame.get('k4', 0)} of nerfstudio is not read"
        )
    centre = [float(frame[key]) - _HALF_PX for key in ("cx", "cy")]
    numbers = [float(frame["fl_x"]), float(frame["fl_y"]), *centre]
    coefficients = tuple(float(frame.get(key, 0.0)) for key in keys)
    pose = np.asarray(frame["transform_matrix"], np.float64) @ _FLIP
    return _build((frame["w"], frame["h"]), numbers, name, coefficients), pose


# ---- what they share ---------------------------------------------------------------------------------------------


def _name_distortion(
    camera: Camera, radial: str, fisheye: str, tool: str
) -> tuple[str, list[float]]:
    if not camera.is_distorted:
        return "none", []
    if camera.lens is KANNALA_BRANDT:
        return fisheye, _take(camera, _NUM_TERMS)
    if camera.lens is BROWN_CONRADY and not any(camera.distortion[_NUM_TERMS:]):
        return radial, _take(camera, _NUM_TERMS)
    raise _no_words(camera, tool)


def _take(camera: Camera, count: int) -> list[float]:
    """Its first coefficients, filled up with zeros."""
    return [*camera.distortion[:count], *[0.0] * (count - len(camera.distortion))]


def _build(
    size_px: Sequence[Any],
    numbers: Sequence[Any],
    model: str | None,
    coefficients: tuple[float, ...],
) -> Camera:
    width, height = size_px
    fx, fy, cx, cy = map(float, numbers)
    return Camera((int(width), int(height)), (fx, fy), (cx, cy), model, coefficients)


def _no_words(camera: Camera, tool: str) -> ValueError:
    name = camera.distortion_model or "plumb_bob"
    return ValueError(
        f"{tool} has no words for a lens '{name}' with {len(camera.distortion)} coefficients: calibrate with one that "
        "it knows, such as radtan or equidistant"
    )
