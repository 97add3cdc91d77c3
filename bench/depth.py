"""How far is depth from two views off, how much of the image has any, and does its confidence tell?

Two pairs of Middlebury (`stereo` below DAGUERRE_TEST_DATA): share of pixels more than 2 px off, of those that have a
disparity and of all with a truth; by ours and by OpenCV's StereoSGBM alone (block 5, its own left-right check). Fifths
of the pixels by falling confidence, with the share of bad ones in each; its numbers come from Motorcycle, so Aloe is
the one held out. Then simulated pairs with a known truth, from disk to depth: the error by z^2 / (f B), which is the
error of the disparity in px, and the share of true depths within two standard errors.

With `--net FILE` a stereo net in ONNX takes the place of ours.

Run: `python -m bench.depth [--net FILE] [--json]`
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.capture.simulation.capture import make_world
from assets.capture.simulation.spec import SimulationSpec
from assets.capture.simulation.textures import load_photos
from assets.inference.stereo_net import StereoNet
from bench.printing import make_parser, print_figures
from models.geometry.camera import Camera
from models.geometry.stereo import (
    BAD_PX,
    MatchPair,
    StereoRig,
    choose_num_disparities,
    match,
    measure_depths,
    rectify,
)
from models.simulation.renderer import Renderer

Plane = NDArray[np.float32]
NUM_DISPARITIES = {"motorcycle": 80, "aloe": 256}
NUM_PARTS = 5
NUM_WORLDS = 8
SIZE_PX = (640, 480)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DAGUERRE_TEST_DATA")
    )
    parser.add_argument(
        "--net", type=Path, help="a stereo net in ONNX, in the place of ours"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures: dict[str, object] = {}
    by_net = StereoNet(arguments.net).match if arguments.net else None
    if arguments.data:
        for name in NUM_DISPARITIES:
            folder = Path(arguments.data) / "stereo"
            figures |= measure_middlebury(folder, name, by_net)
    by_sgm = partial(match, num_disparities=choose_num_disparities(SIZE_PX[0]))
    figures |= measure_simulated(by_net or by_sgm)
    print_figures(figures, arguments.json)


def measure_middlebury(
    folder: Path, name: str, by_net: MatchPair | None
) -> dict[str, object]:
    """Ours, or a net's, and OpenCV's on one pair, grey values of both."""
    left, right, truth = read_pair(folder, name)
    match_pair = by_net or partial(match, num_disparities=NUM_DISPARITIES[name])
    start = time.process_time()
    found = match_pair(left, right)
    seconds = time.process_time() - start
    return {
        **judge(name, found.px, truth),
        f"{name}_cpu_s": round(seconds, 3),
        f"{name}_bad_2_by_falling_confidence": rank(
            np.abs(found.px - truth), found.confidence
        ),
        **judge(
            f"{name}_opencv", match_by_opencv(left, right, NUM_DISPARITIES[name]), truth
        ),
    }


def read_pair(
    folder: Path, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Plane]:
    """Both images in grey, and the true disparities of the left one; NaN where nobody knows them."""
    if name == "motorcycle":
        place = folder / "middlebury2014_motorcycle"
        files = place / "motorcycle_left.png", place / "motorcycle_right.png"
        with np.load(place / "motorcycle_disp.npz") as stored:
            truth = stored["arr_0"].astype(np.float32)
    else:
        place = folder / "middlebury2006_aloe"
        files = place / "aloeL.jpg", place / "aloeR.jpg"
        truth = cv2.imread(str(place / "aloeGT.png"), cv2.IMREAD_GRAYSCALE).astype(
            np.float32
        )
        truth[truth == 0] = np.nan
    left, right = (cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) for f in files)
    truth[~np.isfinite(truth)] = np.nan
    return left, right, truth


def judge(name: str, px: Plane, truth: Plane) -> dict[str, float]:
    """Over pixels with a truth: how many have a disparity, and how many of these, and of all, are bad."""
    there = np.isfinite(truth)
    valid = there & np.isfinite(px)
    off = np.abs(px - truth)[valid]
    num_bad = (off > BAD_PX).sum() + there.sum() - valid.sum()
    return {
        f"{name}_coverage": round(float(valid.sum() / there.sum()), 4),
        f"{name}_bad_2_valid": round(float((off > BAD_PX).mean()), 4),
        f"{name}_bad_2_all": round(float(num_bad / there.sum()), 4),
        f"{name}_mean_off_px": round(float(off.mean()), 3),
    }


def rank(off_px: Plane, confidence: Plane) -> list[float]:
    """Share of bad pixels in fifths of those with a disparity and a truth, the most confident first."""
    known = np.isfinite(off_px)
    order = np.argsort(-confidence[known], kind="stable")
    parts = np.array_split(off_px[known][order], NUM_PARTS)
    return [round(float((part > BAD_PX).mean()), 4) for part in parts]


def match_by_opencv(
    left: NDArray[np.uint8], right: NDArray[np.uint8], num_disparities: int
) -> Plane:
    matcher = cv2.StereoSGBM.create(
        numDisparities=num_disparities,
        blockSize=5,
        P1=8 * 25,
        P2=32 * 25,
        disp12MaxDiff=1,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        preFilterCap=31,
    )
    px = matcher.compute(left, right).astype(np.float32) / 16
    return np.where(px > 0, px, np.float32(np.nan))


def measure_simulated(match_pair: MatchPair) -> dict[str, object]:
    """Errors of depth on drawn scenes, by z^2 / (f B) of the true depth."""
    off, within, confidences, shares, off_m, theory_m = [], [], [], [], [], []
    for left, right, rig, truth_m in draw_pairs():
        rectification = rectify(rig)
        depths, _ = measure_depths(rectification, left, right, match_pair)
        there = truth_m > 0
        known = depths.is_known & there
        shares.append(known.sum() / there.sum())
        z, true = depths.depth_m[known], truth_m[known]
        by_px = true**2 / rectification.depth_by_disparity
        off.append((z - true) / by_px)
        within.append(np.abs(z - true) <= 2 * depths.sigma_m[known])
        confidences.append(depths.confidence[known])
        off_m.append(np.abs(z - true))
        theory_m.append(by_px)
    px = np.concatenate(off)
    ranked = rank(np.abs(px), np.concatenate(confidences))
    return {
        "simulated_coverage": round(float(np.mean(shares)), 4),
        "simulated_off_by_theory_median_px": round(float(np.median(np.abs(px))), 4),
        "simulated_bias_by_theory_median_px": round(float(np.median(px)), 4),
        "simulated_bad_2": round(float((np.abs(px) > BAD_PX).mean()), 4),
        "simulated_bad_2_by_falling_confidence": ranked,
        "simulated_within_2_sigma": round(float(np.concatenate(within).mean()), 4),
        "simulated_off_mm_median": round(
            1000 * float(np.median(np.concatenate(off_m))), 3
        ),
        "simulated_mm_by_px_median": round(
            1000 * float(np.median(np.concatenate(theory_m))), 3
        ),
    }


def draw_pairs() -> Iterator[
    tuple[NDArray[np.uint8], NDArray[np.uint8], StereoRig, Plane]
]:
    """Grey images of both cameras, the rig, and the left one's true depth in m, 0 where there is none."""
    spec = SimulationSpec(NUM_WORLDS, 1.0, 7, width_px=SIZE_PX[0], height_px=SIZE_PX[1])
    for index in range(NUM_WORLDS):
        world = make_world(spec, index, None)
        renderer = Renderer(world.scene, load_photos(), world.rig.camera)
        (world_from_rig,) = world.trajectory.at(np.zeros(1)).poses()
        poses = [world.rig.true_rig_from_camera(side) for side in ("left", "right")]
        left, right = (renderer.render(world_from_rig @ pose) for pose in poses)
        camera: Camera = world.rig.camera
        rig = StereoRig(camera, camera, np.linalg.inv(poses[0]) @ poses[1])
        grey = [
            cv2.cvtColor(shot.image_rgb, cv2.COLOR_RGB2GRAY) for shot in (left, right)
        ]
        yield grey[0], grey[1], rig, left.depth_m


if __name__ == "__main__":
    main()
