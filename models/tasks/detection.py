"""Detection: boxes with classes and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.augment.colour import apply_colour
from models.augment.geometry import move_boxes
from models.augment.letterbox import unletterbox_boxes
from models.metrics.calibration import Calibration, fit_odds
from models.metrics.matching import judge_detections
from models.net_names import LITE0
from models.nets.detector import Detector
from models.nets.points import decode_boxes, make_points
from models.nets.starting import start_backbone
from models.nets.torchvision_detector import TorchvisionDetector, start_detector
from models.recipes.config import TrainConfig
from models.suppression import keep_best
from models.tasks.average_precision import mean_average_precision_50
from models.tasks.base import Batch, Task
from models.tasks.box_losses import measure_boxes
from models.tasks.canvas import letterbox_batches, make_moved_batch
from models.types import BoxSet, Detections, Image, Sample, Target

_MIN_HITS = 20  # fewer on the val split say nothing of how sure to be


class Detection(Task):
    """Quality focal loss and GIoU on the points that answer for a box; torchvision's nets bring losses of their own."""

    name = "detection"
    metric = "val_map50"

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        if config.net != LITE0:
            published = TorchvisionDetector(config.net, num_classes)
            start_detector(published, config, weights)
            return published
        net = Detector(num_classes, config.head_width)
        start_backbone(net.backbone, config, weights)
        return net

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        return make_moved_batch(samples, config, rngs, _move_target)

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        pixels = apply_colour(batch.images, batch.colour)
        # `module`: inside DistributedDataParallel
        if isinstance(getattr(net, "module", net), TorchvisionDetector):
            return net(pixels, batch.targets)
        logits, distances = (values.float() for values in net(pixels))
        centres, strides = make_points(
            batch.images.shape[2], batch.images.shape[3], logits.device
        )
        found = measure_boxes(logits, distances, batch.targets, centres, strides)
        return found.total / found.num_positive

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[Detections]:
        device = next(net.parameters()).device
        found: list[Detections] = []
        for some, pixels, canvas_hw in letterbox_batches(images_rgb, config, device):
            scores, boxes = _find_candidates(net, pixels)
            for image, s, b in zip(
                some, scores.cpu().numpy(), boxes.cpu().numpy(), strict=True
            ):
                found.append(_unletterbox(keep_best(b, s), image.shape[:2], canvas_hw))
        return found

    def score(
        self, predictions: Sequence[Detections], targets: Sequence[Target]
    ) -> float:
        return mean_average_precision_50(
            predictions, [t for t in targets if isinstance(t, BoxSet)]
        )

    @torch.no_grad()
    def temper(
        self,
        net: nn.Module,
        predictions: Sequence[Detections],
        targets: Sequence[Target],
    ) -> Calibration | None:
        """Scale and shift of the log odds go into the class layer, so the order of answers stays.

        Left as they are: two-stage nets, whose scores are shares that the background has a part of, and nets that hit
        too little to tell.
        """
        layer = _find_class_layer(net)
        truths = [t for t in targets if isinstance(t, BoxSet)]
        scores, is_hit = judge_detections(truths, predictions)
        if layer is None or is_hit.sum() < _MIN_HITS:
            return None
        found = fit_odds(scores, is_hit)
        assert layer.bias is not None
        layer.weight.mul_(found.scale)
        layer.bias.mul_(found.scale).add_(found.shift)
        return found

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        form = net if isinstance(net, TorchvisionDetector) else _Deployed(net, side_px)
        return form, ("scores", "boxes_xyxy")


class _Deployed(nn.Module):
    """Pixels (B, 3, S, S) -> scores (B, P, C) and boxes (B, P, 4) in px; suppression is left to the caller."""

    centres: Tensor
    strides: Tensor

    def __init__(self, net: nn.Module, side_px: int) -> None:
        super().__init__()
        self.net = net
        centres, strides = make_points(side_px, side_px)
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        logits, distances = self.net(pixels)
        return logits.sigmoid(), decode_boxes(distances, self.centres, self.strides)


def _move_target(
    target: Target,
    move: NDArray[np.float64],
    canvas_hw: tuple[int, int],
    _rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    assert isinstance(target, BoxSet)
    boxes = move_boxes(target, move, canvas_hw)
    return torch.from_numpy(boxes.boxes_xyxy), torch.from_numpy(boxes.class_ids)


def _find_class_layer(net: nn.Module) -> nn.Conv2d | None:
    """What gives the log odds of each class; None in a net that gives shares."""
    if isinstance(net, Detector):
        return net.head.classify
    assert isinstance(net, TorchvisionDetector), type(net)
    if net.takes_one_image:
        return None
    layer: nn.Conv2d = net.net.head.classification_head.cls_logits
    return layer


def _find_candidates(net: nn.Module, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (B, P, C) and boxes (B, P, 4) in px of the canvas, before suppression."""
    if isinstance(net, TorchvisionDetector):
        return net(pixels)
    logits, distances = net(pixels)
    return logits.sigmoid(), decode_boxes(
        distances, *make_points(pixels.shape[2], pixels.shape[3], pixels.device)
    )


def _unletterbox(
    found: Detections, from_hw: tuple[int, int], canvas_hw: tuple[int, int]
) -> Detections:
    boxes = unletterbox_boxes(found.boxes_xyxy, from_hw, canvas_hw)
    limit = np.array([from_hw[1], from_hw[0]] * 2)
    return Detections(
        np.clip(boxes, 0, limit).astype(np.float32), found.scores, found.class_ids
    )
