"""Ways in which the world or the sensors may change: what each does to the scene, the rig, the image or the clock.

A shift is a `Shift`: four functions, of which most do nothing. All are seeded, so a shifted capture repeats; and the
scene and motion are drawn before, so one seed shows the same world with and without the shift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.simulation.camera import Rig
from models.simulation.scene import Scene

Image = NDArray[np.uint8]
Depth = NDArray[np.float32]

DUSK_KEY = (0.22, 0.12, 0.06)
DUSK_SKY = (0.050, 0.062, 0.105)
# grey levels; times the square root of the level
READ_NOISE = 6.0
SHOT_NOISE = 0.9
HOT_SHARE = 4e-4
# axial noise of a depth camera grows with the square of the distance
DEPTH_NOISE_PER_M2 = 0.008
DEPTH_DROP_SHARE = 0.03
EXPOSURE_S = 0.045
MIN_BLUR_PX_AT_320 = 8.0
TILT_RAD = np.deg2rad([1.2, 2.0])
CLOCK_LAG_NS = (20_000_000, 45_000_000)


def _keep_scene(scene: Scene) -> Scene:
    return scene


def _keep_rig(rig: Rig, rng: np.random.Generator) -> Rig:
    return rig


def _keep_image(
    image_rgb: Image, flow_px_s: NDArray[np.float64], rng: np.random.Generator
) -> Image:
    return image_rgb


def _keep_depth(depth_m: Depth, rng: np.random.Generator) -> Depth:
    return depth_m


def _no_lag(rng: np.random.Generator) -> int:
    return 0


@dataclass(frozen=True)
class Shift:
    """One change of the world. `has_unseen` asks for a scene with a class that normal worlds lack."""

    change_scene: Callable[[Scene], Scene] = _keep_scene
    change_rig: Callable[[Rig, np.random.Generator], Rig] = _keep_rig
    change_image: Callable[[Image, NDArray[np.float64], np.random.Generator], Image] = (
        _keep_image
    )
    change_depth: Callable[[Depth, np.random.Generator], Depth] = _keep_depth
    camera_lag_ns: Callable[[np.random.Generator], int] = _no_lag
    has_unseen: bool = False


def dim_scene(scene: Scene) -> Scene:
    """The same world after sunset: a low orange light and little, bluish sky."""
    light = replace(scene.light, key_rgb=DUSK_KEY, sky_rgb=DUSK_SKY)
    return replace(scene, light=light)


def add_sensor_noise(
    image_rgb: Image, flow_px_s: NDArray[np.float64], rng: np.random.Generator
) -> Image:
    """Photon and read noise of a high gain, and a few hot pixels."""
    level = image_rgb.astype(np.float32)
    sigma = np.float32(READ_NOISE) + np.float32(SHOT_NOISE) * np.sqrt(level)
    noisy = np.clip(
        level + sigma * rng.standard_normal(level.shape, np.float32), 0, 255
    ).astype(np.uint8)
    hot = rng.integers(
        0,
        image_rgb.shape[0] * image_rgb.shape[1],
        max(1, int(HOT_SHARE * image_rgb[..., 0].size)),
    )
    noisy.reshape(-1, 3)[hot] = 255
    return noisy


def add_depth_noise(depth_m: Depth, rng: np.random.Generator) -> Depth:
    """Axial noise that grows with distance, and pixels without an answer (0)."""
    noisy = depth_m + DEPTH_NOISE_PER_M2 * depth_m**2 * rng.standard_normal(
        depth_m.shape, np.float32
    )
    noisy[rng.random(depth_m.shape, np.float32) < DEPTH_DROP_SHARE] = 0
    return np.asarray(np.maximum(noisy, 0), np.float32)


def blur_motion(
    image_rgb: Image, flow_px_s: NDArray[np.float64], rng: np.random.Generator
) -> Image:
    """A long exposure: the picture smeared along its own flow (2,) px/s, or by a shaking hand where it stands."""
    path = np.asarray(flow_px_s) * EXPOSURE_S
    shortest = MIN_BLUR_PX_AT_320 * image_rgb.shape[1] / 320
    shake = rng.uniform(0, np.pi)
    if np.hypot(*path) < shortest:
        path = shortest * np.array([np.cos(shake), np.sin(shake)])
    return np.asarray(cv2.filter2D(image_rgb, -1, _draw_line_kernel(path)), np.uint8)


def tilt_right_camera(rig: Rig, rng: np.random.Generator) -> Rig:
    """The right camera knocked by 1.2 to 2 degrees, mostly up or down; its published calibration stays."""
    axis = np.array(
        [rng.choice([-1.0, 1.0]), rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)]
    )
    tilt = axis / np.linalg.norm(axis) * rng.uniform(*TILT_RAD)
    return replace(rig, true_tilt_rad=(float(tilt[0]), float(tilt[1]), float(tilt[2])))


def draw_clock_lag(rng: np.random.Generator) -> int:
    """How late all cameras stamp against the IMU, in ns: one constant a recording."""
    return int(rng.integers(*CLOCK_LAG_NS))


SHIFTS: dict[str, Shift] = {
    "dusk": Shift(change_scene=dim_scene),
    "sensor_noise": Shift(change_image=add_sensor_noise, change_depth=add_depth_noise),
    "motion_blur": Shift(change_image=blur_motion),
    "miscalibrated": Shift(change_rig=tilt_right_camera),
    "late_clock": Shift(camera_lag_ns=draw_clock_lag),
    "unseen_object": Shift(has_unseen=True),
}


def _draw_line_kernel(path_px: NDArray[np.float64]) -> NDArray[np.float32]:
    """A normalised line of the path's length and direction, antialiased, in an odd square."""
    reach = int(np.ceil(np.abs(path_px).max() / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 8 * reach):
        x, y = path_px * share + reach
        column = int(np.floor(x))
        row = int(np.floor(y))
        fx, fy = x - column, y - row
        kernel[row : row + 2, column : column + 2] += np.outer(
            [1 - fy, fy], [1 - fx, fx]
        )
    return kernel / kernel.sum()
