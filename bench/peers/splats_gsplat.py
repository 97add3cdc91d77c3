"""Gaussians projected and coloured by gsplat's reference in torch: `python splats_gsplat.py IN.npz OUT.npz`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from gsplat.cuda._torch_impl import (
    _fully_fused_projection,
    _quat_scale_to_covar_preci,
    _spherical_harmonics,
)

LEAST_ALPHA, NEAR = 1 / 255, 0.01


def main(given: Path, out: Path) -> None:
    data = {name: torch.from_numpy(value) for name, value in np.load(given).items()}
    width, height = data["size_px"].tolist()
    scales = data["log_scales"].exp()
    covariances, _ = _quat_scale_to_covar_preci(data["quaternions"], scales)
    pose = data["camera_from_world"]
    _, means, depths, conics, _ = _fully_fused_projection(
        data["means"], covariances, pose[None], data["matrix"][None], width, height
    )
    centre = torch.inverse(pose)[:3, 3]
    degree = int(data["degree"])
    shaded = _spherical_harmonics(degree, data["means"] - centre, data["harmonics"])
    colours = (shaded + 0.5).clamp(min=0)
    opacities = torch.sigmoid(data["logits"])
    picture = lay_over(
        means[0], conics[0], opacities, colours, depths[0], width, height
    )
    np.savez(
        out,
        pixels=means[0].numpy(),
        inverses=conics[0].numpy(),
        colours=colours.numpy(),
        picture=picture,
    )


def lay_over(means, conics, opacities, colours, depths, width, height):  # type: ignore[no-untyped-def]
    """One Gaussian over the other from far to near, in float64. gsplat's own `accumulate` wants kernels on a GPU."""
    y, x = np.mgrid[:height, :width] + 0.5
    picture = np.zeros((height, width, 3))
    for one in torch.argsort(depths, descending=True).tolist():
        if depths[one] <= NEAR:
            continue
        off_x, off_y = x - means[one, 0].item(), y - means[one, 1].item()
        a, b, c = conics[one].tolist()
        far = 0.5 * (a * off_x**2 + c * off_y**2) + b * off_x * off_y
        alpha = np.minimum(opacities[one].item() * np.exp(-far), 0.999)
        alpha[alpha < LEAST_ALPHA] = 0
        picture += alpha[..., None] * (colours[one].numpy() - picture)
    return picture.astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
