"""Encoder of two views, with the projection that they are compared in (SimCLR, Chen et al., ICML 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from models.nets.backbone import FEATURE_CHANNELS, EfficientNetLite0, FeatureHead

_PROJECTED = 128


class ContrastiveEncoder(nn.Module):
    """RGB pixels 0-255 -> projections (B, 128); `encode` gives the features (B, 1280) that other tasks start from."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.features = FeatureHead()
        self.project = nn.Sequential(
            nn.Linear(FEATURE_CHANNELS, FEATURE_CHANNELS),
            nn.ReLU(inplace=True),
            nn.Linear(FEATURE_CHANNELS, _PROJECTED),
        )

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1280)."""
        return self.features(self.backbone(pixels)[-1])

    def forward(self, pixels: Tensor) -> Tensor:
        return self.project(self.encode(pixels))
