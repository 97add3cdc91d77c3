"""Where a scene wants more Gaussians, and which of them nobody needs: cloned, split and removed (Kerbl et al. 2023).

A Gaussian whose middle the pictures pull at is cloned where it is small, and split in two where it is large; one that
is all but transparent goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.splats.gaussians import Gaussians, turn_from
from models.splats.rasteriser import Rendering

PULLED = 2e-4  # mean gradient of a loss, by half the width and height of the picture
SMALL = 0.01  # standard deviation, by the extent of the scene
LEAST_OPACITY = 0.005
_SHRUNK = 1.6  # a half of one that was split, by what it was


@dataclass(frozen=True)
class Change:
    """Gaussians after a change, and which one of before each of them comes of."""

    gaussians: Gaussians
    parents: Tensor  # (M,)
    is_new: Tensor  # (M,) bool: is not the parent itself


class Pull:
    """How strongly pictures pulled at each Gaussian since the last change."""

    def __init__(self, count: int, device: torch.device) -> None:
        self._sums = torch.zeros(count, device=device)
        self._seen = torch.zeros(count, device=device)

    def add(self, rendering: Rendering, size_px: tuple[int, int]) -> None:
        """Of a rendering that gradients went back through."""
        gradient = rendering.pixels.grad
        assert gradient is not None
        halves = gradient.new_tensor(size_px) / 2
        strength = (gradient.reshape(-1, 2) * halves).norm(dim=-1)
        self._sums += strength * rendering.is_seen
        self._seen += rendering.is_seen

    @property
    def mean(self) -> Tensor:
        """(N,) over the pictures that saw it; 0 where none did."""
        return self._sums / self._seen.clamp(min=1)


@torch.no_grad()
def refine(
    gaussians: Gaussians,
    pull: Tensor,
    extent: float,
    most: int,
    generator: torch.Generator,
) -> Change:
    """Clone, split and remove. Of more than `most` those are grown first that are pulled at most."""
    widest = gaussians.log_scales.exp().amax(dim=1)
    is_thin = torch.sigmoid(gaussians.logits) < LEAST_OPACITY
    wants = (pull > PULLED) & ~is_thin
    room = max(0, most - int((~is_thin).sum()))
    if int(wants.sum()) > room:
        strongest = torch.argsort(torch.where(wants, pull, 0), descending=True)[:room]
        wants = torch.zeros_like(wants)
        wants[strongest] = True
    is_split = wants & (widest > SMALL * extent)
    is_cloned = wants & ~is_split
    (kept,) = torch.nonzero(~is_thin & ~is_split, as_tuple=True)
    (cloned,) = torch.nonzero(is_cloned, as_tuple=True)
    halves = torch.nonzero(is_split, as_tuple=True)[0].repeat(2)
    parents = torch.cat([kept, cloned, halves])
    is_new = torch.ones_like(parents, dtype=torch.bool)
    is_new[: len(kept)] = False
    made = gaussians.map(lambda part: part[parents])
    first = len(parents) - len(halves)
    return Change(_spread(made, first, generator), parents, is_new)


def _spread(gaussians: Gaussians, first: int, generator: torch.Generator) -> Gaussians:
    """Those from `first` on drawn from the Gaussian that they come of, and narrower."""
    means, scales = gaussians.means.clone(), gaussians.log_scales.clone()
    # chance is of the processor, so that it is the same on each device
    drawn = torch.randn(len(means) - first, 3, generator=generator).to(means.device)
    own = drawn * scales[first:].exp()
    turns = turn_from(gaussians.quaternions[first:])
    means[first:] += (turns @ own[..., None])[..., 0]
    scales[first:] -= torch.log(torch.tensor(_SHRUNK, device=scales.device))
    return replace(gaussians, means=means, log_scales=scales)
