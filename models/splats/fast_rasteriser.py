"""The same drawing by gsplat's kernels on a GPU, and which of both forms draws on a device."""

from __future__ import annotations

from typing import Protocol

import torch

from models.splats import DEVICES
from models.splats.gaussians import Gaussians
from models.splats.rasteriser import NEAR_BY, WIDENED_PX2, Rendering, rasterise
from models.splats.views import View

_BY_ONE = "`--device cpu` makes a tiny one without it"
_HALF_PX = 0.5


class Rasterise(Protocol):
    """Draws Gaussians from a view, with harmonics up to a degree."""

    def __call__(self, gaussians: Gaussians, view: View, degree: int) -> Rendering:
        """What is drawn, on black."""


class DeviceLacks(ValueError):
    """What a device wants is not here; the message says what, and the remedy."""


def choose_rasteriser(device: str) -> tuple[Rasterise, str]:
    """What draws on a device of `DEVICES`, and its name and version.

    Raises DeviceLacks where there is no GPU, no gsplat, or none of its kernels; ValueError for another device.
    """
    if device not in DEVICES:
        raise ValueError(f"device '{device[:40]}': choose one of {', '.join(DEVICES)}")
    if device == "cpu":
        return rasterise, "models.splats"
    if not torch.cuda.is_available():
        raise DeviceLacks(
            f"no GPU is here that CUDA reaches: run it on a machine that has one; {_BY_ONE}"
        )
    try:
        import gsplat
    except ImportError as error:
        raise DeviceLacks(
            f"gsplat is not installed: `pip install 'daguerre[splats]'` where the GPU is; {_BY_ONE}"
        ) from error
    _require_kernels()
    return rasterise_by_gsplat, f"gsplat {gsplat.__version__}"


def rasterise_by_gsplat(gaussians: Gaussians, view: View, degree: int) -> Rendering:
    """As `models.splats.rasteriser.rasterise`, on CUDA."""
    from gsplat import rasterization

    # gsplat has the centre of the first pixel at (0.5, 0.5)
    matrix = torch.tensor(view.camera.matrix, dtype=torch.float32)
    matrix[:2, 2] += _HALF_PX
    colours, _, info = rasterization(
        gaussians.means,
        gaussians.quaternions,
        gaussians.log_scales.exp(),
        torch.sigmoid(gaussians.logits),
        gaussians.harmonics,
        view.camera_from_world[None],
        matrix[None].to(gaussians.means.device),
        *view.camera.size_px,
        near_plane=NEAR_BY,
        eps2d=WIDENED_PX2,
        sh_degree=degree,
        packed=False,
    )
    pixels = info["means2d"]
    if pixels.requires_grad:
        pixels.retain_grad()
    is_seen = (info["radii"].reshape(len(gaussians), -1) > 0).all(dim=-1)
    return Rendering(colours[0], pixels, is_seen)


def _require_kernels() -> None:
    """gsplat builds its kernels when they are first asked for, unless it came with them."""
    try:
        from gsplat.cuda._backend import _C as kernels
    except Exception as error:  # whatever its build ends with
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DeviceLacks(
            f"gsplat could not build its kernels ({reason}): install the CUDA toolkit of torch {torch.version.cuda}, "
            f"or a gsplat that came with them; {_BY_ONE}"
        ) from error
    if kernels is None:
        raise DeviceLacks(
            f"gsplat has no kernels, and found no CUDA toolkit to build them: install that of {torch.version.cuda}; "
            f"{_BY_ONE}"
        )
