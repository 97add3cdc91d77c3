"""Write a small data set of nuScenes: two scenes of a car that turns, two cameras, a lidar and a radar, boxes in 3D."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

VERSION = "v1.0-mini"
START_US = 1_532_402_927_647_951
NUM_KEY_FRAMES = 3
SIZE_PX = (32, 18)
# w, x, y, z: cameras look along z, so ahead is z of the camera and x of the car
_AHEAD = (0.5, -0.5, 0.5, -0.5)
_PLACES = {
    "CAM_FRONT": ((1.7, 0.015, 1.51), _AHEAD),
    "CAM_BACK": ((0.03, 0.003, 1.57), (0.5, -0.5, -0.5, 0.5)),
    "LIDAR_TOP": ((0.94, 0.0, 1.84), (math.sqrt(0.5), 0.0, 0.0, -math.sqrt(0.5))),
    "RADAR_FRONT": ((3.41, 0.0, 0.5), (1.0, 0.0, 0.0, 0.0)),
}
_MODALITIES = {"CAM": "camera", "LIDAR": "lidar", "RADAR": "radar"}
_INTRINSICS = [[126.6, 0.0, 16.3], [0.0, 126.4, 9.8], [0.0, 0.0, 1.0]]
_LOG = "n015-2018-07-24-11-22-45+0800"
_RADAR_FIELDS = (
    "x y z dyn_prop id rcs vx vy vx_comp vy_comp is_quality_valid ambig_state x_rms y_rms invalid_state pdh0 vx_rms "
    "vy_rms"
)
_RADAR_HEAD = f"""# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS {_RADAR_FIELDS}
SIZE 4 4 4 1 2 4 4 4 4 4 1 1 1 1 1 1 1 1
TYPE F F F I I F F F F F I I I I I I I I
COUNT 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
WIDTH 2
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 2
DATA binary
"""
Tables = dict[str, list[dict[str, Any]]]


def token_of(*parts: object) -> str:
    return hashlib.md5("/".join(map(str, parts)).encode()).hexdigest()


def write_scenes(
    root: Path, scenes: tuple[str, ...] = ("scene-0061", "scene-0103")
) -> Tables:
    """The tables and files below `root`; what the tables hold."""
    tables: Tables = defaultdict(list)
    tables["log"] = [
        {
            "token": token_of("log"),
            "logfile": _LOG,
            "vehicle": "n015",
            "date_captured": "2018-07-24",
            "location": "singapore-onenorth",
        }
    ]
    for channel, (xyz, wxyz) in _PLACES.items():
        modality = _MODALITIES[channel.split("_")[0]]
        tables["sensor"].append(
            {"token": token_of(channel), "channel": channel, "modality": modality}
        )
        for scene in scenes:
            tables["calibrated_sensor"].append(
                {
                    "token": token_of(scene, channel),
                    "sensor_token": token_of(channel),
                    "translation": list(xyz),
                    "rotation": list(wxyz),
                    "camera_intrinsic": _INTRINSICS if modality == "camera" else [],
                }
            )
    _write_classes(tables)
    for number, scene in enumerate(scenes):
        _write_scene(root, tables, scene, START_US + number * 600_000_000)
    _write_map(root, tables)
    folder = root / VERSION
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(rows, indent=0))
    return tables


def _write_classes(tables: Tables) -> None:
    tables["category"] = [
        {"token": token_of("car"), "name": "vehicle.car", "description": "", "index": 1}
    ]
    tables["attribute"] = [
        {"token": token_of("parked"), "name": "vehicle.parked", "description": ""}
    ]
    tables["visibility"] = [
        {"token": "4", "level": "v80-100", "description": "80 to 100 %"}
    ]


def _write_scene(root: Path, tables: Tables, scene: str, start_us: int) -> None:
    samples = [token_of(scene, "sample", n) for n in range(NUM_KEY_FRAMES)]
    tables["scene"].append(
        {
            "token": token_of(scene),
            "log_token": token_of("log"),
            "nbr_samples": NUM_KEY_FRAMES,
            "first_sample_token": samples[0],
            "last_sample_token": samples[-1],
            "name": scene,
            "description": "Parked car, turn left",
        }
    )
    for number, sample in enumerate(samples):
        tables["sample"].append(
            {
                "token": sample,
                "timestamp": start_us + number * 500_000,
                "scene_token": token_of(scene),
                **_neighbours(samples, number),
            }
        )
    _write_boxes(tables, scene, samples)
    for offset_us, channel in enumerate(_PLACES):
        _write_sensor(
            root, tables, (scene, channel), samples, start_us + 11 * offset_us
        )


def _neighbours(tokens: list[str], number: int) -> dict[str, str]:
    after = tokens[number + 1] if number + 1 < len(tokens) else ""
    return {"prev": tokens[number - 1] if number else "", "next": after}


def _write_boxes(tables: Tables, scene: str, samples: list[str]) -> None:
    instance = token_of(scene, "instance")
    boxes = [token_of(scene, "box", n) for n in range(len(samples))]
    tables["instance"].append(
        {
            "token": instance,
            "category_token": token_of("car"),
            "nbr_annotations": len(samples),
            "first_annotation_token": boxes[0],
            "last_annotation_token": boxes[-1],
        }
    )
    for number, (box, sample) in enumerate(zip(boxes, samples, strict=True)):
        tables["sample_annotation"].append(
            {
                "token": box,
                "sample_token": sample,
                "instance_token": instance,
                "visibility_token": "4",
                "attribute_tokens": [token_of("parked")],
                "translation": [373.2, 1130.4, 0.8],
                "size": [1.9, 4.6, 1.7],
                "rotation": [1.0, 0.0, 0.0, 0.0],
                "num_lidar_pts": 5,
                "num_radar_pts": 0,
                **_neighbours(boxes, number),
            }
        )


def _write_sensor(
    root: Path,
    tables: Tables,
    sensor: tuple[str, str],
    samples: list[str],
    start_us: int,
) -> None:
    """A file each 250 ms: key frames below `samples`, those between below `sweeps`."""
    scene, channel = sensor
    num_files = 2 * len(samples) - 1
    tokens = [token_of(scene, channel, "data", n) for n in range(num_files)]
    for number, token in enumerate(tokens):
        t_us = start_us + number * 250_000
        is_camera = channel.startswith("CAM")
        is_key_frame = number % 2 == 0
        ending = {"C": "jpg", "L": "pcd.bin", "R": "pcd"}[channel[0]]
        folder = "samples" if is_key_frame else "sweeps"
        name = f"{folder}/{channel}/{_LOG}__{channel}__{t_us}.{ending}"
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_make_file(channel, len(tables["sample_data"])))
        tables["ego_pose"].append(
            {
                "token": token,
                "timestamp": t_us,
                "rotation": _turn(number * 0.05),
                "translation": [411.25 + number, 1180.75 - 0.5 * number, 0.0],
            }
        )
        tables["sample_data"].append(
            {
                "token": token,
                "sample_token": samples[(number + 1) // 2],
                "ego_pose_token": token,
                "calibrated_sensor_token": token_of(scene, channel),
                "timestamp": t_us,
                "fileformat": "jpg" if is_camera else "pcd",
                "is_key_frame": is_key_frame,
                "height": SIZE_PX[1] if is_camera else 0,
                "width": SIZE_PX[0] if is_camera else 0,
                "filename": name,
                **_neighbours(tokens, number),
            }
        )


def _turn(angle_rad: float) -> list[float]:
    """About z, w first."""
    return [math.cos(angle_rad / 2), 0.0, 0.0, math.sin(angle_rad / 2)]


def _make_file(channel: str, number: int) -> bytes:
    if channel.startswith("CAM"):
        shape = (SIZE_PX[1], SIZE_PX[0], 3)
        picture = np.random.default_rng(number).integers(0, 256, shape, np.uint8)
        return cv2.imencode(".jpg", picture)[1].tobytes()
    if channel.startswith("LIDAR"):
        return struct.pack("<10f", 1, 2, 3, 40, 5, -6, 7, number, 80, 31)
    state = (1, 3, 19, 19, 0, 1, 16, 3)
    points = [
        struct.pack("<fffbhfffff8b", x, 1, 0, 1, number, 2.5, 1, 2, 3, 4, *state)
        for x in (9, 10)
    ]
    # the devkit wants a byte behind the last point
    return _RADAR_HEAD.encode() + b"".join(points) + b"\n"


def _write_map(root: Path, tables: Tables) -> None:
    path = root / "maps" / "53992ee3.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())
    tables["map"] = [
        {
            "token": token_of("map"),
            "log_tokens": [token_of("log")],
            "category": "semantic_prior",
            "filename": "maps/53992ee3.png",
        }
    ]
