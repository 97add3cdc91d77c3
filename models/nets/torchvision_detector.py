"""torchvision's pyramid detectors: Faster R-CNN (Ren et al., NeurIPS 2015) and RetinaNet (Lin et al., ICCV 2017).

Losses, anchors, proposals and weights are torchvision's. Ours are what goes in (canvases of one size, pixels 0-255) and
what comes out: scores and boxes before suppression, as our own detector gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from models.nets.starting import start_backbone
from models.nets.torchvision_classifier import ImageNetPixels
from models.recipes.config import TrainConfig

_TWO_STAGE = "fasterrcnn"
_CLASS_LAYERS = (  # shaped by the number of classes
    "roi_heads.box_predictor.",
    "roi_heads.mask_predictor.mask_fcn_logits.",
    "head.classification_head.cls_logits.",
)


class TorchvisionDetector(nn.Module):
    """(B, 3, H, W) RGB pixels 0-255 -> scores (B, P, C) in [0, 1] and boxes (B, P, 4) px; with targets, the loss.

    In a two-stage net P depends on the image: each class has its own box in every proposal, so a candidate has a score
    above 0 for one class, and images of one batch are filled up with candidates of score 0.
    """

    def __init__(self, name: str, num_classes: int) -> None:
        super().__init__()
        from torchvision.models import get_model

        # as ONNX: the number of proposals is the image's
        self.takes_one_image = name.startswith(_TWO_STAGE)
        # label 0 of Faster R-CNN is the background
        self.first_label = 1 if self.takes_one_image else 0
        options = {"rpn_score_thresh": 0.0} if self.takes_one_image else {}
        self.net: Any = get_model(
            name,
            weights=None,
            weights_backbone=None,
            num_classes=num_classes + self.first_label,
            **options,
        )
        self.net.transform = Canvas(ImageNetPixels())

    @property
    def backbone(self) -> nn.Module:
        """The part that knows images in general: without pyramid, proposals and heads."""
        return self.net.backbone.body

    def forward(
        self, pixels: Tensor, targets: Sequence[tuple[Tensor, Tensor]] | None = None
    ) -> Any:
        if targets is not None:
            return sum(
                self.net(
                    pixels, [self._to_target(*t, pixels.device) for t in targets]
                ).values()
            )
        images, _ = self.net.transform(pixels)
        features = self.net.backbone(images.tensors)
        return (self._propose if self.takes_one_image else self._decode)(
            images, features
        )

    def _to_target(
        self, boxes: Tensor, class_ids: Tensor, device: torch.device
    ) -> dict[str, Tensor]:
        has_area = (boxes[:, 2:] > boxes[:, :2]).all(1)
        return {
            "boxes": boxes[has_area].to(device),
            "labels": class_ids[has_area].to(device) + self.first_label,
        }

    def _decode(
        self, images: Any, features: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        levels = list(features.values())
        found = self.net.head(levels)
        moves = found["bbox_regression"]  # (B, P, 4)
        anchors = self.net.anchor_generator(images, levels)[0].expand_as(moves)
        boxes = self.net.box_coder.decode_single(
            moves.reshape(-1, 4), anchors.reshape(-1, 4)
        )
        return found["cls_logits"].sigmoid(), boxes.reshape(moves.shape)

    def _propose(
        self, images: Any, features: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        heads = self.net.roi_heads
        proposals, _ = self.net.rpn(images, features)
        logits, moves = heads.box_predictor(
            heads.box_head(heads.box_roi_pool(features, proposals, images.image_sizes))
        )
        shares = logits.softmax(-1)[:, 1:]  # (proposals of all images, C)
        own_class = torch.eye(shares.shape[1], device=shares.device)
        scores = shares[:, :, None] * own_class  # (proposals, C candidates, C)
        # (proposals, C candidates, 4)
        boxes = heads.box_coder.decode(moves, proposals)[:, 1:]
        if len(proposals) == 1:
            return scores.flatten(0, 1)[None], boxes.flatten(0, 1)[None]
        counts = [len(p) for p in proposals]
        scores, boxes = (
            pad_sequence(
                [part.flatten(0, 1) for part in values.split(counts)], batch_first=True
            )
            for values in (scores, boxes)
        )
        return scores, boxes


def start_detector(
    detector: Any, config: TrainConfig, weights: Mapping[str, Tensor] | None
) -> None:
    """Load what the recipe starts from, as `start_backbone` does; torchvision's own weights are of the whole detector.

    `detector` has torchvision's as `net`, and its `backbone`. Raises ValueError for weights of another net.
    """
    if config.weights == "hub" and weights is not None:  # learnt on COCO
        load_detector(detector.net, weights)
        weights = None
    start_backbone(detector.backbone, config, weights)


def load_detector(net: nn.Module, source: Mapping[str, Tensor]) -> None:
    """Published weights of torchvision's whole detector, all but the layers that the number of classes shapes.

    Raises ValueError when `source` is of another net.
    """
    kept = {
        name: value
        for name, value in source.items()
        if not name.startswith(_CLASS_LAYERS)
    }
    try:
        result = net.load_state_dict(kept, strict=False)
    except RuntimeError as error:
        raise ValueError(f"these weights are of another detector: {error}") from error
    missing = [n for n in result.missing_keys if not n.startswith(_CLASS_LAYERS)]
    # those who froze their norms kept none
    missing = [n for n in missing if not n.endswith("num_batches_tracked")]
    if missing or result.unexpected_keys:
        raise ValueError(
            f"these weights are of another detector: missing {missing}, unexpected "
            f"{result.unexpected_keys}"
        )


class Canvas(nn.Module):
    """In place of torchvision's transform, which resizes: our images come as one canvas already."""

    def __init__(self, normalise: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise

    def forward(self, pixels: Tensor, targets: Any = None) -> tuple[Any, Any]:
        from torchvision.models.detection.image_list import ImageList

        size_hw = (pixels.shape[-2], pixels.shape[-1])
        return ImageList(self.normalise(pixels), [size_hw] * len(pixels)), targets

    def postprocess(
        self, found: list[dict[str, Tensor]], *sizes: Any
    ) -> list[dict[str, Tensor]]:
        """Boxes are in pixels of the canvas already."""
        return found
