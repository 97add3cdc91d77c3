"""The one-stage detector with a third tower: each point that answers for a box says where the object's points lie.

Detection is `models/nets/detector.py`; points are regressed from the same place as the box, as in YOLO-pose (Maji et
al., CVPRW 2022), so an image costs the same however many objects it shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.nets.backbone import PYRAMID_CHANNELS, EfficientNetLite0
from models.nets.detector import Head
from models.nets.pyramid import Pyramid, conv_norm_act

# what an output of 1 means: objects of a level are up to 8 strides wide
_REACH_STRIDES = 4.0


class PoseDetector(nn.Module):
    """(B, 3, H, W) RGB pixels 0-255 -> (B, P, C) logits, (B, P, 4) distances of the box's sides in strides, and
    (B, P, K, 2) offsets x, y of the object's points in strides, all from the centre of each of P cells."""

    def __init__(self, num_classes: int, num_points: int, width: int) -> None:
        super().__init__()
        self.num_points = num_points
        self.backbone = EfficientNetLite0()
        self.pyramid = Pyramid(PYRAMID_CHANNELS, width)
        self.head = Head(width, num_classes)
        self.point_tower = nn.Sequential(
            conv_norm_act(width, width), conv_norm_act(width, width)
        )
        self.locate = nn.Conv2d(width, 2 * num_points, 3, padding=1)
        nn.init.normal_(self.locate.weight, std=0.01)
        assert self.locate.bias is not None
        nn.init.zeros_(self.locate.bias)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.pyramid(self.backbone(pixels))
        parts = [
            (*self.head(m, level), self._locate(m)) for level, m in enumerate(maps)
        ]
        logits, distances, offsets = (
            torch.cat(values, 1) for values in zip(*parts, strict=True)
        )
        return logits, distances, offsets

    def _locate(self, x: Tensor) -> Tensor:
        # (B, h*w, 2K)
        flat = self.locate(self.point_tower(x)).flatten(2).transpose(1, 2)
        return flat.unflatten(2, (self.num_points, 2)) * _REACH_STRIDES


def decode_points(offsets: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """(..., P, K, 2) offsets in strides from (P, 2) centres px -> (..., P, K, 2) px."""
    return centres[:, None] + offsets * strides[:, None, None]
