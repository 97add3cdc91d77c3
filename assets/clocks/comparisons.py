"""Clocks and poses of cameras, compared by what their images and the gyroscope show.

Images are looked at up to 640 px wide, and of a long capture in stretches spread over its time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assets.clocks.offsets import Times, find_nearest
from assets.clocks.streams import Array, CameraStream, Figures, Gray, Gyro, Load
from models.geometry.camera import Camera
from models.geometry.clock_offset import (
    QUICK,
    Following,
    Step,
    estimate_offset_to_camera,
    estimate_offset_to_gyro,
    measure_steps,
)
from models.geometry.epipolar import keep_known
from models.geometry.rig_tilt import fit_tilt
from models.geometry.tracks import match_points

WIDTH_PX = 640  # half a degree is 4 px there, and a track is good to a tenth
NUM_STRETCHES = 8
STRETCH_FRAMES = 50
NUM_STEREO_PAIRS = 12


def compare_cameras(
    streams: Sequence[CameraStream], gyro: Gyro | None, load: Load
) -> dict[str, Figures]:
    """Figures by camera, of cameras that have stamps, a calibration and a pose; the first one is the reference."""
    figures: dict[str, Figures] = {s.sensor: {} for s in streams}
    stretches = choose_stretches(streams[0].t_ns)
    start_ns = min(int(c.t_ns.min()) for c in streams)
    steps = {c.sensor: measure_stream(c, stretches, start_ns, load) for c in streams}
    for stream in streams:
        mine = steps[stream.sensor]
        figures[stream.sensor] |= _compare_with_gyro(stream, mine, gyro, start_ns)
        if stream is not streams[0]:
            figures[stream.sensor] |= _compare_with_camera(
                stream, streams[0], mine, steps[streams[0].sensor]
            )
            late_ms = figures[stream.sensor].get("camera_offset_ms") or 0.0
            figures[stream.sensor] |= compare_views(
                stream, streams[0], round(1e6 * float(late_ms)), load
            )
    return figures


def choose_stretches(t_ns: Times) -> list[tuple[int, int]]:
    """First and last time of stretches of frames, spread evenly; one over all where frames are few."""
    if len(t_ns) <= NUM_STRETCHES * STRETCH_FRAMES:
        reach_ns = int(t_ns.max() - t_ns.min())
        return [(int(t_ns.min()) - reach_ns, int(t_ns.max()) + reach_ns)]
    firsts = (
        np.linspace(0, len(t_ns) - STRETCH_FRAMES, NUM_STRETCHES).round().astype(int)
    )
    return [(int(t_ns[i]), int(t_ns[i + STRETCH_FRAMES - 1])) for i in firsts]


def measure_stream(
    stream: CameraStream,
    stretches: Sequence[tuple[int, int]],
    start_ns: int,
    load: Load,
    points: Following = QUICK,
) -> list[Step]:
    """The camera's steps inside of the stretches, with times in s since `start_ns`."""
    steps: list[Step] = []
    for first_ns, last_ns in stretches:
        chosen = np.flatnonzero((stream.t_ns >= first_ns) & (stream.t_ns <= last_ns))
        # in parts that share a frame, to hold few images at once
        for i in range(0, len(chosen) - 1, STRETCH_FRAMES):
            part = chosen[i : i + STRETCH_FRAMES + 1]
            images, camera = _load(stream, [stream.frame_ids[k] for k in part], load)
            t_s = (stream.t_ns[part] - start_ns) / 1e9
            steps += measure_steps(images, t_s, camera, points)
    return steps


def _load(
    stream: CameraStream, frame_ids: Sequence[str], load: Load
) -> tuple[list[Gray], Camera]:
    """Images and the camera for their size."""
    assert stream.camera is not None
    images = load(frame_ids, min(WIDTH_PX, stream.camera.size_px[0]))
    width_px = images[0].shape[1] if images else stream.camera.size_px[0]
    return images, stream.camera.resize(width_px / stream.camera.size_px[0])


def _compare_with_gyro(
    stream: CameraStream, steps: Sequence[Step], gyro: Gyro | None, start_ns: int
) -> Figures:
    if gyro is None:
        return {"imu_reason": "the capture has no gyroscope"}
    assert stream.camera is not None and stream.rig_from_camera is not None
    if gyro.rig_from_gyro is None:
        return {
            "imu_reason": "how the IMU sits on the rig is not known: record its transform"
        }
    gyro_from_camera = gyro.rig_from_gyro.T @ stream.rig_from_camera[:3, :3]
    found: Figures = {"imu_sensor": gyro.sensor}
    try:
        t_s = (gyro.t_ns - start_ns) / 1e9
        lag = estimate_offset_to_gyro(
            steps, t_s, gyro.rate_rad_s, gyro_from_camera, find_focal_px(stream)
        )
    except ValueError as error:
        return found | {"imu_reason": str(error)}
    return found | {
        "imu_offset_ms": 1e3 * lag.lag_s,
        "imu_offset_sigma_ms": 1e3 * lag.sigma_s,
    }


def _compare_with_camera(
    stream: CameraStream,
    reference: CameraStream,
    steps: Sequence[Step],
    reference_steps: Sequence[Step],
) -> Figures:
    assert stream.rig_from_camera is not None and reference.rig_from_camera is not None
    reference_from_camera = (
        reference.rig_from_camera[:3, :3].T @ stream.rig_from_camera[:3, :3]
    )
    try:
        lag = estimate_offset_to_camera(
            steps, reference_steps, reference_from_camera, find_focal_px(stream)
        )
    except ValueError as error:
        return {"camera_reason": str(error)}
    return {
        "camera_offset_ms": 1e3 * lag.lag_s,
        "camera_offset_sigma_ms": 1e3 * lag.sigma_s,
    }


def compare_views(
    stream: CameraStream, reference: CameraStream, late_ns: int, load: Load
) -> Figures:
    """How well the stated poses of two cameras explain what both see at one time; `late_ns` puts the stamps right."""
    assert (
        stream.camera is not None
        and stream.rig_from_camera is not None
        and reference.rig_from_camera is not None
    )
    mine, theirs = _pair_frames(stream, reference, late_ns)
    pairs = _match_views(
        _load(stream, [stream.frame_ids[i] for i in mine], load),
        _load(reference, [reference.frame_ids[i] for i in theirs], load),
    )
    try:
        tilt = fit_tilt(
            pairs, np.linalg.inv(reference.rig_from_camera) @ stream.rig_from_camera
        )
    except ValueError as error:
        return {"calibration_reason": str(error)}
    return {
        "epipolar_px": tilt.distance * stream.camera.mean_focal_px,
        "focal_px": stream.camera.mean_focal_px,
        "tilt_deg": float(np.degrees(tilt.angle_rad)),
        "tilt_sigma_deg": float(np.degrees(tilt.sigma_rad)),
        "num_matches": tilt.num_matches,
    }


def _match_views(
    views: tuple[list[Gray], Camera], reference: tuple[list[Gray], Camera]
) -> list[tuple[Array, Array]]:
    """Rays (N, 3) of points that two cameras see, the reference's first, one element a pair of images."""
    pairs = []
    for image, image_reference in zip(views[0], reference[0], strict=True):
        pixels_reference, pixels = match_points(image_reference, image)
        rays_reference = reference[1].unproject(pixels_reference)
        pairs.append(keep_known(rays_reference, views[1].unproject(pixels)))
    return pairs


def _pair_frames(
    stream: CameraStream, reference: CameraStream, late_ns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of frames that were taken at one time, a few pairs spread over the capture."""
    times, mine = np.unique(stream.t_ns - late_ns, return_index=True)
    reference_times, theirs = np.unique(reference.t_ns, return_index=True)
    if not len(times) or len(reference_times) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    found = find_nearest(
        reference_times, times, int(np.median(np.diff(reference_times))) // 4
    )
    pairs = np.column_stack([mine[found.is_known], theirs[found.indices]])
    if len(pairs) > NUM_STEREO_PAIRS:
        pairs = pairs[
            np.linspace(0, len(pairs) - 1, NUM_STEREO_PAIRS).round().astype(int)
        ]
    return pairs[:, 0], pairs[:, 1]


def find_focal_px(stream: CameraStream) -> float:
    """Focal length in px of the images looked at."""
    assert stream.camera is not None
    return stream.camera.mean_focal_px * min(1.0, WIDTH_PX / stream.camera.size_px[0])
