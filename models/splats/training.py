"""Gaussians learned from pictures of known place, by any rasteriser: loss, steps, and how they grow in number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.losses.structure import find_similarity
from models.splats.density import Change, Pull, refine
from models.splats.fast_rasteriser import Rasterise
from models.splats.gaussians import Gaussians
from models.splats.views import Shot, View

OnProgress = Callable[[int, int], None]
STRUCTURE = 0.2  # weight of structural similarity beside absolute differences
_EXTENT_BY_REACH = 1.1
_LEAST_EXTENT = 0.05  # by the middle distance from cameras to points
_RATES = {
    "means": 1.6e-4,  # by the extent of the scene
    "log_scales": 5e-3,
    "quaternions": 1e-3,
    "logits": 5e-2,
    "sh0": 2.5e-3,
    "sh_rest": 2.5e-3 / 20,
}
_LAST_RATE = 0.01  # of the means, by their first
_EPSILON = 1e-15
_BETAS = 0.9, 0.999


@dataclass(frozen=True)
class Recipe:
    """How fine, and how long. Steps of growth are those from `refine_from` to `refine_to`, each `refine_every`."""

    most_px: int  # longest side of a picture
    num_steps: int
    degree: int  # of the harmonics; one more each `degree_every` steps
    degree_every: int
    most_gaussians: int
    refine_from: int
    refine_to: int
    refine_every: int
    rates_by: float = 1.0  # few steps take larger ones

    def __post_init__(self) -> None:
        if self.num_steps < 1 or self.most_px < 8:
            raise ValueError(
                f"num_steps {self.num_steps}, most_px {self.most_px}: give 1 and 8 or more"
            )


RECIPES = {
    "cuda": Recipe(1600, 7000, 3, 1000, 1_000_000, 500, 5000, 100),
    "cpu": Recipe(64, 400, 1, 200, 2000, 100, 300, 100, rates_by=4.0),
}


class Diverged(ValueError):
    """A training came to numbers that are none."""


def train(
    start: Gaussians,
    shots: Sequence[Shot],
    recipe: Recipe,
    rasterise: Rasterise,
    on_progress: OnProgress | None = None,
    seed: int = 0,
) -> Gaussians:
    """Gaussians that look like the shots from where these were taken, on the device where `start` lies.

    One shot a step, each once before any comes again. Raises Diverged, and ValueError without shots.
    """
    if not shots:
        raise ValueError("there is no picture to learn from")
    extent = find_extent(start, [shot.view for shot in shots])
    generator = torch.Generator().manual_seed(seed)
    steps = _Steps(start, extent, recipe)
    pull = Pull(len(start), start.means.device)
    order: list[int] = []
    for step in range(recipe.num_steps):
        order = order or torch.randperm(len(shots), generator=generator).tolist()
        shot = shots[order.pop()].to(start.means.device)
        degree = min(recipe.degree, step // recipe.degree_every)
        rendering = rasterise(steps.gaussians, shot.view, degree)
        loss = find_loss(rendering.colours, shot)
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {float(loss.detach())} in step {step}")
        loss.backward()
        if step < recipe.refine_to:
            pull.add(rendering, shot.view.camera.size_px)
        steps.take(step)
        if _is_to_refine(step + 1, recipe):
            change = refine(
                steps.gaussians, pull.mean, extent, recipe.most_gaussians, generator
            )
            steps.follow(change)
            pull = Pull(len(change.parents), start.means.device)
        if on_progress:
            on_progress(step + 1, recipe.num_steps)
    found = steps.gaussians.map(lambda part: part.detach())
    if not all(torch.isfinite(part).all() for part in found.parts.values()):
        raise Diverged(
            f"a Gaussian has no place or form after {recipe.num_steps} steps"
        )
    return found


def find_loss(colours: Tensor, shot: Shot) -> Tensor:
    """Absolute differences and structure, of what is known."""
    known = shot.is_known[..., None]
    seen, drawn = shot.picture_rgb / 255 * known, colours * known
    apart = (seen - drawn).abs().sum() / (3 * known.sum()).clamp(min=1)
    return (1 - STRUCTURE) * apart + STRUCTURE * (1 - find_similarity(drawn, seen))


def find_extent(gaussians: Gaussians, views: Sequence[View]) -> float:
    """How far the cameras reach from their middle, but a twentieth of the distance to what they see, at least."""
    centres = torch.stack([view.centre for view in views]).to(gaussians.means)
    middle = centres.mean(dim=0)
    reach = float((centres - middle).norm(dim=1).max())
    away = float((gaussians.means - middle).norm(dim=1).median())
    return max(_EXTENT_BY_REACH * reach, _LEAST_EXTENT * away)


@torch.no_grad()
def draw(
    gaussians: Gaussians, view: View, degree: int, rasterise: Rasterise
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) that is seen from a view, in 8 bits."""
    there = view.to(gaussians.means.device)
    colours = rasterise(gaussians, there, degree).colours
    whole = (colours.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.asarray(whole.cpu().numpy())


def _is_to_refine(step: int, recipe: Recipe) -> bool:
    is_in = recipe.refine_from <= step <= recipe.refine_to
    return is_in and step % recipe.refine_every == 0


class _Steps:
    """Adam over the parts of the Gaussians, whose number may change on the way."""

    def __init__(self, start: Gaussians, extent: float, recipe: Recipe) -> None:
        self.gaussians = start.map(lambda part: part.detach().clone().requires_grad_())
        self._num_steps = recipe.num_steps
        rates = {name: rate * recipe.rates_by for name, rate in _RATES.items()}
        rates["means"] *= extent
        self._first_rate = rates["means"]
        groups = [
            {"params": [part], "lr": rates[name], "name": name}
            for name, part in self.gaussians.parts.items()
        ]
        self._adam = torch.optim.Adam(groups, betas=_BETAS, eps=_EPSILON)

    def take(self, step: int) -> None:
        """One step by the gradients that there are; those of the means grow smaller from first to last."""
        share = step / max(self._num_steps - 1, 1)
        for group in self._adam.param_groups:
            if group["name"] == "means":
                group["lr"] = self._first_rate * _LAST_RATE**share
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def follow(self, change: Change) -> None:
        """Go on with the Gaussians of a change: what is new has no memory of gradients yet."""
        parts = change.gaussians.map(lambda part: part.detach().requires_grad_()).parts
        for group in self._adam.param_groups:
            (old,) = group["params"]
            new = parts[group["name"]]
            state = self._adam.state.pop(old, {})
            for name in ("exp_avg", "exp_avg_sq"):
                if name in state:
                    state[name] = state[name][change.parents]
                    state[name][change.is_new] = 0
            if state:
                self._adam.state[new] = state
            group["params"] = [new]
        self.gaussians = Gaussians(**parts)
