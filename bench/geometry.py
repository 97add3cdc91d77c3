"""How well is a rig calibrated, beside OpenCV on the same points? And how fast are lenses, beside OpenCV's?

OpenCV's two chessboard cameras (`calibration/opencv_stereo_chessboard` below DAGUERRE_TEST_DATA): residual, focal
length and baseline, by ours and by `calibrateCamera` and `stereoCalibrate`; once with corners refined in our windows,
once in windows of 11 px, as the published figures have them. Then drawn points with a known truth: how often the true
focal length lies within two standard errors. Last, processor time by points; times are the least of some rounds.

Run: `python -m bench.geometry [--seeds 50] [--json]`
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from bench.printing import make_parser, print_figures
from models.geometry.boards import Board, Sighting
from models.geometry.camera import Array, Camera
from models.geometry.rig_calibration import CameraViews, calibrate_rig

PUBLISHED_FX_PX = 535.916
MEASURED_BASELINE = 3.34
SIZE_PX = (640, 480)
BOARD = Board.parse("chessboard:9x6")
WINDOWS = {"": None, "_window_11": 11}
ROUNDS = 5
NUM_POINTS = 100_000
LENS = Camera(
    SIZE_PX,
    (430.0, 433.0),
    (322.0, 236.0),
    "plumb_bob",
    (-0.2, 0.06, 0.001, -0.0007, -0.01),
)
FISHEYE = Camera(
    SIZE_PX, (200.0, 200.0), (322.0, 236.0), "equidistant", (-0.02, 0.004, -0.001, 1e-4)
)
STILL = np.zeros(3)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DAGUERRE_TEST_DATA")
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures: dict[str, object] = {}
    if arguments.data:
        folder = Path(arguments.data) / "calibration" / "opencv_stereo_chessboard"
        for name, window in WINDOWS.items():
            figures |= {
                f"{key}{name}": value
                for key, value in compare_on_chessboards(folder, window).items()
            }
    figures |= measure_standard_errors(arguments.seeds)
    figures |= compare_lenses()
    print_figures(figures, arguments.json)


def compare_on_chessboards(folder: Path, window: int | None) -> dict[str, float]:
    """Ours and OpenCV's on the same corners; a window as given, or as the board finds them."""
    cameras = [
        CameraViews(
            side,
            SIZE_PX,
            find_corners(sorted(folder.glob(f"{side}[0-9][0-9].jpg")), window),
        )
        for side in ("left", "right")
    ]
    rig, seconds = time_least(lambda: calibrate_rig(BOARD, cameras))
    left, right = rig.cameras
    (alone,) = calibrate_rig(BOARD, cameras[:1]).cameras
    theirs, their_seconds = time_least(lambda: calibrate_by_opencv(cameras))
    return {
        "boards_left": len(cameras[0].sightings),
        "left_rms_px": round(alone.rms_px, 4),
        "left_rms_px_opencv": round(theirs[0], 4),
        "left_fx_px": round(alone.camera.focal_px[0], 3),
        "left_fx_px_opencv": round(theirs[1], 3),
        "left_fx_off_published_percent": round(
            100 * (alone.camera.focal_px[0] / PUBLISHED_FX_PX - 1), 3
        ),
        "rig_rms_px": round(
            float(np.sqrt(np.mean([left.rms_px**2, right.rms_px**2]))), 4
        ),
        "rig_rms_px_opencv": round(theirs[2], 4),
        "baseline_squares": round(
            float(np.linalg.norm(right.rig_from_camera[:3, 3])), 4
        ),
        "baseline_squares_opencv": round(theirs[3], 4),
        "baseline_off_percent": round(
            100
            * (
                float(np.linalg.norm(right.rig_from_camera[:3, 3])) / MEASURED_BASELINE
                - 1
            ),
            3,
        ),
        "rig_cpu_s": round(seconds, 3),
        "rig_cpu_s_opencv": round(their_seconds, 3),
    }


def find_corners(files: Sequence[Path], window: int | None) -> dict[int, Sighting]:
    """Corners by the number in the file's name."""
    found = {}
    for file in files:
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if window is None:
            sighting = BOARD.find(image)
        else:
            _, corners = cv2.findChessboardCorners(image, (BOARD.columns, BOARD.rows))
            stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
            refined = cv2.cornerSubPix(image, corners, (window, window), (-1, -1), stop)
            sighting = Sighting(
                np.arange(len(refined)), refined.reshape(-1, 2).astype(np.float64)
            )
        if sighting is not None:
            found[int(file.stem[-2:])] = sighting
    return found


def calibrate_by_opencv(
    cameras: Sequence[CameraViews],
) -> tuple[float, float, float, float]:
    """Residual and focal length of the left camera, residual and baseline of both."""
    both = sorted(cameras[0].sightings.keys() & cameras[1].sightings.keys())
    points = [BOARD.points.astype(np.float32)] * len(both)
    pixels = [
        [c.sightings[view].pixels.astype(np.float32) for view in both] for c in cameras
    ]
    single = [cv2.calibrateCamera(points, p, SIZE_PX, None, None) for p in pixels]
    # it writes into what it is given
    inputs = [value.copy() for one in single for value in one[1:3]]
    rms, *_, shift, _, _ = cv2.stereoCalibrate(
        points, *pixels, *inputs, SIZE_PX, flags=cv2.CALIB_USE_INTRINSIC_GUESS
    )
    return single[0][0], float(single[0][1][0, 0]), rms, float(np.linalg.norm(shift))


def measure_standard_errors(seeds: int) -> dict[str, float]:
    """Of drawn views with 0.25 px of noise: the share of true focal lengths within two standard errors."""
    within, off = 0, []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        seen = {view: draw_sighting(rng) for view in range(10)}
        (found,) = calibrate_rig(BOARD, [CameraViews("drawn", SIZE_PX, seen)]).cameras
        assert found.covariance is not None
        miss = found.camera.focal_px[0] - LENS.focal_px[0]
        within += abs(miss) < 2 * float(np.sqrt(found.covariance[0, 0]))
        off.append(abs(miss))
    return {
        "true_focal_within_2_sigma": within / seeds,
        "focal_off_px_median": round(float(np.median(off)), 3),
    }


def draw_sighting(rng: np.random.Generator) -> Sighting:
    """A board, somewhere before the camera, that is on the image as a whole."""
    while True:
        turn = cv2.Rodrigues(rng.uniform(-0.6, 0.6, 3))[0]
        centre = np.array([rng.uniform(-4, 4), rng.uniform(-3, 3), rng.uniform(11, 20)])
        pixels = LENS.project(
            (BOARD.points - BOARD.points.mean(axis=0)) @ turn.T + centre
        )
        if ((pixels > 0) & (pixels < np.array(SIZE_PX) - 1)).all():
            return Sighting(
                np.arange(len(pixels)), pixels + rng.normal(0, 0.25, pixels.shape)
            )


def compare_lenses() -> dict[str, float]:
    """Processor time for each point, ours by OpenCV's; and what unprojecting leaves, in px."""
    rng = np.random.default_rng(0)
    points = np.column_stack(
        [rng.uniform(-0.6, 0.6, (NUM_POINTS, 2)), np.ones(NUM_POINTS)]
    )
    found: dict[str, float] = {}
    for name, camera in (("brown_conrady", LENS), ("fisheye", FISHEYE)):
        pixels = camera.project(points)
        rays, seconds = time_least(lambda c=camera, p=pixels: c.unproject(p))
        flat, their_seconds = time_least(
            lambda c=camera, p=pixels: undistort_by_opencv(c, p)
        )
        found[f"{name}_unproject_us"] = round(1e6 * seconds / NUM_POINTS, 3)
        found[f"{name}_unproject_us_opencv"] = round(
            1e6 * their_seconds / NUM_POINTS, 3
        )
        found[f"{name}_return_px"] = float(np.abs(camera.project(rays) - pixels).max())
        back = camera.project(np.column_stack([flat, np.ones(NUM_POINTS)]))
        found[f"{name}_return_px_opencv"] = float(np.nanmax(np.abs(back - pixels)))
        _, seconds = time_least(lambda c=camera: c.project_with_slopes(points))
        found[f"{name}_project_us"] = round(1e6 * seconds / NUM_POINTS, 3)
    return found


def undistort_by_opencv(camera: Camera, pixels: Array) -> Array:
    """x and y at z = 1 (N, 2)."""
    coefficients = np.array(camera.distortion)
    undistort = (
        cv2.fisheye.undistortPoints if camera is FISHEYE else cv2.undistortPoints
    )
    return np.asarray(undistort(pixels[:, None], camera.matrix, coefficients)[:, 0])


def time_least(work: Callable) -> tuple:
    """What it gives, and the least processor time of some rounds."""
    least = np.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        result = work()
        least = min(least, time.process_time() - start)
    return result, least


if __name__ == "__main__":
    main()
