"""Gaussians drawn as a picture, short and readable: the form to read, to test by, and for tiny pictures on a processor.

As Kerbl et al. 2023: each Gaussian is projected by the Jacobian of the pinhole at its middle (EWA, Zwicker et al.
2001), widened by a third of a square pixel, sorted by depth, and laid over what lies behind. What is written here is
only the way forward; torch finds the way back.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.splats.gaussians import Gaussians, turn_from
from models.splats.harmonics import count_terms, find_terms
from models.splats.views import View

WIDENED_PX2 = 0.3  # added to each projected variance: what is thinner than a pixel is drawn as one
LEAST_ALPHA, MOST_ALPHA = 1 / 255, 0.999
NEAR_BY = 0.01  # length: what is nearer is not drawn
REACH = 3.33  # standard deviations, where the most opaque one falls below LEAST_ALPHA
_BEYOND = 0.3  # by half the field of view: farther out the Jacobian is that of there
_TILE_PX = 16


@dataclass(frozen=True)
class Rendering:
    """What is drawn of N Gaussians on black."""

    colours: Tensor  # (H, W, 3), 0 and more
    pixels: Tensor  # (N, 2) of their middles; its gradient says where the picture asks for more of them
    is_seen: Tensor  # (N,) bool


@dataclass(frozen=True)
class Projected:
    """Gaussians on the image plane."""

    pixels: Tensor  # (N, 2)
    inverses: Tensor  # (N, 3): xx, xy and yy of the inverse covariance, 1 / px^2
    reach_px: Tensor  # (N, 2) half the sides of the box that holds what is drawn of it
    depth: Tensor  # (N,)


def rasterise(gaussians: Gaussians, view: View, degree: int) -> Rendering:
    """Draw them with harmonics up to a degree. Gradients reach each part of the Gaussians and `pixels`."""
    found = project(gaussians, view)
    if found.pixels.requires_grad:
        found.pixels.retain_grad()
    colours = shade(gaussians, view, degree)
    opacities = torch.sigmoid(gaussians.logits)
    width, height = view.camera.size_px
    is_seen = _find_seen(found, (0, 0), (width, height))
    order = torch.argsort(found.depth.detach())
    order = order[is_seen[order]]
    rows = []
    for top in range(0, height, _TILE_PX):
        tiles = []
        bottom = min(top + _TILE_PX, height)
        for left in range(0, width, _TILE_PX):
            right = min(left + _TILE_PX, width)
            mine = order[_find_seen(found, (left, top), (right, bottom))[order]]
            tiles.append(
                _draw(found, colours, opacities, mine, (left, top), (right, bottom))
            )
        rows.append(torch.cat(tiles, dim=1))
    return Rendering(torch.cat(rows, dim=0), found.pixels, is_seen)


def project(gaussians: Gaussians, view: View) -> Projected:
    """Middles, inverse covariances and depth on the image plane of a pinhole."""
    turn, shift = view.camera_from_world[:3, :3], view.camera_from_world[:3, 3]
    at = gaussians.means @ turn.T + shift
    x, y, depth = at.unbind(-1)
    z = depth.clamp(min=NEAR_BY)
    (focal_x, focal_y), (centre_x, centre_y) = (
        view.camera.focal_px,
        view.camera.centre_px,
    )
    pixels = torch.stack([focal_x * x / z + centre_x, focal_y * y / z + centre_y], -1)
    slopes = _find_slopes(at, z, view)
    axes = turn_from(gaussians.quaternions) * gaussians.log_scales.exp()[:, None]
    flat = slopes @ turn @ axes  # (N, 2, 3)
    covariance = flat @ flat.mT
    xx = covariance[:, 0, 0] + WIDENED_PX2
    yy = covariance[:, 1, 1] + WIDENED_PX2
    xy = covariance[:, 0, 1]
    determinant = (xx * yy - xy * xy).clamp(min=1e-10)
    inverses = torch.stack([yy, -xy, xx], -1) / determinant[:, None]
    reach_px = (REACH * torch.stack([xx, yy], -1).detach().sqrt()).ceil()
    return Projected(pixels, inverses, reach_px, depth)


def shade(gaussians: Gaussians, view: View, degree: int) -> Tensor:
    """Colours (N, 3), 0 and more, as the view's camera sees them."""
    ways = torch.nn.functional.normalize(gaussians.means - view.centre, dim=-1)
    terms = find_terms(ways, degree)
    harmonics = gaussians.harmonics[:, : count_terms(degree)]
    return ((terms[..., None] * harmonics).sum(dim=1) + 0.5).clamp(min=0)


def _find_slopes(at: Tensor, z: Tensor, view: View) -> Tensor:
    """(N, 2, 3) px per length: the Jacobian of the pinhole, held where a Gaussian lies far outside of the picture."""
    camera = view.camera
    limits = []
    for focal, centre, size, side in zip(
        camera.focal_px,
        camera.centre_px,
        camera.size_px,
        at.unbind(-1)[:2],
        strict=True,
    ):
        # borders of the picture, whose first pixel begins half a pixel before its centre
        beyond = _BEYOND * 0.5 * size / focal
        low = -(centre + 0.5) / focal - beyond
        high = (size - 0.5 - centre) / focal + beyond
        limits.append(z * (side / z).clamp(low, high))
    x, y = limits
    zero = torch.zeros_like(z)
    focal_x, focal_y = camera.focal_px
    return torch.stack(
        [
            *(focal_x / z, zero, -focal_x * x / z**2),
            *(zero, focal_y / z, -focal_y * y / z**2),
        ],
        dim=-1,
    ).reshape(-1, 2, 3)


def _find_seen(
    found: Projected, first: tuple[int, int], end: tuple[int, int]
) -> Tensor:
    """(N,) bool: whose box reaches into pixels from `first` to before `end`."""
    pixels = found.pixels.detach()
    low = pixels.new_tensor(first) - 0.5
    high = pixels.new_tensor(end) - 0.5
    reaches = (pixels + found.reach_px > low) & (pixels - found.reach_px < high)
    return reaches.all(dim=-1) & (found.depth.detach() > NEAR_BY)


def _draw(
    found: Projected,
    colours: Tensor,
    opacities: Tensor,
    mine: Tensor,
    first: tuple[int, int],
    end: tuple[int, int],
) -> Tensor:
    """(h, w, 3) of the Gaussians `mine`, which are sorted from near to far."""
    x = torch.arange(first[0], end[0], device=mine.device)
    y = torch.arange(first[1], end[1], device=mine.device)
    off_x = (x - found.pixels[mine, 0, None])[:, None]  # (n, 1, w)
    off_y = (y - found.pixels[mine, 1, None])[:, :, None]  # (n, h, 1)
    xx, xy, yy = found.inverses[mine].T[..., None, None]
    far = 0.5 * (xx * off_x**2 + yy * off_y**2) + xy * off_x * off_y  # (n, h, w)
    alpha = opacities[mine, None, None] * torch.exp(-far.clamp(min=0))
    alpha = torch.where(alpha < LEAST_ALPHA, 0, alpha.clamp(max=MOST_ALPHA))
    passing = torch.cumprod(1 - alpha, dim=0)
    before = torch.cat([torch.ones_like(passing[:1]), passing[:-1]])[: len(mine)]
    return torch.einsum("nhw,nc->hwc", alpha * before, colours[mine])
