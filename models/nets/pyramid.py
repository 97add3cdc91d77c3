"""Join the maps of a backbone from coarse to fine, as nets that predict places need them.

Group normalisation keeps small and sharded batches equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

_GROUPS = 8


class Pyramid(nn.Module):
    """Top-down feature pyramid (Lin et al., CVPR 2017) with one width; maps come finest first, each half as wide."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(c, width, 1) for c in channels])
        self.smooth = nn.ModuleList([conv_norm_act(width, width) for _ in channels])

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        x = [lateral(m) for lateral, m in zip(self.lateral, maps, strict=True)]
        for level in range(len(x) - 2, -1, -1):
            x[level] = x[level] + F.interpolate(
                x[level + 1], scale_factor=2.0, mode="nearest"
            )
        return [smooth(m) for smooth, m in zip(self.smooth, x, strict=True)]


def conv_norm_act(num_in: int, num_out: int) -> nn.Sequential:
    """3x3 convolution, group normalisation, ReLU."""
    conv = nn.Conv2d(num_in, num_out, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.GroupNorm(_GROUPS, num_out), nn.ReLU(inplace=True))
