"""Cut the crops of a batch: one after the other on the CPU, or all at once on the GPU that decodes the images.

On a GPU the antialiased bilinear resize is two products of matrices: a row of the one says what each line of the image
gives to a line of the square, a row of the other what each of its columns gives to a column.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from models.augment.crops import Crop, cut_views
from models.types import Sample

# of whole images at once on a device: half a GiB with what is computed of them
_CHUNK_PIXELS = 2**24
_log = logging.getLogger("daguerre.training")


def cut_crops(
    samples: Sequence[Sample], crops: Sequence[Sequence[Crop]], side_px: int
) -> Tensor:
    """(B, V, 3, S, S) uint8, channels last: the V crops of each image as `cut_crop` cuts them, where it is decoded.

    A GPU decodes whole images and rounds once: its levels differ by one or two.
    """
    device = next(filter(None, map(_device_of, samples)), None)
    if device:
        return _cut_on(torch.device(device), samples, crops, side_px).permute(
            0, 1, 4, 2, 3
        )
    squares = np.empty((len(samples), len(crops[0]), side_px, side_px, 3), np.uint8)
    for views, sample, wanted in zip(squares, samples, crops, strict=True):
        for view, square in zip(views, cut_views(sample, wanted, side_px), strict=True):
            view[...] = square
    return torch.from_numpy(squares).permute(0, 1, 4, 2, 3)


def _device_of(sample: Sample) -> str | None:
    return None if isinstance(sample.image, np.ndarray) else sample.image.device


def _cut_on(
    device: torch.device,
    samples: Sequence[Sample],
    crops: Sequence[Sequence[Crop]],
    side_px: int,
) -> Tensor:
    """(B, V, S, S, 3) uint8 on the device."""
    squares = torch.empty(
        (len(samples), len(crops[0]), side_px, side_px, 3),
        dtype=torch.uint8,
        device=device,
    )
    for places in _group_by_size(samples):
        images = torch.stack(_decode([samples[place] for place in places], device))
        squares[places] = _resample(images, [crops[place] for place in places], side_px)
        # torchvision decodes into memory that was freed, whatever is queued to read it
        if device.type == "cuda":
            torch.cuda.current_stream(device).synchronize()
    return squares


def _group_by_size(samples: Sequence[Sample]) -> Iterator[list[int]]:
    """Places of images of one size, as many at once as there is room for."""
    places_of: dict[tuple[int, int], list[int]] = {}
    for place, sample in enumerate(samples):
        places_of.setdefault(sample.size_hw, []).append(place)
    for (height, width), places in places_of.items():
        count = max(1, _CHUNK_PIXELS // (height * width))
        yield from (
            places[start : start + count] for start in range(0, len(places), count)
        )


def _decode(samples: Sequence[Sample], device: torch.device) -> list[Tensor]:
    """(3, H, W) uint8 RGB of each whole image, on the device; what it cannot decode comes from the CPU."""
    decoded: dict[int, Tensor] = {}
    images = {
        n: s.image
        for n, s in enumerate(samples)
        if not isinstance(s.image, np.ndarray) and s.image.device
    }
    if images:
        from torchvision.io import ImageReadMode, decode_jpeg

        payloads = [
            torch.frombuffer(bytearray(image.payload), dtype=torch.uint8)
            for image in images.values()
        ]
        try:
            decoded = dict(
                zip(
                    images,
                    decode_jpeg(payloads, ImageReadMode.RGB, device),
                    strict=True,
                )
            )
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            _warn_once(str(device), str(error))
    for n, sample in enumerate(samples):
        if n not in decoded:
            decoded[n] = (
                torch.from_numpy(sample.image_rgb.copy()).to(device).permute(2, 0, 1)
            )
    return [decoded[n] for n in range(len(samples))]


@cache
def _warn_once(device: str, reason: str) -> None:
    _log.warning(
        f"{device} does not decode some JPEGs, the CPU does so in its place: {reason}"
    )


def _resample(images: Tensor, crops: Sequence[Sequence[Crop]], side_px: int) -> Tensor:
    """(N, 3, H, W) uint8 images and V crops of each -> (N, V, S, S, 3) uint8."""
    num_images, _, height, width = images.shape
    num_views = len(crops[0])
    edges = torch.tensor(
        [[(c.left, c.width, c.top, c.height) for c in views] for views in crops],
        device=images.device,
    )
    is_mirrored = torch.tensor(
        [[c.is_mirrored for c in views] for views in crops], device=images.device
    )
    columns, rows = (
        _weigh(edges[..., i : i + 2], size, side_px)
        for i, size in ((0, width), (2, height))
    )
    columns = torch.where(is_mirrored[..., None, None], columns.flip(2), columns)
    lines = (
        images.permute(0, 2, 1, 3)
        .to(torch.float32, memory_format=torch.contiguous_format)
        .flatten(2)
    )
    lines = (rows.flatten(1, 2) @ lines).view(
        num_images * num_views, side_px * 3, width
    )
    squares = (lines @ columns.flatten(0, 1).mT).view(
        num_images, num_views, side_px, 3, side_px
    )
    return squares.round_().clamp_(0, 255).to(torch.uint8).transpose(3, 4)


def _weigh(edges: Tensor, size: int, side_px: int) -> Tensor:
    """(N, V, 2) start and length in px of crops of a line of that size -> (N, V, S, size): what its pixels give to
    those of the result, as F.interpolate weighs them: a triangle, as wide as the crop shrinks."""
    start, length = edges[..., None, None, :].float().unbind(-1)  # (N, V, 1, 1) each
    scale = length / side_px
    middles = start + scale * (
        torch.arange(side_px, device=edges.device)[:, None] + 0.5
    )
    places = torch.arange(size, device=edges.device) + 0.5
    weights = (1 - (places - middles).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((places > start) & (places < start + length))
    return weights / weights.sum(-1, keepdim=True)
