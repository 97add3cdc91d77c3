"""One-stage anchor-free detector: a light feature pyramid and one head shared by its levels.

Every cell of the three maps says, for the point at its centre, how well each class fits there and how far the four
sides of the box are, in strides. After FCOS (Tian et al., ICCV 2019) with the quality score of GFL (Li et al., NeurIPS
2020) in place of a centreness branch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.nets.backbone import PYRAMID_CHANNELS, EfficientNetLite0
from models.nets.pyramid import Pyramid, conv_norm_act

STRIDES_PX = (8, 16, 32)
_PRIOR_SCORE = 0.01  # of every class at the start: keeps the first steps from drowning in background


class Head(nn.Module):
    """Two towers of two convolutions; (B, W, h, w) -> (B, h*w, C) logits and (B, h*w, 4) distances in strides."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.class_tower = nn.Sequential(
            conv_norm_act(width, width), conv_norm_act(width, width)
        )
        self.box_tower = nn.Sequential(
            conv_norm_act(width, width), conv_norm_act(width, width)
        )
        self.classify = nn.Conv2d(width, num_classes, 3, padding=1)
        self.regress = nn.Conv2d(width, 4, 3, padding=1)
        # e strides: a box of 5 strides at first
        self.log_scale = nn.Parameter(torch.full((len(STRIDES_PX),), 1.0))
        for conv in (self.classify, self.regress):
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        assert self.classify.bias is not None
        odds = torch.tensor((1 - _PRIOR_SCORE) / _PRIOR_SCORE)
        nn.init.constant_(self.classify.bias, -torch.log(odds).item())

    def forward(self, x: Tensor, level: int) -> tuple[Tensor, Tensor]:
        logits = self.classify(self.class_tower(x))
        distances = (
            (self.regress(self.box_tower(x)) + self.log_scale[level])
            .clamp(max=5.0)
            .exp()
        )
        return logits.flatten(2).transpose(1, 2), distances.flatten(2).transpose(1, 2)


class Detector(nn.Module):
    """(B, 3, H, W) RGB pixels 0-255 -> (B, P, C) logits, (B, P, 4) distances left, top, right, bottom in strides."""

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.pyramid = Pyramid(PYRAMID_CHANNELS, width)
        self.head = Head(width, num_classes)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.pyramid(self.backbone(pixels))
        parts = [self.head(m, level) for level, m in enumerate(maps)]
        return torch.cat([p[0] for p in parts], 1), torch.cat([p[1] for p in parts], 1)
