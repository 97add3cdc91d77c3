"""How far is the path of an RGB-D camera off, and how good is the mesh that is fused along it?

7-Scenes frames (`rgbd/7scenes_40` below DAGUERRE_TEST_DATA): root mean square and most of what the path is off the
recorded poses (KinectFusion's), once laid on them; processor time a frame. With --open3d PYTHON, an interpreter
that has open3d, its hybrid odometry on the same frames in the same run, from frame to frame and to the first.

Then simulated recordings with a known truth, clean and with the simulator's noise of depth: what the path is off, in
the frame of the first camera, without laying it on the truth; the F-score at 5 mm of the mesh, against all that the
true depth of all frames shows within the mesh's reach, likewise without laying it on.

How sure poses say they are, beside the first picture, of both: the middle of the squares of errors by their covariance
(1 where they are honest, 4 where they are half of what they should be), the share of numbers within two standard errors
(0.95). Also for simulated recordings whose colours, depth or focal length are wrong, which no calibration says.

Run: `python -m bench.rgbd [--json] [--open3d PYTHON]`
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from assets.capture.simulation.capture import make_world
from assets.capture.simulation.spec import SimulationSpec
from assets.capture.simulation.textures import load_photos
from assets.reconstruction.meshes import drop_noisy
from bench.printing import make_parser, print_figures
from models.fusion.odometry import Path as CameraPath
from models.fusion.odometry import track
from models.fusion.poses import Array, invert, lay_on, move, to_step
from models.fusion.surface import Mesh, extract
from models.fusion.views import make_view, unproject_all
from models.fusion.volume import Picture, Volume
from models.geometry.camera import Camera
from models.simulation.renderer import Renderer
from models.simulation.shifts import add_depth_noise

NEAR_M = 0.005
VOXEL_M = 0.004
NUM_WORLDS = 3
SECONDS, RATE_HZ = 2.0, 10.0
NUM_POINTS = 30_000
KINECT = Camera((640, 480), (585.0, 585.0), (320.0, 240.0))
UNKNOWN_UNITS = 65535
PEER = Path(__file__).parent / "peers" / "odometry_open3d.py"

Shot = tuple[NDArray[np.float32], NDArray[np.uint8]]  # depth in m, colours


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DAGUERRE_TEST_DATA")
    )
    parser.add_argument("--open3d", type=Path, help="an interpreter that has open3d")
    parser.add_argument("--worlds", type=int, default=NUM_WORLDS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures: dict[str, object] = {}
    if arguments.data:
        folder = Path(arguments.data) / "rgbd" / "7scenes_40"
        figures |= measure_7scenes(folder, arguments.open3d)
    for name in ("clean", "noisy"):
        figures |= measure_simulated(name, arguments.worlds)
    for fault in FAULTS:
        figures |= measure_faulty(fault, arguments.worlds)
    print_figures(figures, arguments.json)


def measure_7scenes(folder: Path, open3d: Path | None) -> dict[str, object]:
    """Ours, and open3d's where an interpreter is named."""
    shots, given = read_7scenes(folder)
    start = time.process_time()
    path = find_path(KINECT, shots)
    seconds = time.process_time() - start
    figures: dict[str, object] = {
        "7scenes_frames": len(shots),
        "7scenes_tracked": sum(p.part == 0 for p in path.pictures),
        **judge_path("7scenes", list_poses(path), given),
        **judge_errors("7scenes", [(path, invert(given[0]) @ given)]),
        "7scenes_cpu_s_a_frame": round(seconds / len(shots), 4),
    }
    if open3d is not None:
        told = subprocess.run(
            [open3d, PEER, folder], capture_output=True, text=True, check=True
        )
        for way, poses in json.loads(told.stdout).items():
            figures |= judge_path(f"7scenes_open3d_{way}", np.array(poses), given)
    return figures


def read_7scenes(folder: Path) -> tuple[list[Shot], Array]:
    shots, poses = [], []
    for file in sorted(folder.glob("*.pose.txt")):
        stem = file.name.removesuffix(".pose.txt")
        units = cv2.imread(str(folder / f"{stem}.depth.png"), cv2.IMREAD_UNCHANGED)
        units = np.where(units == UNKNOWN_UNITS, 0, units)
        bgr = cv2.imread(str(folder / f"{stem}.color.jpg"))
        shots.append((units.astype(np.float32) / 1000, bgr[..., ::-1].copy()))
        poses.append(np.loadtxt(file))
    return shots, np.array(poses)


def find_path(camera: Camera, shots: Sequence[Shot]) -> CameraPath:
    """Views are made as they are asked for, as in the asset."""

    def load(number: int):  # type: ignore[no-untyped-def]
        depth_m, rgb = shots[number]
        return make_view(camera, depth_m, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))

    return track(len(shots), load)


def list_poses(path: CameraPath) -> Array:
    """Of the first part; NaN for others."""
    nowhere = np.full((4, 4), np.nan)
    return np.array(
        [p.world_from_camera if p.part == 0 else nowhere for p in path.pictures]
    )


def judge_path(name: str, found: Array, given: Array) -> dict[str, object]:
    """In mm, laid on the given poses."""
    known = np.isfinite(found[:, 0, 0])
    here, there = found[known, :3, 3], given[known, :3, 3]
    off = 1000 * np.linalg.norm(move(lay_on(here, there), here) - there, axis=1)
    return {
        f"{name}_ate_rms_mm": round(float(np.sqrt((off**2).mean())), 2),
        f"{name}_ate_most_mm": round(float(off.max()), 2),
    }


def judge_errors(
    name: str, paths: Sequence[tuple[CameraPath, Array]]
) -> dict[str, object]:
    """Of all pictures but the first of each path, beside their true poses (N, 4, 4) in its frame."""
    squares, within = [], []
    for path, true in paths:
        for picture, pose in zip(path.pictures[1:], true[1:], strict=True):
            if picture.part == 0 and picture.covariance is not None:
                off = to_step(invert(pose) @ picture.world_from_camera)
                squares.append(off @ np.linalg.solve(picture.covariance, off) / 6)
                within.append(np.abs(off) <= 2 * np.sqrt(np.diag(picture.covariance)))
    return {
        f"{name}_middle_square_by_sigma": round(float(np.median(squares)), 2),
        f"{name}_within_2_sigma": round(float(np.mean(within)), 3),
    }


def measure_simulated(name: str, num_worlds: int) -> dict[str, object]:
    """Mean F-score, worst path, over some worlds."""
    scores, offs, paths, lost, seconds = [], [], [], 0, 0.0
    for index in range(num_worlds):
        camera, shots, clean, poses = draw_world(index, name == "noisy")
        start = time.process_time()
        path = find_path(camera, shots)
        mesh = fuse(camera, shots, path)
        seconds += (time.process_time() - start) / len(shots)
        lost += sum(p.part != 0 for p in path.pictures)
        true = invert(poses[0]) @ poses
        paths.append((path, true))
        off_m = (invert(true) @ list_poses(path))[:, :3, 3]
        offs.append(1000 * np.linalg.norm(off_m, axis=1))
        scores.append(score(mesh, list_truth(camera, clean, true)))
    precision, recall, f_score = np.mean(scores, axis=0)
    return {
        f"{name}_worlds": num_worlds,
        f"{name}_frames_lost": lost,
        f"{name}_path_rms_mm": round(float(np.sqrt(np.nanmean(np.square(offs)))), 3),
        f"{name}_path_most_mm": round(float(np.nanmax(offs)), 3),
        **judge_errors(name, paths),
        f"{name}_precision_5mm": round(float(precision), 4),
        f"{name}_recall_5mm": round(float(recall), 4),
        f"{name}_f_score_5mm": round(float(f_score), 4),
        f"{name}_least_f_score_5mm": round(float(np.min(scores, axis=0)[2]), 4),
        f"{name}_cpu_s_a_frame": round(seconds / num_worlds, 4),
    }


def measure_faulty(fault: str, num_worlds: int) -> dict[str, object]:
    """How sure poses say they are where something is wrong that they are not told."""
    paths = []
    for index in range(num_worlds):
        camera, shots, _, poses = draw_world(index, True)
        path = find_path(*FAULTS[fault](camera, shots))
        paths.append((path, invert(poses[0]) @ poses))
    return judge_errors(fault, paths)


def lay_colours_beside(
    camera: Camera, shots: Sequence[Shot]
) -> tuple[Camera, list[Shot]]:
    """Colours of another camera, 25 mm beside and with 0.9 of the focal length, that nobody laid on depth."""
    focal_px, centre_px = np.array(camera.focal_px), np.array(camera.centre_px)
    laid = []
    for depth_m, rgb in shots:
        points = unproject_all(camera, np.where(depth_m > 0, depth_m, np.float32(1)))
        seen = (points[..., :2] + np.array([0.025, 0])) / points[..., 2:]
        at = (0.9 * focal_px * seen + centre_px).astype(np.float32)
        edge = cv2.BORDER_REPLICATE
        moved = cv2.remap(
            rgb, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=edge
        )
        laid.append((depth_m, np.asarray(moved, np.uint8)))
    return camera, laid


def bend_depth(camera: Camera, shots: Sequence[Shot]) -> tuple[Camera, list[Shot]]:
    """Depth that is 1 % too large at the left and right edges, and right in the middle."""
    flat = unproject_all(camera, np.ones(camera.size_px[::-1], np.float32))
    half_width = camera.size_px[0] / 2 / camera.focal_px[0]
    bent = 1 + 0.01 * (flat[..., :2] ** 2).sum(axis=2) / half_width**2
    return camera, [(depth_m * bent.astype(np.float32), rgb) for depth_m, rgb in shots]


def lengthen_focal(camera: Camera, shots: Sequence[Shot]) -> tuple[Camera, list[Shot]]:
    """A focal length that is stated 2 % too long."""
    fx, fy = camera.focal_px
    return replace(camera, focal_px=(1.02 * fx, 1.02 * fy)), list(shots)


FAULTS = {
    "colours_beside": lay_colours_beside,
    "bent_depth": bend_depth,
    "long_focal": lengthen_focal,
}


def draw_world(
    index: int, is_noisy: bool
) -> tuple[Camera, list[Shot], list[NDArray[np.float32]], Array]:
    """The left camera with its depth, as pictures of millimetres; the true depth, and world_from_camera."""
    spec = SimulationSpec(NUM_WORLDS, SECONDS, 5, rate_hz=RATE_HZ)
    world = make_world(spec, index, None)
    renderer = Renderer(world.scene, load_photos(), world.rig.camera)
    rigs = world.trajectory.at(np.arange(spec.num_frames) / RATE_HZ).poses()
    poses = rigs @ world.rig.true_rig_from_camera("left")
    rng = np.random.default_rng(index)
    shots, clean = [], []
    for pose in poses:
        drawn = renderer.render(pose)
        depth_m = add_depth_noise(drawn.depth_m, rng) if is_noisy else drawn.depth_m
        shots.append((np.round(depth_m * 1000) / np.float32(1000), drawn.image_rgb))
        clean.append(drawn.depth_m)
    return world.rig.camera, shots, clean, poses


def fuse(camera: Camera, shots: Sequence[Shot], path: CameraPath) -> Mesh:
    volume = Volume(VOXEL_M)
    for (depth_m, rgb), picture in zip(shots, path.pictures, strict=True):
        if picture.part == 0 and picture.world_from_camera is not None:
            near = drop_noisy(depth_m, VOXEL_M)
            volume.fuse(Picture(camera, near, rgb, picture.world_from_camera))
    return extract(volume)


def list_truth(
    camera: Camera, clean: Sequence[NDArray[np.float32]], true: Array
) -> NDArray[np.float64]:
    """Points of all frames within the reach of the mesh, at most one a cubic millimetre."""
    points = []
    for depth_m, pose in zip(clean, true, strict=True):
        near = drop_noisy(np.where(depth_m > 0, depth_m, np.nan), VOXEL_M)
        seen = unproject_all(camera, near)
        points.append(move(pose, seen[np.isfinite(seen[..., 2])].astype(np.float64)))
    joined = np.concatenate(points)
    keys = np.floor(joined / 0.001).astype(np.int64) @ np.array([1, 1 << 20, 1 << 40])
    return joined[np.unique(keys, return_index=True)[1]]


def score(mesh: Mesh, truth: NDArray[np.float64]) -> tuple[float, float, float]:
    """Precision, recall and F-score at `NEAR_M`, by points that are drawn from both."""
    rng = np.random.default_rng(0)
    points = np.concatenate([mesh.vertices, mesh.centres])
    some = points[rng.choice(len(points), min(NUM_POINTS, len(points)), replace=False)]
    wanted = truth[rng.choice(len(truth), min(NUM_POINTS, len(truth)), replace=False)]
    precision = float((cKDTree(truth).query(some)[0] <= NEAR_M).mean())
    recall = float((cKDTree(points).query(wanted)[0] <= NEAR_M).mean())
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
