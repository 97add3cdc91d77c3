"""Is the readable rasteriser that of gsplat, and how much does learning on a processor bring?

With --gsplat PYTHON, an interpreter that has gsplat (no GPU is asked): Gaussians of chance projected and coloured by
gsplat's reference in torch, and by ours, and the most that both are apart. gsplat lays them over each other on a GPU
alone: the picture is compared with that of its formula, in float64.

Then a scene of three boards learned from four pictures at 64 px, as `daguerre splats --device cpu` does it: the fifth
picture, which was held out, beside the nearest of the others and the mean colour, in dB; processor time of all.

Run: `python -m bench.splats [--json] [--gsplat PYTHON]`
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from assets.reconstruction.splats import refresh_splats
from assets.tables.catalog import Catalog
from bench.printing import make_parser, print_figures
from models.geometry.camera import Camera
from models.splats.gaussians import Gaussians
from models.splats.rasteriser import project, rasterise, shade
from models.splats.views import View
from tests.assets.reconstruction.splat_session import store_hall

PEER = Path(__file__).parent / "peers" / "splats_gsplat.py"
CAMERA = Camera((96, 64), (80.0, 84.0), (46.0, 33.0))
COUNT, DEGREE = 500, 3
_HALF_PX = 0.5
_TOLD = (
    *("num_gaussians", "psnr_db", "start_psnr_db"),
    *("nearest_psnr_db", "mean_colour_psnr_db", "learned_psnr_db"),
)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--gsplat", type=Path, help="an interpreter that has gsplat")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.gsplat:
            figures |= compare(arguments.gsplat, Path(folder))
        figures |= learn(Path(folder))
    print_figures(figures, arguments.json)


def compare(python: Path, folder: Path) -> dict[str, object]:
    """The most that both are apart, in float32."""
    gaussians, view = draw_by_chance()
    matrix = CAMERA.matrix.astype(np.float32)
    matrix[:2, 2] += _HALF_PX
    np.savez(
        folder / "given.npz",
        size_px=np.array(CAMERA.size_px),
        degree=np.array(DEGREE),
        matrix=matrix,
        camera_from_world=view.camera_from_world.numpy(),
        harmonics=gaussians.harmonics.numpy(),
        **{name: part.numpy() for name, part in gaussians.parts.items()},
    )
    files = [folder / "given.npz", folder / "found.npz"]
    subprocess.run([python, PEER, *files], check=True)
    theirs = np.load(files[1])
    ours = project(gaussians, view)
    is_ahead = (ours.depth > 1.0).numpy()
    pairs = {
        "pixels_px": (ours.pixels.numpy()[is_ahead] + _HALF_PX, "pixels"),
        "inverses": (ours.inverses.numpy()[is_ahead], "inverses"),
        "colours": (shade(gaussians, view, DEGREE).numpy()[is_ahead], "colours"),
    }
    apart = {
        f"most_apart_{name}": _tell(mine - theirs[other][is_ahead])
        for name, (mine, other) in pairs.items()
    }
    picture = rasterise(gaussians, view, DEGREE).colours.numpy()
    return apart | {
        "most_apart_picture": _tell(picture - theirs["picture"]),
        "mean_of_picture": round(float(picture.mean()), 3),
    }


def draw_by_chance() -> tuple[Gaussians, View]:
    """Some of them beside the picture and behind the camera."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    gaussians = Gaussians(
        means=some(COUNT, 3) * torch.tensor([2.0, 1.5, 2.0])
        + torch.tensor([0.0, 0, 4.0]),
        log_scales=some(COUNT, 3) * 0.5 - 2,
        quaternions=some(COUNT, 4),
        logits=some(COUNT) * 2,
        sh0=some(COUNT, 1, 3),
        sh_rest=some(COUNT, 15, 3) * 0.1,
    )
    pose = torch.eye(4)
    angle = 0.2
    pose[0, 0] = pose[2, 2] = np.cos(angle)
    pose[0, 2], pose[2, 0] = np.sin(angle), -np.sin(angle)
    pose[:3, 3] = torch.tensor([0.1, -0.2, 0.3])
    return gaussians, View(CAMERA, pose)


def learn(folder: Path) -> dict[str, object]:
    """The asset's own work, on a processor."""
    catalog = Catalog(str(folder / "tables"))
    store_hall(catalog)
    start = time.process_time()
    row = refresh_splats(catalog, "hall", "cpu").splats
    seconds = time.process_time() - start
    figures: dict[str, object] = {name: _round(row[name]) for name in _TOLD}
    return figures | {"cpu_s": round(seconds, 1)}


def _tell(apart: NDArray[np.float32]) -> float:
    return float(f"{np.abs(apart).max():.2e}")


def _round(value: float) -> float:
    return round(value, 2)


if __name__ == "__main__":
    main()
