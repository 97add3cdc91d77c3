"""Two-view encoder of SimSiam (Chen and He, Exploring Simple Siamese Representation Learning, CVPR 2021)."""

from __future__ import annotations

from torch import Tensor, nn

from models.nets.backbone import FEATURE_CHANNELS, EfficientNetLite0, FeatureHead

_HIDDEN, _PROJECTED, _BOTTLENECK = 1024, 1024, 256


class Siamese(nn.Module):
    """RGB pixels 0-255 -> features (B, 1280), projections and predictions (B, 1024)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.features = FeatureHead()
        self.project = nn.Sequential(
            *_layer(FEATURE_CHANNELS, _HIDDEN), *_layer(_HIDDEN, _HIDDEN), nn.Linear(_HIDDEN, _PROJECTED, bias=False),
            _norm(_PROJECTED, affine=False),
        )  # fmt: skip
        self.guess = nn.Sequential(*_layer(_PROJECTED, _BOTTLENECK), nn.Linear(_BOTTLENECK, _PROJECTED))

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1280): what other tasks start from."""
        return self.features(self.backbone(pixels)[-1])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> where each image lies, and where its other view is guessed to lie: (B, 1024) both."""
        projected = self.project(self.encode(pixels))
        return projected, self.guess(projected)


def _layer(num_in: int, num_out: int) -> tuple[nn.Module, ...]:
    return nn.Linear(num_in, num_out, bias=False), _norm(num_out), nn.ReLU(inplace=True)


def _norm(width: int, affine: bool = True) -> nn.BatchNorm1d:
    """Over the batch at hand; it keeps no running figures, in which workers would differ."""
    return nn.BatchNorm1d(width, affine=affine, track_running_stats=False)
