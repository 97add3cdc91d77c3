"""Read the calibration files of KITTI: intrinsics of the four cameras, and their place on the car.

Raw drives have three files a day, object and odometry data one file with `P0` .. `P3`, for rectified pictures.

Images of "sync" drives are rectified, those of "extract" drives are not; their size tells which (`S_rect_xx` or
`S_xx`). The rig is the IMU where all three files are there, otherwise camera 00 as the images have it.
Names: `R_xx`, `T_xx` take from camera 00 to camera xx, `R_rect_xx` to the rectified camera, `P_rect_xx` projects from
the rectified camera 00 (Geiger et al., IJRR 2013).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from assets.formats.observations import CalibrationObservation, Problem
from assets.formats.protocol import Opener, UnreadableBytes, whole_file
from assets.formats.sequences.sequence_files import (
    parse_numbers,
    pose_of_matrix,
    read_lines,
)
from assets.storage import SessionFile

_CAMERAS, _VELO_TO_CAM, _IMU_TO_VELO = CALIBRATION_FILES = (
    "calib_cam_to_cam.txt",
    "calib_velo_to_cam.txt",
    "calib_imu_to_velo.txt",
)
_IMU_CHAIN = frozenset({"R0_rect", "Tr_velo_to_cam", "Tr_imu_to_velo"})
_REMEDY = "copy the calibration of the day again"

Entries = dict[str, str]


def read_calibrations(
    reader: str,
    tables: Mapping[str, SessionFile],
    sizes: Mapping[str, tuple[int, int]],
    opener: Opener,
    notes: dict[str, str],
) -> Iterator[CalibrationObservation | Problem]:
    """One calibration for each camera of `sizes` (sensor -> image width and height, px)."""
    entries: dict[str, Entries] = {}
    for name, file in tables.items():
        try:
            entries[name] = read_entries(file, opener)
        except UnreadableBytes as error:
            yield Problem(whole_file(file), reader, error.reason, error.remedy)
    if _CAMERAS not in entries:
        notes["no calibration"] = f"there is no {_CAMERAS} that can be read"
        return
    cam0_from_imu = None
    if _VELO_TO_CAM in entries and _IMU_TO_VELO in entries:
        try:
            cam0_from_imu = _read_rigid(entries[_VELO_TO_CAM], "") @ _read_rigid(
                entries[_IMU_TO_VELO], ""
            )
        except ValueError as error:
            yield Problem(
                whole_file(tables[_IMU_TO_VELO]),
                reader,
                f"no place of the cameras: {error}",
                _REMEDY,
            )
    notes["rig"] = (
        "the IMU" if cam0_from_imu is not None else "camera 00, as its images are"
    )
    file = tables[_CAMERAS]
    for sensor, size_px in sorted(sizes.items()):
        try:
            yield _read_camera(entries[_CAMERAS], sensor, size_px, cam0_from_imu, file)
        except ValueError as error:
            yield Problem(
                whole_file(file),
                reader,
                f"{sensor} has no calibration: {error}",
                _REMEDY,
                sensor,
            )


def read_entries(file: SessionFile, opener: Opener) -> Entries:
    """`name: values` of each line. Raises UnreadableBytes."""
    return {key.strip(): value for key, _, value in _split_lines(file, opener)}


def has_place_of_imu(entries: Entries) -> bool:
    """Whether a file with `P0` .. `P3` places the IMU."""
    return entries.keys() >= _IMU_CHAIN


def read_projection(
    entries: Entries, sensor: str, size_px: tuple[int, int], file: SessionFile
) -> CalibrationObservation:
    """Camera n of `image_n` from `Pn`, which projects from the rectified camera 0; images of `size_px`.

    The rig is the IMU where the file has `R0_rect`, `Tr_velo_to_cam` and `Tr_imu_to_velo`, otherwise the rectified
    camera 0. Raises ValueError.
    """
    key = f"P{sensor.removeprefix('image_')}"
    k = _read_matrix(entries, key, 3, 4)
    if k[0, 1] or k[1, 0] or tuple(k[2, :3]) != (0, 0, 1) or min(k[0, 0], k[1, 1]) <= 0:
        raise ValueError(f"{key} has entries that a pinhole camera does not have")
    camera_from_rig = np.eye(4)
    camera_from_rig[:3, 3] = np.linalg.solve(k[:, :3], k[:, 3])  # P = K [I | t]
    if has_place_of_imu(entries):
        camera_from_rig = (
            camera_from_rig
            @ _read_rotation(entries, "R0_rect")
            @ _read_transform(entries, "Tr_velo_to_cam")
            @ _read_transform(entries, "Tr_imu_to_velo")
        )
    return _observe(sensor, size_px, k, None, (), camera_from_rig, file)


def _read_camera(
    entries: Entries,
    sensor: str,
    size_px: tuple[int, int],
    cam0_from_imu: np.ndarray | None,
    file: SessionFile,
) -> CalibrationObservation:
    number = sensor.removeprefix("image_")
    rectified = _read_size(entries, f"S_rect_{number}")
    plain = _read_size(entries, f"S_{number}")
    if size_px not in (rectified, plain):
        raise ValueError(
            f"its images are {size_px[0]}x{size_px[1]} px, the file is for {rectified} or {plain}"
        )
    distortion: tuple[float, ...] = ()
    if size_px == rectified:
        model = None
        k = _read_matrix(entries, f"P_rect_{number}", 3, 4)
        camera_from_rig = np.eye(4)
        camera_from_rig[:3, 3] = np.linalg.solve(k[:, :3], k[:, 3])  # P = K [I | t]
        if cam0_from_imu is not None:
            camera_from_rig = (
                camera_from_rig @ _read_rotation(entries, "R_rect_00") @ cam0_from_imu
            )
    else:
        model = "plumb_bob"
        k = _read_matrix(entries, f"K_{number}", 3, 3)
        distortion = parse_numbers(_values(entries, f"D_{number}"), 5)
        camera_from_rig = _read_rigid(entries, f"_{number}")
        if cam0_from_imu is not None:
            camera_from_rig = camera_from_rig @ cam0_from_imu
    return _observe(sensor, size_px, k, model, distortion, camera_from_rig, file)


def _observe(
    sensor: str,
    size_px: tuple[int, int],
    k: np.ndarray,
    model: str | None,
    distortion: tuple[float, ...],
    camera_from_rig: np.ndarray,
    file: SessionFile,
) -> CalibrationObservation:
    fx, fy, cx, cy = (float(v) for v in (k[0, 0], k[1, 1], k[0, 2], k[1, 2]))
    if min(fx, fy) <= 0:
        raise ValueError(f"focal lengths {fx} and {fy} px are not above 0")
    pose = pose_of_matrix(np.linalg.inv(camera_from_rig))
    return CalibrationObservation(
        sensor, *size_px, fx, fy, cx, cy, whole_file(file), model, distortion, pose
    )


def _split_lines(file: SessionFile, opener: Opener) -> Iterator[tuple[str, str, str]]:
    for line in read_lines(file, opener):
        yield line.text.partition(":")


def _values(entries: Entries, key: str) -> list[str]:
    if key not in entries:
        raise ValueError(f"there is no {key}")
    return entries[key].split()


def _read_matrix(entries: Entries, key: str, rows: int, columns: int) -> np.ndarray:
    try:
        return np.array(parse_numbers(_values(entries, key), rows * columns)).reshape(
            rows, columns
        )
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _read_rigid(entries: Entries, ending: str) -> np.ndarray:
    """4x4 of `R<ending>` and `T<ending>`."""
    matrix = _read_rotation(entries, f"R{ending}")
    matrix[:3, 3] = _read_matrix(entries, f"T{ending}", 1, 3)
    return matrix


def _read_transform(entries: Entries, key: str) -> np.ndarray:
    """4x4 of a rigid 3x4."""
    matrix = np.eye(4)
    matrix[:3] = _read_matrix(entries, key, 3, 4)
    return matrix


def _read_rotation(entries: Entries, key: str) -> np.ndarray:
    """4x4 without translation."""
    matrix = np.eye(4)
    matrix[:3, :3] = _read_matrix(entries, key, 3, 3)
    return matrix


def _read_size(entries: Entries, key: str) -> tuple[int, int]:
    width, height = parse_numbers(_values(entries, key), 2)
    return round(width), round(height)
