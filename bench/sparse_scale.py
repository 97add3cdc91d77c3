"""How far off is the scale that an IMU gives a sparse model, is it as sure as it says, and is a model told that is
joined the wrong way round?

Each world is one capture of the simulator: one camera of 320 x 240 at 10 frames a second along the path, rendered, and
an IMU beside it with the simulator's noise and biases. The model is made as the asset makes it, from pictures alone.
The true scale is that of the similarity that brings camera centres to their true places. COLMAP joins some worlds the
wrong way round, or a step aside: counted is how many, and how many of those their IMU gives away; they have no scale.

Run: `python -m bench.sparse_scale [--worlds 12] [--seconds 8] [--json]`
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from assets.capture.simulation.textures import load_photos
from assets.clocks.streams import Gyro
from assets.reconstruction.board_pictures import BoardPicture
from assets.reconstruction.sparse_imu import MOST_LEAP, MOST_OFF_DEG
from assets.reconstruction.sparse_models import climb, describe_scene
from assets.reconstruction.sparse_pairs import choose_pairs
from assets.reconstruction.sparse_pictures import Scene, SessionCamera
from assets.reconstruction.sparse_process import GivenCamera, Workshop
from assets.reconstruction.sparse_rows import Made
from bench.motion import FRAME_HZ, RIG_FROM_CAMERA, draw_imu
from bench.printing import make_parser, print_figures
from bench.sparse import measure_used
from models.geometry.camera import Array, Camera
from models.geometry.sparse_model import align
from models.simulation.camera import make_camera
from models.simulation.motion import plan_trajectory
from models.simulation.renderer import Renderer
from models.simulation.scene import sample_scene

Picture = np.ndarray  # (H, W, 3) RGB
CAPTURE = "capture"
SEAM_DEG = 5.0
SEAM = 0.02  # of the path's size


@dataclass(frozen=True)
class World:
    """A capture of which everything is known: pictures at times in s, and their places (N, 4, 4) in m."""

    camera: Camera
    t_s: np.ndarray
    pictures: list[Picture]
    world_from_camera: np.ndarray
    imu: Gyro


def draw_world(seed: int, seconds: float) -> World:
    """Without noise in the pictures but that of their 8 bits."""
    rng = np.random.default_rng([seed, 81])
    scene = sample_scene(rng)
    trajectory = plan_trajectory(scene, seconds, rng)
    turn = Rotation.random(random_state=rng).as_matrix()
    felt = draw_imu(trajectory, seconds, turn, rng.uniform(-0.1, 0.1, 3), rng)
    t_ns = (1e9 * felt.t_s).round().astype(np.int64)
    camera = make_camera(320, 240)
    t_s = np.arange(0.2, seconds - 0.2, 1.0 / FRAME_HZ)
    poses = trajectory.at(t_s).poses()
    poses[:, :3, :3] = poses[:, :3, :3] @ RIG_FROM_CAMERA
    renderer = Renderer(scene, load_photos(), camera)
    pictures = [renderer.render(pose).image_rgb for pose in poses]
    imu = Gyro("imu", t_ns, felt.rate_rad_s, None, felt.force_m_s2)
    return World(camera, t_s, pictures, poses, imu)


def reconstruct(world: World) -> Made:
    """As the asset does it."""
    names = [str(number) for number in range(len(world.pictures))]
    size_px = world.camera.size_px
    pictures = tuple(
        BoardPicture(
            name, CAPTURE, "cam", round(1e9 * t_s), name, size_px, "", int(name)
        )
        for name, t_s in zip(names, world.t_s.tolist(), strict=True)
    )
    given = GivenCamera(world.camera, is_known=True)
    camera = SessionCamera(CAPTURE, "cam", given, "recorded", None, None, "")
    pairing = choose_pairs([p.view for p in pictures], None)
    places = (0,) * len(pictures)
    imus = {CAPTURE: world.imu}
    scene = Scene("bench", len(pictures), pictures, (camera,), places, pairing, imus)

    def load(wanted: list[str]) -> Iterable[Picture]:
        return (world.pictures[int(name)] for name in wanted)

    with Workshop() as workshop:
        describe_scene(scene, load, workshop)
        return climb(scene, workshop)


def measure_scale(true: Array, found: Array) -> float:
    """Metres by the model's own unit, which is 1 where its scale is right."""
    similarity = align(found[:, :3, 3], true[:, :3, 3])
    return float(np.cbrt(np.linalg.det(similarity[:3, :3])))


def is_joined_wrongly(true: Array, found: Array) -> bool:
    """Whether the poses (N, 4, 4) of a model turn or move otherwise than the camera did somewhere."""
    true_step, step = (np.linalg.inv(poses[:-1]) @ poses[1:] for poses in (true, found))
    turned = [Rotation.from_matrix(steps[:, :3, :3]) for steps in (true_step, step)]
    off_deg = np.degrees((turned[0].inv() * turned[1]).magnitude())
    lengths = [np.linalg.norm(s[:, :3, 3], axis=1) for s in (true_step, step)]
    metres = float(np.median(lengths[0] / lengths[1]))
    off_m = np.linalg.norm(metres * step[:, :3, 3] - true_step[:, :3, 3], axis=1)
    size_m = np.linalg.norm(np.ptp(true[:, :3, 3], axis=0))
    return bool((off_deg > SEAM_DEG).any() or (off_m > SEAM * size_m).any())


def measure(worlds: int, seconds: float) -> dict[str, object]:
    """Over all worlds."""
    errors, sigmas, refused, registered = [], [], [], []
    num_broken = num_told = num_accused = 0
    for seed in range(worlds):
        world = draw_world(seed, seconds)
        made = reconstruct(world)
        registered.append(made.model["share_registered"])
        if made.sparse_model is None:
            refused.append(made.model["reason"])
            continue
        images = made.sparse_model.images
        found = np.array([i.world_from_camera for i in images])
        true = world.world_from_camera[[int(i.name) for i in images]]
        is_broken = is_joined_wrongly(true, found)
        is_told = (made.model["gyro_off_deg"] or 0.0) > MOST_OFF_DEG or (
            made.model["leap"] or 0.0
        ) > MOST_LEAP
        num_broken += is_broken
        num_told += is_broken and is_told
        num_accused += is_told and not is_broken
        if made.model["length_unit"] != "m":
            refused.append(made.model["scale_reason"])
            continue
        errors.append(1.0 / measure_scale(true, found) - 1.0)
        sigmas.append(made.model["scale_sigma"])
    off, stated = np.array(errors), np.array(sigmas)
    weighed = off / stated
    return {
        "worlds": worlds,
        "least_share_registered": round(min(registered), 3),
        "joined_wrongly": num_broken,
        "joined_wrongly_and_told": num_told,
        "sound_and_accused": num_accused,
        "without_scale": refused,
        "off_percent": np.round(100 * off, 2).tolist(),
        "sigma_percent": np.round(100 * stated, 2).tolist(),
        "within_2_sigma": round(float((np.abs(weighed) <= 2).mean()), 3),
        "mean_square": round(float((weighed**2).mean()), 2),
    }


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures: dict[str, object] = {}
    used_s = measure_used(
        lambda: figures.update(measure(arguments.worlds, arguments.seconds))
    )
    print_figures({**figures, "cpu_s": round(used_s, 1)}, arguments.json)


if __name__ == "__main__":
    main()
