"""Recognition: one class for the whole image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.augment.colour import apply_colour, draw_colour
from models.augment.crop_batch import cut_crops
from models.augment.crops import draw_crop
from models.augment.geometry import draw_move, move_image
from models.augment.mixing import cut_pairs, mix_pairs, smooth_one_hot
from models.augment.square import fit_square
from models.metrics.calibration import Calibration, fit_sureness
from models.net_names import LITE0
from models.nets.classifier import Classifier
from models.nets.starting import start_backbone
from models.nets.torchvision_classifier import TorchvisionClassifier
from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Task
from models.training.workers import mean_over_workers
from models.types import Image, Probabilities, Sample, Target

_PREDICT_BATCH = 32


class Recognition(Task):
    """Cross-entropy on soft targets; images are stretched to a square, as they are at prediction."""

    name = "recognition"
    metric = "val_accuracy"

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        if config.net != LITE0:
            published = TorchvisionClassifier(config.net, num_classes, config.dropout)
            start_backbone(published.backbone, config, weights)
            return published
        net = Classifier(num_classes, config.dropout)
        start_backbone(net.backbone, config, weights, net.features)
        return net

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        images = augment(samples, config, rngs)
        class_ids = np.array([s.target for s in samples], np.int64)
        targets = torch.from_numpy(
            smooth_one_hot(class_ids, num_classes, config.label_smoothing)
        )
        images, targets = _mix(images, targets, config, rngs[0])
        colour = np.stack([draw_colour(rng, config.colour_jitter) for rng in rngs])
        return Batch(
            tuple(s.frame_id for s in samples),
            images,
            torch.from_numpy(colour),
            targets,
        )

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        logits = net(apply_colour(batch.images, batch.colour)).float()
        num_images = mean_over_workers(logits.new_tensor(float(len(batch))))
        return (
            F.cross_entropy(logits, batch.targets.to(logits.device), reduction="sum")
            / num_images
        )

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[Probabilities]:
        return [
            Probabilities(v)
            for v in name_logits(net, images_rgb, config).softmax(1).numpy()
        ]

    def score(
        self, predictions: Sequence[Probabilities], targets: Sequence[Target]
    ) -> float:
        hits = [
            int(p.values.argmax()) == t
            for p, t in zip(predictions, targets, strict=True)
        ]
        return float(np.mean(hits))

    @torch.no_grad()
    def temper(
        self,
        net: nn.Module,
        predictions: Sequence[Probabilities],
        targets: Sequence[Target],
    ) -> Calibration:
        found = fit_sureness(
            np.stack([p.values for p in predictions]), np.array(targets, np.int64)
        )
        for weights in cast(
            "Classifier | TorchvisionClassifier", net
        ).classify.parameters():
            weights.mul_(found.scale)
        return found

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        return nn.Sequential(net, nn.Softmax(1)), ("probabilities",)


def _mix(
    images: Tensor, targets: Tensor, config: TrainConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    if config.cutmix_alpha and (not config.mixup_alpha or rng.random() < 0.5):
        return cut_pairs(images, targets, config.cutmix_alpha, rng)
    return mix_pairs(images, targets, config.mixup_alpha, rng)


def name_logits(
    net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
) -> Tensor:
    """(N, C) on the CPU."""
    device = next(net.parameters()).device
    parts = []
    for start in range(0, len(images_rgb), _PREDICT_BATCH):
        squares = [
            fit_square(image, config.image_size_px)
            for image in images_rgb[start : start + _PREDICT_BATCH]
        ]
        parts.append(net(to_tensor(np.stack(squares)).to(device).float()).cpu())
    return torch.cat(parts)


def augment(
    samples: Sequence[Sample], config: TrainConfig, rngs: Sequence[np.random.Generator]
) -> Tensor:
    """(B, 3, S, S) uint8: random crops where the recipe wants them, else the whole images moved about."""
    side = config.image_size_px
    if config.crop_area is not None:
        crops = [
            [draw_crop(rng, sample.size_hw, config.crop_area, config.flip_horizontal)]
            for sample, rng in zip(samples, rngs, strict=True)
        ]
        return cut_crops(samples, crops, side)[:, 0]
    images = np.empty((len(samples), side, side, 3), np.uint8)
    for image, sample, rng in zip(images, samples, rngs, strict=True):
        move = draw_move(
            rng,
            (side, side),
            (side, side),
            config.zoom,
            config.shift_share,
            config.flip_horizontal,
            config.flip_vertical,
        )
        image[...] = move_image(fit_square(sample.image_rgb, side), move, (side, side))
    return to_tensor(images)


def to_tensor(images: np.ndarray) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) uint8 in channels-last memory: no copy."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)
