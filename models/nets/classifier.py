"""Image classifier: EfficientNet-Lite0 features, dropout, one linear layer."""

from __future__ import annotations

from torch import Tensor, nn

from models.nets.backbone import FEATURE_CHANNELS, EfficientNetLite0, FeatureHead


class Classifier(nn.Module):
    """(B, 3, S, S) RGB pixels 0-255 -> (B, C) logits."""

    def __init__(self, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.features = FeatureHead()
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(FEATURE_CHANNELS, num_classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.classify(self.dropout(self.features(self.backbone(pixels)[-1])))
