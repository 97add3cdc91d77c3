"""Multi-label recognition: every class that an image shows, any number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.augment.colour import apply_colour, draw_colour
from models.metrics.multilabel import mean_average_precision, micro_f1
from models.recipes.config import TrainConfig
from models.tasks.base import Batch, OpenTask
from models.tasks.recognition import Recognition, augment, name_logits
from models.types import Image, Sample, Target


class MultiLabel(OpenTask):
    """A yes or no for each class (binary cross-entropy); nets and images are those of recognition."""

    name = dataset = "multilabel"
    metric = "val_map"
    floor = 0.5

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        return Recognition().build(config, num_classes, weights)

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        images = augment(samples, config, rngs)
        colour = np.stack([draw_colour(rng, config.colour_jitter) for rng in rngs])
        shown = _tabulate([s.target for s in samples], num_classes)
        return Batch(
            tuple(s.frame_id for s in samples),
            images,
            torch.from_numpy(colour),
            torch.from_numpy(shown),
        )

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        logits = net(apply_colour(batch.images, batch.colour)).float()
        return F.binary_cross_entropy_with_logits(
            logits, batch.targets.to(logits.device)
        )

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[NDArray[np.float32]]:
        """For each image the probability of each class, (C,)."""
        return list(name_logits(net, images_rgb, config).sigmoid().numpy())

    def score(
        self, predictions: Sequence[NDArray[np.float32]], targets: Sequence[Target]
    ) -> float:
        scores = np.stack(predictions)
        return mean_average_precision(scores, _tabulate(targets, scores.shape[1]))

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        return nn.Sequential(net, nn.Sigmoid()), ("probabilities",)

    def examine(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> dict[str, float]:
        """`map`, and `micro_f1` of the classes with a probability of at least a half."""
        scores, targets = self.answer(net, test, config)
        shown = _tabulate(targets, scores[0].shape[0])
        return {
            "map": self.score(scores, targets),
            "micro_f1": micro_f1(np.stack(scores) >= 0.5, shown),
        }


def _tabulate(targets: Sequence[Target], num_classes: int) -> NDArray[np.float32]:
    """(N, C): 1 where the image shows the class."""
    table = np.zeros((len(targets), num_classes), np.float32)
    for row, target in zip(table, targets, strict=True):
        assert isinstance(target, frozenset), target
        row[list(target)] = 1
    return table
