"""The image embedding: EfficientNet-Lite0 features of an ImageNet-sized square, unit length."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.backbone import EfficientNetLite0, FeatureHead, load_imagenet

INPUT_SIDE_PX = 224


class ImageEmbedder(nn.Module):
    """(B, 3, 224, 224) RGB pixels 0-255 -> (B, 1280) float32 of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.features = FeatureHead()

    def forward(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.features(self.backbone(pixels)[-1]), dim=1)


def build_embedder(imagenet: Mapping[str, Tensor]) -> nn.Module:
    """The embedding net in evaluation mode, with published ImageNet weights (see `load_imagenet` for errors)."""
    net = ImageEmbedder()
    load_imagenet(net.backbone, net.features, imagenet)
    return net.eval()
