"""Pretraining: features of images that nobody labelled, from two views of each (SimCLR).

Labels are looked at in the exam alone, where there are some: how well do neighbours in the space of features, and a
linear classifier on them, name the class?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.augment.colour import apply_colour, draw_colour
from models.augment.crop_batch import cut_crops
from models.augment.crops import Crop, cut_crop, draw_crop
from models.augment.square import fit_square
from models.losses.contrastive import nt_xent
from models.metrics.features import knn_accuracy, linear_accuracy, share_found_again
from models.nets.contrastive import ContrastiveEncoder
from models.nets.starting import start_backbone
from models.recipes.config import TrainConfig
from models.tasks.base import Batch, OpenTask
from models.types import Embedding, Image, Sample, Target

_GREY_SHARE = 0.2  # of the views, as in SimCLR
_PREDICT_BATCH = 32


class Pretraining(OpenTask):
    """The views of an image are drawn together, those of different images apart."""

    name = dataset = "pretraining"
    metric = "val_found_again"
    floor = 0.02  # a collapse has 0

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        net = ContrastiveEncoder(config.net)
        start_backbone(net.backbone, config, weights, net.features)
        return net

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        area = config.crop_area or (1.0, 1.0)
        colour = np.empty((len(samples), 2, 3), np.float32)
        crops: list[list[Crop]] = [[] for _ in samples]
        for views, factors, sample, rng in zip(
            crops, colour, samples, rngs, strict=True
        ):
            for view in range(2):
                views.append(
                    draw_crop(rng, sample.size_hw, area, config.flip_horizontal)
                )
                factors[view] = draw_colour(rng, config.colour_jitter)
                factors[view, 2] *= rng.random() >= _GREY_SHARE
        images = cut_crops(samples, crops, config.image_size_px)
        return Batch(
            tuple(s.frame_id for s in samples), images, torch.from_numpy(colour), None
        )

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        pixels = apply_colour(batch.images.flatten(0, 1), batch.colour.flatten(0, 1))
        return nt_xent(net(pixels).float().unflatten(0, (-1, 2)))

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[Embedding]:
        assert isinstance(net, ContrastiveEncoder), type(net)
        views = [
            [fit_square(i, config.image_size_px) for i in images_rgb],
            [_look_again(i, config.image_size_px) for i in images_rgb],
        ]
        whole, part = (_encode(net, squares) for squares in views)
        return [Embedding(a, b) for a, b in zip(whole, part, strict=True)]

    def score(
        self, predictions: Sequence[Embedding], targets: Sequence[Target]
    ) -> float:
        return share_found_again(*_stack(predictions))

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        return _Deployed(net), ("vectors",)

    def examine(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> dict[str, float]:
        """`found_again`; where frames of both splits have a class also `knn` and `linear`, the shares of test frames
        that get their class by their neighbours in train, and by logistic regression on train."""
        found, targets = self.answer(net, test, config)
        figures = {"found_again": self.score(found, targets)}
        named = [
            (e.values, class_id)
            for e, class_id in zip(found, targets, strict=True)
            if class_id is not None
        ]
        train_vectors, train_ids = self._collect(net, train, config)
        if named and len(train_ids):
            vectors = np.stack([v for v, _ in named])
            class_ids = np.array([c for _, c in named], np.int64)
            sides = (train_vectors, train_ids, vectors, class_ids)
            figures |= {"knn": knn_accuracy(*sides), "linear": linear_accuracy(*sides)}
        return figures

    def _collect(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Features (N, D) and class ids (N,) of the samples that have a class."""
        assert isinstance(net, ContrastiveEncoder), type(net)
        vectors = [np.zeros((0, net.num_features), np.float32)]
        class_ids = []
        for start in range(0, len(samples), _PREDICT_BATCH):
            some = [
                samples[i]
                for i in range(start, min(start + _PREDICT_BATCH, len(samples)))
            ]
            known = [s for s in some if s.target is not None]
            if known:
                vectors.append(
                    _encode(
                        net,
                        [fit_square(s.image_rgb, config.image_size_px) for s in known],
                    )
                )
                class_ids += [s.target for s in known]
        return np.concatenate(vectors), np.array(class_ids, np.int64)


class _Deployed(nn.Module):
    """Pixels (B, 3, S, S) -> vectors (B, D) of unit length."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        assert isinstance(net, ContrastiveEncoder), type(net)
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.net.encode(pixels))


def _encode(net: ContrastiveEncoder, squares: Sequence[Image]) -> NDArray[np.float32]:
    """(N, D) features of unit length."""
    device = next(net.parameters()).device
    parts = []
    for start in range(0, len(squares), _PREDICT_BATCH):
        pixels = torch.from_numpy(
            np.stack(squares[start : start + _PREDICT_BATCH])
        ).permute(0, 3, 1, 2)
        parts.append(F.normalize(net.encode(pixels.to(device).float())).cpu().numpy())
    return np.concatenate(parts)


def _look_again(image_rgb: Image, side_px: int) -> Image:
    """The same image as a second view: its left upper part with half of its area, mirrored."""
    height, width = image_rgb.shape[:2]
    crop = Crop(
        0, 0, max(1, round(width * 0.7)), max(1, round(height * 0.7)), is_mirrored=True
    )
    return cut_crop(Sample("", image_rgb, None), crop, side_px)


def _stack(
    predictions: Sequence[Embedding],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.stack([p.values for p in predictions]), np.stack(
        [p.part for p in predictions]
    )
