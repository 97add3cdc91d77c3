"""Segmentation: a class for every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.augment.colour import apply_colour
from models.augment.geometry import fit_scale, move_map
from models.losses.overlap import pixel_cross_entropy, soft_dice_loss
from models.metrics.calibration import Calibration, fit_sureness
from models.metrics.segmentation import count_confusion, mean_iou
from models.nets.segmenter import Segmenter
from models.nets.starting import start_backbone
from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Task
from models.tasks.canvas import letterbox_batches, make_moved_batch
from models.types import (
    IGNORE,
    Image,
    PixelProbe,
    Sample,
    SemanticMap,
    SemanticPrediction,
    Target,
)

# probabilities in memory at once while an image is read out: 128 MiB
_BAND_VALUES = 32 * 2**20
# probabilities of an image that are kept to tell how sure to be, and pixels at least
_PROBED_VALUES = 2048
_MIN_PROBED = 16


class Segmentation(Task):
    """Cross-entropy and soft dice over the pixels that somebody labelled; images keep their proportions."""

    name = "segmentation"
    metric = "val_miou"

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        net = Segmenter(num_classes, config.head_width)
        start_backbone(net.backbone, config, weights)
        return net

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        batch = make_moved_batch(samples, config, rngs, _move_target)
        return replace(batch, targets=torch.from_numpy(np.stack(batch.targets)))

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        logits = net(apply_colour(batch.images, batch.colour)).float()
        logits = _enlarge(logits, (batch.images.shape[2], batch.images.shape[3]))
        class_ids = batch.targets.to(logits.device).long()
        return pixel_cross_entropy(logits, class_ids) + soft_dice_loss(
            logits, class_ids
        )

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[SemanticPrediction]:
        device = next(net.parameters()).device
        found: list[SemanticPrediction] = []
        for some, pixels, canvas_hw in letterbox_batches(images_rgb, config, device):
            logits = net(pixels)
            found += [
                _read_out(one, canvas_hw, image.shape[:2])
                for one, image in zip(logits, some, strict=True)
            ]
        return found

    def score(
        self, predictions: Sequence[SemanticPrediction], targets: Sequence[Target]
    ) -> float:
        pairs = [
            (p, t)
            for p, t in zip(predictions, targets, strict=True)
            if isinstance(t, SemanticMap)
        ]
        value = mean_iou(
            sum(count_confusion(t, p.map, len(p.confidences)) for p, t in pairs)
        )
        if value is None:
            raise ValueError(
                f"none of {len(pairs)} validation frames has a labelled pixel: move labelled frames to "
                "the 'val' split"
            )
        return value

    @torch.no_grad()
    def temper(
        self,
        net: nn.Module,
        predictions: Sequence[SemanticPrediction],
        targets: Sequence[Target],
    ) -> Calibration | None:
        """A temperature from some pixels of each image, in the class layer: pixels keep their class.

        Pixels of one image resemble each other, so that an image counts as one answer.
        """
        probabilities, class_ids = _join_probes(predictions, targets)
        if not len(class_ids):
            return None
        found = fit_sureness(probabilities, class_ids, len(predictions))
        for weights in cast(Segmenter, net).classify.parameters():
            weights.mul_(found.scale)
        return found

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        return _Deployed(net, side_px), ("probabilities",)


class _Deployed(nn.Module):
    """Pixels (B, 3, S, S) -> class probabilities (B, C, S, S)."""

    def __init__(self, net: nn.Module, side_px: int) -> None:
        super().__init__()
        assert isinstance(net, Segmenter), type(net)
        self.net = net
        self.side_px = side_px
        # said aloud, so that the ONNX form states it
        self.shape = (-1, net.classify.out_channels, side_px, side_px)

    def forward(self, pixels: Tensor) -> Tensor:
        return (
            _enlarge(self.net(pixels), (self.side_px, self.side_px))
            .softmax(1)
            .reshape(self.shape)
        )


def _move_target(
    target: Target,
    move: NDArray[np.float64],
    canvas_hw: tuple[int, int],
    _rng: np.random.Generator,
) -> NDArray[np.uint8]:
    assert isinstance(target, SemanticMap)
    return move_map(target, move, canvas_hw).class_ids


def _enlarge(logits: Tensor, size_hw: tuple[int, int]) -> Tensor:
    return F.interpolate(logits, size=size_hw, mode="bilinear", align_corners=False)


def _read_out(
    logits: Tensor, canvas_hw: tuple[int, int], image_hw: tuple[int, int]
) -> SemanticPrediction:
    """(C, h, w) logits of a letterboxed image -> the class of each of its pixels, sampled where the pixel lies."""
    num_classes = len(logits)
    class_ids = np.empty(image_hw, np.uint8)
    sums = np.zeros(num_classes)
    for rows, grid in _grid_bands(canvas_hw, image_hw, num_classes, logits.device):
        scores = F.grid_sample(
            logits[None],
            grid[None],
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        probability, winner = scores[0].softmax(0).max(0)
        class_ids[rows] = winner.cpu().numpy()
        sums += np.bincount(
            winner.flatten().cpu().numpy(),
            probability.flatten().cpu().numpy(),
            num_classes,
        )
    counts = np.bincount(class_ids.ravel(), minlength=num_classes)
    return SemanticPrediction(
        SemanticMap(class_ids),
        (sums / np.maximum(counts, 1)).astype(np.float32),
        _probe(logits, canvas_hw, image_hw),
    )


def _probe(
    logits: Tensor, canvas_hw: tuple[int, int], image_hw: tuple[int, int]
) -> PixelProbe:
    """Pixels evenly spread over the rows of an image one after the other."""
    num_pixels = image_hw[0] * image_hw[1]
    count = min(num_pixels, max(_MIN_PROBED, _PROBED_VALUES // len(logits)))
    places = np.linspace(0, num_pixels - 1, count).astype(np.int64)
    rows, columns = np.divmod(places, image_hw[1])
    y, x = _place_pixels(canvas_hw, image_hw, logits.device)
    grid = torch.stack([x[columns], y[rows]], -1)[None, None]  # (1, 1, M, 2)
    values = F.grid_sample(
        logits[None], grid, padding_mode="border", align_corners=False
    )
    return PixelProbe(places, values[0, :, 0].softmax(0).T.float().cpu().numpy())


def _join_probes(
    predictions: Sequence[SemanticPrediction], targets: Sequence[Target]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Distributions (N, C) and true class ids (N,) of the probed pixels that somebody labelled."""
    probabilities: list[NDArray[np.float32]] = []
    class_ids: list[NDArray[np.int64]] = []
    for predicted, target in zip(predictions, targets, strict=True):
        if predicted.probe is None or not isinstance(target, SemanticMap):
            continue
        true_ids = target.class_ids.ravel()[predicted.probe.places]
        is_known = true_ids != IGNORE
        probabilities.append(predicted.probe.probabilities[is_known])
        class_ids.append(true_ids[is_known].astype(np.int64))
    if not class_ids:
        return np.zeros((0, 1), np.float32), np.zeros(0, np.int64)
    return np.concatenate(probabilities), np.concatenate(class_ids)


def _place_pixels(
    canvas_hw: tuple[int, int], image_hw: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """(H,) and (W,): where the centres of an image's rows and columns lie on the canvas, in [-1, 1]."""
    scale = fit_scale(image_hw, canvas_hw)
    # of the canvas, about its middle
    share_y, share_x = (scale * image_hw[i] / canvas_hw[i] for i in (0, 1))
    y, x = (
        ((torch.arange(n, device=device) + 0.5) / n * 2 - 1) * share
        for n, share in zip(image_hw, (share_y, share_x), strict=True)
    )
    return y, x


def _grid_bands(
    canvas_hw: tuple[int, int],
    image_hw: tuple[int, int],
    num_classes: int,
    device: torch.device,
) -> Iterator[tuple[slice, Tensor]]:
    """Rows of the image, and where their pixel centres lie on the canvas, (rows, W, 2) x, y in [-1, 1]."""
    y, x = _place_pixels(canvas_hw, image_hw, device)
    step = max(1, _BAND_VALUES // (num_classes * image_hw[1]))
    for start in range(0, image_hw[0], step):
        rows = slice(start, min(start + step, image_hw[0]))
        yield rows, torch.stack(torch.meshgrid(x, y[rows], indexing="xy"), -1)
