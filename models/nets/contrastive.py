"""Encoder of two views, with the projection that they are compared in (SimCLR, Chen et al., ICML 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from models.net_names import LITE0
from models.nets.backbone import FEATURE_CHANNELS, EfficientNetLite0, FeatureHead
from models.nets.torchvision_classifier import ImageNetPixels, make_backbone

_PROJECTED = 128


class ContrastiveEncoder(nn.Module):
    """RGB pixels 0-255 -> projections (B, 128); `encode` gives the features that other tasks start from."""

    def __init__(self, name: str = LITE0) -> None:
        super().__init__()
        self.features: FeatureHead | None = None
        if name == LITE0:
            self.backbone: nn.Module = EfficientNetLite0()
            self.features = FeatureHead()
            self.num_features = FEATURE_CHANNELS
        else:
            self.normalise = ImageNetPixels()
            self.backbone, self.num_features = make_backbone(name)
        self.project = nn.Sequential(
            nn.Linear(self.num_features, self.num_features),
            nn.ReLU(inplace=True),
            nn.Linear(self.num_features, _PROJECTED),
        )

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, num_features)."""
        if self.features is None:
            return self.backbone(self.normalise(pixels))
        return self.features(self.backbone(pixels)[-1])

    def forward(self, pixels: Tensor) -> Tensor:
        return self.project(self.encode(pixels))
