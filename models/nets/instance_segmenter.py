"""Mask R-CNN (He et al., ICCV 2017): boxes with classes, and for each box which of its pixels are the object's.

Heads, anchors, losses and published weights are torchvision's. Ours are a backbone and widths that suit a CPU, and how
chance comes in: which places of an image a step learns from is the image's own draw, and losses are divided by what all
workers have, so that any number of them learns what one learns.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.net_names import LITE0
from models.nets.backbone import (
    DETAIL_STAGE,
    PYRAMID_CHANNELS,
    PYRAMID_STAGES,
    STAGES,
    EfficientNetLite0,
)
from models.nets.torchvision_classifier import ImageNetPixels
from models.nets.torchvision_detector import Canvas
from models.training.workers import mean_over_workers

_ANCHORS_PX = (16, 32, 64, 128, 256)  # sides, one a level: strides of 4 to 64 px
# of an image, of those in training
_NUM_PROPOSALS = 256
_NUM_SAMPLED = 64
_norm = partial(nn.GroupNorm, 8)  # keeps small and sharded batches equal


class InstanceTarget(NamedTuple):
    """What a net learns from one image."""

    boxes_xyxy: Tensor  # (N, 4) px, with area
    class_ids: Tensor  # (N,)
    masks: Tensor  # (N, H, W) bool
    seed: int  # of the draw which of its places are learnt from


class InstanceSegmenter(nn.Module):
    """(B, 3, H, W) RGB pixels 0-255 -> for each image `boxes` (N, 4) px, `scores` (N,) and `labels` (N,), which count
    from 1, highest score first, N up to 100, and `masks` (N, 1, 28, 28): probabilities over the box. With targets, the
    loss."""

    def __init__(self, name: str, num_classes: int, width: int) -> None:
        super().__init__()
        from torchvision.models import get_model

        num_labels = num_classes + 1  # label 0 is the background
        self.net: Any = (
            _make_lite0(num_labels, width)
            if name == LITE0
            else get_model(
                name, weights=None, weights_backbone=None, num_classes=num_labels
            )
        )
        self.net.transform = Canvas(
            nn.Identity() if name == LITE0 else ImageNetPixels()
        )
        parts: list[Any] = [self.net.rpn, self.net.roi_heads]
        for part in parts:
            usual = part.fg_bg_sampler
            part.fg_bg_sampler = SeededSampler(
                usual.batch_size_per_image, usual.positive_fraction
            )

    @property
    def backbone(self) -> nn.Module:
        """The part that knows images in general: without pyramid, proposals and heads."""
        return self.net.backbone.body

    def forward(
        self, pixels: Tensor, targets: Sequence[InstanceTarget] | None = None
    ) -> Any:
        images, _ = self.net.transform(pixels)
        features = self.net.backbone(images.tensors)
        if targets is None:
            proposals, _ = self.net.rpn(images, features)
            return self.net.roi_heads(features, proposals, images.image_sizes)[0]
        rows = [_to_row(target, pixels.device) for target in targets]
        of_places = self.net.rpn.fg_bg_sampler
        of_proposals = self.net.roi_heads.fg_bg_sampler
        for sampler in (of_places, of_proposals):
            sampler.seeds = [target.seed for target in targets]
        proposals, first = self.net.rpn(images, features, rows)
        _, second = self.net.roi_heads(features, proposals, images.image_sizes, rows)
        losses = [
            first["loss_objectness"] + first["loss_rpn_box_reg"],
            second["loss_classifier"] + second["loss_box_reg"],
            second["loss_mask"],
        ]
        counts = pixels.new_tensor(
            [of_places.num_drawn, of_proposals.num_drawn, of_proposals.num_positive]
        )
        # each loss is a mean over what this worker has
        shares = counts / mean_over_workers(counts).clamp(min=1)
        return (torch.stack(losses).float() * shares).sum()


class SeededSampler:
    """In place of torchvision's BalancedPositiveNegativeSampler: the same numbers of places, but those of an image are
    drawn with its own seed, whichever images are in the batch with it."""

    def __init__(self, num_places: int, positive_share: float) -> None:
        self._num_places = num_places
        self._max_positive = int(num_places * positive_share)
        self.seeds: list[int] = []  # one an image, set before each use
        self.num_drawn = self.num_positive = 0  # in the last use, over all images

    def __call__(self, labels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """(P,) labels an image, above 0 positive, 0 negative -> (P,) bool each: the positives and negatives taken."""
        positives = []
        negatives = []
        for of_image, seed in zip(labels, self.seeds, strict=True):
            lots = torch.rand(
                len(of_image), generator=torch.Generator().manual_seed(seed)
            ).to(of_image.device)
            positives.append(_take(of_image >= 1, self._max_positive, lots))
            negatives.append(
                _take(of_image == 0, self._num_places - int(positives[-1].sum()), lots)
            )
        self.num_positive = sum(int(taken.sum()) for taken in positives)
        self.num_drawn = self.num_positive + sum(
            int(taken.sum()) for taken in negatives
        )
        return positives, negatives


class _Lite0Pyramid(nn.Module):
    """Maps of stride 4, 8, 16, 32 and 64 px, of one width, by name, as torchvision's heads take them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        from torchvision.ops.feature_pyramid_network import (
            FeaturePyramidNetwork,
            LastLevelMaxPool,
        )

        self.body = EfficientNetLite0((DETAIL_STAGE, *PYRAMID_STAGES))
        channels = [STAGES[DETAIL_STAGE][3], *PYRAMID_CHANNELS]
        self.fpn = FeaturePyramidNetwork(channels, width, LastLevelMaxPool(), _norm)
        self.out_channels = width

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        return self.fpn(OrderedDict(zip("0123", self.body(pixels), strict=True)))


def _make_lite0(num_labels: int, width: int) -> nn.Module:
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

    return MaskRCNN(
        _Lite0Pyramid(width),
        rpn_anchor_generator=AnchorGenerator(
            tuple((side,) for side in _ANCHORS_PX),
            ((0.5, 1.0, 2.0),) * len(_ANCHORS_PX),
        ),
        rpn_pre_nms_top_n_train=_NUM_PROPOSALS,
        rpn_pre_nms_top_n_test=_NUM_PROPOSALS,
        rpn_post_nms_top_n_train=_NUM_PROPOSALS,
        rpn_post_nms_top_n_test=_NUM_PROPOSALS,
        box_head=TwoMLPHead(width * 7 * 7, 4 * width),
        box_predictor=FastRCNNPredictor(4 * width, num_labels),
        box_batch_size_per_image=_NUM_SAMPLED,
        mask_head=MaskRCNNHeads(width, [width] * 3, 1, _norm),
        mask_predictor=MaskRCNNPredictor(width, width, num_labels),
    )


def _to_row(target: InstanceTarget, device: torch.device) -> dict[str, Tensor]:
    values = {
        "boxes": target.boxes_xyxy,
        "labels": target.class_ids + 1,
        "masks": target.masks,
    }
    return {name: value.to(device) for name, value in values.items()}


def _take(is_candidate: Tensor, count: int, lots: Tensor) -> Tensor:
    """(P,) bool: the `count` candidates with the lowest lots, or all where there are fewer.

    Every place has a lot, so a place that rounding makes no candidate changes the choice by one.
    """
    places = is_candidate.nonzero()[:, 0]
    chosen = places[lots[places].argsort()[:count]]
    return torch.zeros_like(is_candidate).index_fill_(0, chosen, True)
