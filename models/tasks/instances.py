"""Instance segmentation: boxes with classes and scores, and the pixels of each object."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.augment.colour import apply_colour
from models.augment.geometry import move_instances
from models.augment.letterbox import unletterbox_boxes
from models.masks import encode_window
from models.metrics.instances import judge_masks, score_instances
from models.metrics.matching import JudgedImage
from models.nets.instance_segmenter import InstanceSegmenter, InstanceTarget
from models.nets.torchvision_detector import start_detector
from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Examined, OpenTask, require_figures
from models.tasks.canvas import letterbox_batches, make_moved_batch
from models.types import Image, InstanceDetections, InstanceSet, Sample, Target


class InstanceSegmentation(OpenTask):
    """Mask R-CNN: the losses of its proposals, boxes, classes and masks; images keep their proportions."""

    name = dataset = "instances"
    metric = "val_map50"
    floor = 0.3
    max_drop = 0.02

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        net = InstanceSegmenter(config.net, num_classes, config.head_width)
        start_detector(net, config, weights)
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
        return net(apply_colour(batch.images, batch.colour), batch.targets)

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[InstanceDetections]:
        device = next(net.parameters()).device
        found: list[InstanceDetections] = []
        for some, pixels, canvas_hw in letterbox_batches(images_rgb, config, device):
            answers = net(pixels)
            found += [
                _read_out(one, canvas_hw, image.shape[:2])
                for one, image in zip(answers, some, strict=True)
            ]
        return found

    def score(
        self, predictions: Sequence[InstanceDetections], targets: Sequence[Target]
    ) -> float:
        pairs = [
            (t, p)
            for t, p in zip(targets, predictions, strict=True)
            if isinstance(t, InstanceSet)
        ]
        value = score_instances(pairs).map50
        if value is None:
            raise ValueError(
                f"none of {len(pairs)} validation frames has an object: move labelled frames to the 'val' "
                "split"
            )
        return value

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        return _Deployed(net), ("scores", "boxes_xyxy", "masks")

    def examine(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> dict[str, float]:
        """COCO's `map50` and `map` of masks, and `box_map50`, at most 100 objects an image.

        Raises ValueError where no frame has an object.
        """
        return self.examine_images(net, train, test, config).figures

    def examine_images(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> Examined:
        images: list[JudgedImage] = []

        def judge_each() -> Iterator[tuple[InstanceSet, InstanceDetections]]:
            for truth, found in self._pair(net, test, config):
                images.append(judge_masks(truth, found))
                yield truth, found

        result = score_instances(judge_each())
        figures = {
            "map50": result.map50,
            "map": result.map,
            "box_map50": result.box_map50,
        }
        told = require_figures(figures, len(test), "an object")
        return Examined(told, tuple(images))

    def judge(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> tuple[JudgedImage, ...]:
        return tuple(
            judge_masks(truth, found)
            for truth, found in self._pair(net, samples, config)
        )

    def _pair(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> Iterator[tuple[InstanceSet, InstanceDetections]]:
        """Truth and prediction, one image at a time: masks as pixels are large."""
        for sample in (samples[i] for i in range(len(samples))):
            assert isinstance(sample.target, InstanceSet)
            yield sample.target, self.predict(net, [sample.image_rgb], config)[0]


class _Deployed(nn.Module):
    """Pixels (1, 3, S, S) -> scores (1, N, C), boxes (1, N, 4) px and masks (1, N, 28, 28) of the N up to 100 best,
    after suppression; a candidate has a score above 0 for one class."""

    takes_one_image = True

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        assert isinstance(net, InstanceSegmenter), type(net)
        self.net = copy.deepcopy(net)
        # which score is enough is the caller's to say
        self.net.net.roi_heads.score_thresh = 0.0
        self.num_labels = net.net.roi_heads.mask_predictor.mask_fcn_logits.out_channels

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (found,) = self.net(pixels)
        of_class = torch.eye(self.num_labels, device=pixels.device)[found["labels"]][
            :, 1:
        ]
        return (
            (found["scores"][:, None] * of_class)[None],
            found["boxes"][None],
            found["masks"][:, 0][None],
        )


def _move_target(
    target: Target,
    move: NDArray[np.float64],
    canvas_hw: tuple[int, int],
    rng: np.random.Generator,
) -> InstanceTarget:
    assert isinstance(target, InstanceSet)
    moved = move_instances(target, move, canvas_hw)
    boxes, class_ids, masks = map(
        torch.from_numpy, (moved.boxes_xyxy, moved.class_ids, moved.masks)
    )
    return InstanceTarget(boxes, class_ids, masks, int(rng.integers(2**62)))


def _read_out(
    found: Mapping[str, Tensor], canvas_hw: tuple[int, int], image_hw: tuple[int, int]
) -> InstanceDetections:
    """What a net says of a letterboxed image, in pixels of the image; boxes are cut at its edges."""
    boxes = unletterbox_boxes(found["boxes"].cpu().numpy(), image_hw, canvas_hw)
    masks = [
        paste_mask(mask[0], box, image_hw)
        for mask, box in zip(found["masks"].float().cpu(), boxes, strict=True)
    ]
    limit = np.array([image_hw[1], image_hw[0]] * 2)
    return InstanceDetections(
        np.clip(boxes, 0, limit).astype(np.float32),
        found["scores"].float().cpu().numpy(),
        found["labels"].cpu().numpy() - 1,
        tuple(masks),
        image_hw,
    )


def paste_mask(
    probabilities: Tensor, box_xyxy: NDArray[np.floating], image_hw: tuple[int, int]
) -> str:
    """COCO compressed counts of the pixels of an image whose centres have a probability of at least a half.

    `probabilities` (M, M) lie over the box (px): bilinear between their centres, beyond the outermost as those.
    """
    low, high = (
        np.clip(np.ceil(corner - 0.5), 0, image_hw[::-1]).astype(int)
        for corner in np.split(box_xyxy, 2)
    )
    x, y = (
        torch.from_numpy(
            (np.arange(a, b) + 0.5 - start) / (end - start) * 2 - 1
        ).float()
        for a, b, start, end in zip(low, high, box_xyxy[:2], box_xyxy[2:], strict=True)
    )
    if not len(x) or not len(y):
        return encode_window(np.zeros((0, 0), bool), 0, 0, image_hw[::-1])
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]  # (1, h, w, 2)
    values = F.grid_sample(
        probabilities[None, None], grid, padding_mode="border", align_corners=False
    )
    return encode_window(
        (values[0, 0] >= 0.5).numpy(), int(low[0]), int(low[1]), image_hw[::-1]
    )
