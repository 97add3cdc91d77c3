"""torchvision's classifiers, with class logits of our own and the normalisation of pixels inside the net."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# of ImageNet, RGB in [0, 1]: what the weights expect
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class ImageNetPixels(nn.Module):
    """RGB pixels 0-255, (..., 3, H, W) -> as torchvision's published weights expect them. Holds no weights."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", _MEAN), ("std", _STD)):
            self.register_buffer(
                name, 255 * torch.tensor(values).view(3, 1, 1), persistent=False
            )

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.std


class TorchvisionClassifier(nn.Module):
    """(B, 3, S, S) RGB pixels 0-255 -> (B, C) logits. The backbone is the published net without its class layer."""

    def __init__(self, name: str, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.normalise = ImageNetPixels()
        self.backbone, num_features = make_backbone(name)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(num_features, num_classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.classify(self.dropout(self.backbone(self.normalise(pixels))))


def make_backbone(name: str) -> tuple[nn.Module, int]:
    """torchvision's classifier without its class layer and its dropout, and how many features it gives an image."""
    from torchvision.models import get_model

    backbone = get_model(name, weights=None)
    for module in backbone.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # `dropout` is the recipe's
    place, last = [
        (n, m) for n, m in backbone.named_modules() if isinstance(m, nn.Linear)
    ][-1]
    backbone.set_submodule(place, nn.Identity())
    return backbone, last.in_features
