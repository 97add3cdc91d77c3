"""Simulate one capture: draw a world and a path, take the pictures, read the IMU, and record all in order of time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.capture.simulation.faults import FaultPlan, garble_jpeg, plan_faults
from assets.capture.simulation.recorder import Recorder
from assets.capture.simulation.spec import SimulationSpec
from assets.capture.simulation.textures import load_photos
from models.simulation.camera import Rig, make_camera
from models.simulation.labels import FrameTruth, label_frame
from models.simulation.motion import (
    Motion,
    Trajectory,
    find_center_flow,
    measure_imu,
    plan_trajectory,
)
from models.simulation.renderer import Renderer
from models.simulation.scene import TABLE_PHOTOS, Scene, sample_scene
from models.simulation.shifts import SHIFTS, Shift

NS = 1_000_000_000
EPOCH_NS = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z, the simulated day
IMU_HZ = 200
POSES_PER_FRAME = 5
JPEG_QUALITY = 90
FAR_M = 2.0  # for blur, where the middle of the picture shows the backdrop
# independent draws of one capture
_STREAMS = {"scene": 0, "motion": 1, "imu": 2, "shift": 3, "fault": 4}

Event = tuple[int, Callable[[], None]]  # arrival time in ns, and what to record then


@dataclass(frozen=True)
class World:
    """Everything that a capture's seed decides before the first picture."""

    scene: Scene
    trajectory: Trajectory
    rig: Rig
    shift: Shift
    camera_lag_ns: int
    faults: FaultPlan
    start_ns: int
    period_ns: int
    rng: dict[str, np.random.Generator]


@dataclass(frozen=True)
class Shot:
    """What the cameras deliver at one moment, after shift and fault."""

    left_jpeg: bytes
    right_jpeg: bytes
    depth_png: bytes
    truth: FrameTruth


def make_world(spec: SimulationSpec, index: int, fault: str | None) -> World:
    """Draw the world of capture `index`; equal arguments give equal worlds, and a shift leaves the rest as it was."""
    shift = SHIFTS[spec.shift] if spec.shift else Shift()
    rng = {
        name: np.random.default_rng([spec.seed, index, stream])
        for name, stream in _STREAMS.items()
    }
    # in turn: four captures show all
    table = TABLE_PHOTOS[(spec.seed + index) % len(TABLE_PHOTOS)]
    scene = sample_scene(rng["scene"], with_unseen=shift.has_unseen, table_photo=table)
    trajectory = plan_trajectory(scene, spec.seconds, rng["motion"])
    rig = shift.change_rig(
        Rig(make_camera(spec.width_px, spec.height_px)), rng["shift"]
    )
    lag_ns = shift.camera_lag_ns(rng["shift"])
    period_ns = round(NS / spec.rate_hz)
    faults = plan_faults(fault, spec.num_frames, period_ns, rng["fault"])
    start_ns = (
        EPOCH_NS
        + (spec.seed % 8760) * 3600 * NS
        + index * (math.ceil(spec.seconds) + 30) * NS
    )
    return World(
        scene, trajectory, rig, shift, lag_ns, faults, start_ns, period_ns, rng
    )


def record_capture(
    spec: SimulationSpec, index: int, fault: str | None, on_frame: Callable[[int], None]
) -> bytes:
    """The bytes of one MCAP file. `on_frame` gets the number of frames done."""
    world = make_world(spec, index, fault)
    recorder = Recorder()
    facts = {
        "seed": spec.seed,
        "capture": index,
        "shift": spec.shift or "",
        "fault": fault or "",
    }
    recorder.add_facts({name: str(value) for name, value in facts.items()})
    recorder.add_rig(world.rig, world.start_ns)
    films = _film(recorder, world, spec, on_frame)
    streams = heapq.merge(
        _measure(recorder, world, spec),
        _localize(recorder, world, spec),
        films,
        key=itemgetter(0),
    )
    for _, write in streams:
        write()
    return recorder.finish()


def _measure(recorder: Recorder, world: World, spec: SimulationSpec) -> Iterator[Event]:
    """IMU samples at IMU_HZ, from the first frame to the end of the recording."""
    t_ns = np.arange(round(spec.seconds * IMU_HZ) + 1) * (NS // IMU_HZ)
    gyro, force = measure_imu(world.trajectory.at(t_ns / NS), world.rng["imu"])
    for i, stamp in enumerate((world.start_ns + t_ns).tolist()):
        yield stamp, partial(recorder.add_imu, gyro[i], force[i], stamp)


def _localize(
    recorder: Recorder, world: World, spec: SimulationSpec
) -> Iterator[Event]:
    """True poses of the rig, one at the true time of each frame and some between."""
    t_ns = (
        np.arange(spec.num_frames * POSES_PER_FRAME)
        * world.period_ns
        // POSES_PER_FRAME
    )
    poses = world.trajectory.at(t_ns / NS).poses()
    for i, stamp in enumerate((world.start_ns + t_ns).tolist()):
        yield stamp, partial(recorder.add_pose, poses[i], stamp)


def _film(
    recorder: Recorder,
    world: World,
    spec: SimulationSpec,
    on_frame: Callable[[int], None],
) -> Iterator[Event]:
    """Pictures and their labels. They arrive late by the cameras' lag; a wrong stamp does not change that."""
    renderer = Renderer(
        world.shift.change_scene(world.scene), load_photos(), world.rig.camera
    )
    motion = world.trajectory.at(np.arange(spec.num_frames) * world.period_ns / NS)
    for k in range(spec.num_frames):
        log_ns = world.start_ns + k * world.period_ns + world.camera_lag_ns
        if k not in world.faults.dropped:
            t_ns = log_ns + world.faults.stamp_error_ns.get(k, 0)
            shot = _shoot(world, renderer, motion, k)
            yield (
                log_ns,
                partial(recorder.add_image, "left", shot.left_jpeg, t_ns, log_ns),
            )
            yield (
                log_ns,
                partial(recorder.add_image, "right", shot.right_jpeg, t_ns, log_ns),
            )
            yield (
                log_ns,
                partial(recorder.add_image, "depth", shot.depth_png, t_ns, log_ns),
            )
            if spec.is_labelled:
                yield (
                    log_ns,
                    partial(
                        recorder.add_truth, "left", shot.truth, world.rig, t_ns, log_ns
                    ),
                )
        on_frame(k + 1)


def _shoot(world: World, renderer: Renderer, motion: Motion, index: int) -> Shot:
    """Expose all cameras at one moment; the depth camera shares the left one's optical axis."""
    rig = world.rig
    shift = world.shift
    rng = world.rng["shift"]
    world_from_rig = motion.poses()[index]
    left = renderer.render(world_from_rig @ rig.true_rig_from_camera("left"))
    right = renderer.render(world_from_rig @ rig.true_rig_from_camera("right"))
    middle_m = (
        float(left.depth_m[left.depth_m.shape[0] // 2, left.depth_m.shape[1] // 2])
        or FAR_M
    )
    flow_px_s = find_center_flow(
        motion, index, rig.rig_from_camera("left"), rig.camera.focal_px[0], middle_m
    )
    left_jpeg = _encode_jpeg(shift.change_image(left.image_rgb, flow_px_s, rng))
    if index in world.faults.corrupt:
        left_jpeg = garble_jpeg(left_jpeg, world.rng["fault"])
    right_jpeg = _encode_jpeg(shift.change_image(right.image_rgb, flow_px_s, rng))
    depth_png = _encode_depth(shift.change_depth(left.depth_m, rng))
    return Shot(
        left_jpeg, right_jpeg, depth_png, label_frame(left.instances, world.scene)
    )


def _encode_jpeg(image_rgb: NDArray[np.uint8]) -> bytes:
    image_bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[
        1
    ].tobytes()


def _encode_depth(depth_m: NDArray[np.float32]) -> bytes:
    """16-bit PNG in millimetres; 0 where unknown."""
    depth_mm = np.clip(np.round(depth_m * 1000), 0, 65535).astype(np.uint16)
    return cv2.imencode(".png", depth_mm, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
