"""Semantic segmenter: the features of four strides joined from coarse to fine, and one class score a cell of 4 px.

A semantic feature pyramid (Kirillov et al., Panoptic Feature Pyramid Networks, CVPR 2019) in its lightest form: levels
are added on the way down as they are, and only the finest is read, after two convolutions. What lies far apart in an
image meets through its mean, added to the coarsest level (the image pooling of Chen et al., Rethinking Atrous
Convolution, arXiv:1706.05587).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.backbone import (
    DETAIL_STAGE,
    PYRAMID_CHANNELS,
    PYRAMID_STAGES,
    STAGES,
    EfficientNetLite0,
)
from models.nets.pyramid import conv_norm_act


class Segmenter(nn.Module):
    """(B, 3, H, W) RGB pixels 0-255, sides multiples of 32 -> (B, C, H / 4, W / 4) logits."""

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0((DETAIL_STAGE, *PYRAMID_STAGES))
        channels = (STAGES[DETAIL_STAGE][3], *PYRAMID_CHANNELS)
        self.lateral = nn.ModuleList([nn.Conv2d(c, width, 1) for c in channels])
        self.context = nn.Conv2d(channels[-1], width, 1)
        self.refine = nn.Sequential(
            conv_norm_act(width, width), conv_norm_act(width, width)
        )
        self.classify = nn.Conv2d(width, num_classes, 1)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.backbone(pixels)
        x = self.lateral[-1](maps[-1]) + self.context(
            maps[-1].mean((2, 3), keepdim=True)
        )
        for level in range(len(maps) - 2, -1, -1):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = x + self.lateral[level](maps[level])
        return self.classify(self.refine(x))
