"""Keypoints: boxes with classes and scores, and where the points of each object lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.augment.colour import apply_colour
from models.augment.geometry import move_boxes
from models.augment.letterbox import unletterbox_boxes
from models.metrics.keypoints import find_sigmas, judge_points, score_poses
from models.metrics.matching import JudgedImage
from models.nets.points import decode_boxes, make_points
from models.nets.pose_detector import PoseDetector, decode_points
from models.nets.starting import start_backbone
from models.recipes.config import TrainConfig
from models.suppression import choose_best
from models.task_names import KEYPOINTS
from models.tasks.base import Batch, Examined, OpenTask, require_figures
from models.tasks.box_losses import measure_boxes
from models.tasks.canvas import letterbox_batches, make_moved_batch
from models.types import BoxSet, Image, PoseDetections, PoseSet, Sample, Target

_POINT_WEIGHT = 1.0  # against the class loss


class Keypoints(OpenTask):
    """The losses of detection, and the distance of each labelled point in units of its tolerance (2 sigma of OKS)."""

    name = dataset = KEYPOINTS
    metric = "val_oks_map50"
    floor = 0.3
    max_drop = 0.02

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        if config.flip_horizontal or config.flip_vertical:
            raise ValueError(
                f"flip_horizontal = {config.flip_horizontal}, flip_vertical = {config.flip_vertical} with "
                f"task = {self.name!r}: left points would be called right ones, give false"
            )
        net = PoseDetector(num_classes, config.num_keypoints, config.head_width)
        start_backbone(net.backbone, config, weights)
        return net

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        for sample in samples:
            assert isinstance(sample.target, PoseSet)
            num_points = sample.target.points.shape[1]
            if num_points > config.num_keypoints:
                raise ValueError(
                    f"frame {sample.frame_id} has objects of {num_points} points, num_keypoints = "
                    f"{config.num_keypoints}: give the most that an object has"
                )
        return make_moved_batch(samples, config, rngs, _move_target)

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        logits, distances, offsets = (
            values.float() for values in net(apply_colour(batch.images, batch.colour))
        )
        centres, strides = make_points(
            batch.images.shape[2], batch.images.shape[3], logits.device
        )
        of_boxes = measure_boxes(logits, distances, batch.targets, centres, strides)
        num_points = offsets.shape[2]
        truth_points = torch.cat(
            [
                _pad_points(target.points.to(logits.device), num_points)[mine]
                for target, mine in zip(batch.targets, of_boxes.owners, strict=True)
            ]
        )  # (positives, K, 3)
        # (positives, K, 2)
        found = decode_points(offsets, centres, strides)[of_boxes.is_positive]
        point_loss = _measure_points(found, truth_points, of_boxes.truth_boxes).sum()
        return (of_boxes.total + _POINT_WEIGHT * point_loss) / of_boxes.num_positive

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[PoseDetections]:
        device = next(net.parameters()).device
        found: list[PoseDetections] = []
        for some, pixels, canvas_hw in letterbox_batches(images_rgb, config, device):
            scores, boxes, points = (
                values.cpu().numpy() for values in _find_candidates(net, pixels)
            )
            for image, *candidates in zip(some, scores, boxes, points, strict=True):
                found.append(
                    _unletterbox(_keep_best(*candidates), image.shape[:2], canvas_hw)
                )
        return found

    def score(
        self, predictions: Sequence[PoseDetections], targets: Sequence[Target]
    ) -> float:
        value = score_poses(
            [t for t in targets if isinstance(t, PoseSet)], predictions
        ).oks_map50
        if value is None:
            raise ValueError(
                f"none of {len(targets)} validation frames has a labelled point: move labelled frames to "
                "the 'val' split"
            )
        return value

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        return _Deployed(net, side_px), ("scores", "boxes_xyxy", "points_xy")

    def examine(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> dict[str, float]:
        """COCO's `oks_map50` and `oks_map` of points, and `box_map50`. Raises ValueError where no point is labelled."""
        return self.examine_images(net, train, test, config).figures

    def examine_images(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> Examined:
        truths, found = self._pair(net, test, config)
        result = score_poses(truths, found)
        figures = {
            "oks_map50": result.oks_map50,
            "oks_map": result.oks_map,
            "box_map50": result.box_map50,
        }
        told = require_figures(figures, len(test), "a labelled point")
        return Examined(told, tuple(map(judge_points, truths, found)))

    def judge(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> tuple[JudgedImage, ...]:
        return tuple(map(judge_points, *self._pair(net, samples, config)))

    def _pair(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> tuple[list[PoseSet], list[PoseDetections]]:
        found, targets = self.answer(net, samples, config)
        return [t for t in targets if isinstance(t, PoseSet)], found


class PoseTarget(tuple[Tensor, Tensor]):
    """Boxes (N, 4) px and class ids (N,), as detection has them, and `points` (N, K, 3) of each box."""

    points: Tensor

    def __new__(
        cls, boxes_xyxy: Tensor, class_ids: Tensor, points: Tensor
    ) -> PoseTarget:
        target = super().__new__(cls, (boxes_xyxy, class_ids))
        target.points = points
        return target


class _Deployed(nn.Module):
    """Pixels (B, 3, S, S) -> scores (B, P, C), boxes (B, P, 4) and points (B, P, K, 2) in px; suppression is left to
    the caller."""

    centres: Tensor
    strides: Tensor

    def __init__(self, net: nn.Module, side_px: int) -> None:
        super().__init__()
        self.net = net
        centres, strides = make_points(side_px, side_px)
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, distances, offsets = self.net(pixels)
        boxes = decode_boxes(distances, self.centres, self.strides)
        return (
            logits.sigmoid(),
            boxes,
            decode_points(offsets, self.centres, self.strides),
        )


def _move_target(
    target: Target,
    move: NDArray[np.float64],
    canvas_hw: tuple[int, int],
    _rng: np.random.Generator,
) -> PoseTarget:
    """Boxes and points on the canvas; a point that leaves it is labelled no more."""
    assert isinstance(target, PoseSet)
    moved = move_boxes(
        BoxSet(target.boxes_xyxy, np.arange(len(target.class_ids))), move, canvas_hw
    )
    kept = moved.class_ids  # the places of the boxes that stay
    places = target.points[kept, :, :2] @ move[:, :2].T + move[:, 2]
    is_inside = ((places >= 0) & (places < canvas_hw[::-1])).all(2, keepdims=True)
    points = np.concatenate([places, target.points[kept, :, 2:] * is_inside], 2).astype(
        np.float32
    )
    return PoseTarget(
        *map(torch.from_numpy, (moved.boxes_xyxy, target.class_ids[kept], points))
    )


def _pad_points(points: Tensor, num_points: int) -> Tensor:
    """(N, K, 3) with as many points as the net has; those that an object cannot have are not labelled."""
    return F.pad(points, (0, 0, 0, num_points - points.shape[1]))


def _measure_points(found_xy: Tensor, truth: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """(N,) mean over the labelled points of each object of the Huber loss of their distance in tolerances."""
    is_labelled = (truth[..., 2] > 0).float()  # (N, K)
    # (N,)
    side_px = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(1).clamp(min=1).sqrt()
    sigmas = torch.as_tensor(
        find_sigmas(truth.shape[1]), dtype=truth.dtype, device=truth.device
    )
    tolerance_px = 2 * sigmas * side_px[:, None]  # (N, K)
    steps = (found_xy - truth[..., :2]) / tolerance_px[..., None]
    losses = F.smooth_l1_loss(steps, torch.zeros_like(steps), reduction="none").sum(2)
    return (losses * is_labelled).sum(1) / is_labelled.sum(1).clamp(min=1)


def _find_candidates(net: nn.Module, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (B, P, C), boxes (B, P, 4) and points (B, P, K, 2) in px of the canvas, before suppression."""
    logits, distances, offsets = (values.float() for values in net(pixels))
    centres, strides = make_points(pixels.shape[2], pixels.shape[3], pixels.device)
    return (
        logits.sigmoid(),
        decode_boxes(distances, centres, strides),
        decode_points(offsets, centres, strides),
    )


def _keep_best(
    scores: NDArray[np.float32],
    boxes_xyxy: NDArray[np.float32],
    points_xy: NDArray[np.float32],
) -> PoseDetections:
    """Of (P, C) scores, (P, 4) boxes and (P, K, 2) points those that no better box of their class overlaps."""
    places, class_ids = choose_best(boxes_xyxy, scores)
    return PoseDetections(
        boxes_xyxy[places], scores[places, class_ids], class_ids, points_xy[places]
    )


def _unletterbox(
    found: PoseDetections, from_hw: tuple[int, int], canvas_hw: tuple[int, int]
) -> PoseDetections:
    limit = np.array([from_hw[1], from_hw[0]] * 2)
    boxes = np.clip(
        unletterbox_boxes(found.boxes_xyxy, from_hw, canvas_hw), 0, limit
    ).astype(np.float32)
    # a point is a box without a side
    pairs = np.tile(found.points_xy.reshape(-1, 2), 2)
    points = (
        unletterbox_boxes(pairs, from_hw, canvas_hw)[:, :2]
        .reshape(found.points_xy.shape)
        .astype(np.float32)
    )
    return PoseDetections(boxes, found.scores, found.class_ids, points)
