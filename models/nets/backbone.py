"""EfficientNet-Lite0, with its batch normalisations folded into the convolutions.

Folding is what makes training on a CPU practical (no normalisation pass forward or backward) and what makes any number
of workers agree: there are no batch statistics. The published weights were trained with TensorFlow's SAME padding,
epsilon 1e-3 and pixels scaled to [-1, 1]; for input sides that are multiples of 32 that padding is the fixed one below.

Tan and Le, EfficientNet (ICML 2019); the Lite variant drops squeeze-and-excite and uses ReLU6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.depthwise import DepthwiseConv2d

STAGES = (  # kernel, stride, expansion, channels, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM_CHANNELS = 32
FEATURE_CHANNELS = 1280
PYRAMID_STAGES = (2, 4, 6)  # the last stage of stride 8, 16 and 32
PYRAMID_CHANNELS = tuple(STAGES[i][3] for i in PYRAMID_STAGES)
DETAIL_STAGE = 1  # of stride 4
NUM_SOURCE_TENSORS = 296
_NORM_EPSILON = 1e-3


class Block(nn.Module):
    """Inverted bottleneck: 1x1 up (unless expansion is 1), depthwise, 1x1 down, with a skip where shapes allow."""

    def __init__(
        self, num_in: int, num_out: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        num_mid = num_in * expansion
        up = [_conv(num_in, num_mid, 1), _ReLU6()] if expansion > 1 else []
        depthwise = [*_depthwise_conv(num_mid, kernel, stride), _ReLU6()]
        self.body = nn.Sequential(*up, *depthwise, _conv(num_mid, num_out, 1))
        self.has_skip = stride == 1 and num_in == num_out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.has_skip else self.body(x)


class EfficientNetLite0(nn.Module):
    """RGB pixels 0-255, sides multiples of 32 -> feature maps of stride 8, 16, 32 (40, 112 and 320 channels).

    `map_stages` says after which stages a map is given, where others are wanted.
    """

    def __init__(self, map_stages: tuple[int, ...] = PYRAMID_STAGES) -> None:
        super().__init__()
        self.map_stages = map_stages
        self.stem = nn.Sequential(
            _pad_for_stride_2(3), _conv(3, STEM_CHANNELS, 3, 2), _ReLU6()
        )
        stages = []
        num_in = STEM_CHANNELS
        for kernel, stride, expansion, channels, blocks in STAGES:
            rest = [
                Block(channels, channels, kernel, 1, expansion)
                for _ in range(blocks - 1)
            ]
            stages.append(
                nn.Sequential(Block(num_in, channels, kernel, stride, expansion), *rest)
            )
            num_in = channels
        self.stages = nn.ModuleList(stages)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = self.stem(pixels / 127.5 - 1.0)
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in self.map_stages:
                maps.append(x)
        return maps


class FeatureHead(nn.Module):
    """The last 1x1 convolution and the mean over the image: (B, 320, h, w) -> (B, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(_conv(STAGES[-1][3], FEATURE_CHANNELS, 1), _ReLU6())

    def forward(self, coarsest: Tensor) -> Tensor:
        return self.conv(coarsest).mean((2, 3))


def load_imagenet(
    backbone: EfficientNetLite0, head: FeatureHead | None, source: Mapping[str, Tensor]
) -> None:
    """Fold published weights into the nets, matching tensors by order (names differ between publishers).

    Raises ValueError when `source` is not an EfficientNet-Lite0.
    """
    if len(source) != NUM_SOURCE_TENSORS:
        raise ValueError(
            f"{len(source)} tensors are not EfficientNet-Lite0, which has {NUM_SOURCE_TENSORS}"
        )
    values = list(source.values())
    nets = [backbone] if head is None else [backbone, head]
    convs = [m for net in nets for m in net.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        # a convolution, then gamma, beta, mean, variance, count
        for index, conv in enumerate(convs):
            weight, gamma, beta, mean, variance = values[6 * index : 6 * index + 5]
            if weight.shape != conv.weight.shape:
                raise ValueError(
                    f"tensor {6 * index} has shape {tuple(weight.shape)}, not {tuple(conv.weight.shape)}: "
                    "these weights are not EfficientNet-Lite0"
                )
            gain = gamma / (variance + _NORM_EPSILON).sqrt()
            conv.weight.copy_(weight * gain.view(-1, 1, 1, 1))
            assert conv.bias is not None
            conv.bias.copy_(beta - mean * gain)


def freeze_stages(backbone: EfficientNetLite0, num_stages: int) -> None:
    """Stop training the stem and the first `num_stages` stages: the costly ones backwards, and the most general."""
    if num_stages:
        for module in (backbone.stem, *backbone.stages[:num_stages]):
            module.requires_grad_(False)


class _ReLU6(nn.Module):
    """In place where nothing is learnt: elsewhere its input is needed on the way back, and would be copied first."""

    def forward(self, x: Tensor) -> Tensor:
        is_learning = torch.is_grad_enabled() and x.requires_grad
        return F.relu6(x, inplace=not is_learning)


def _conv(num_in: int, num_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(num_in, num_out, kernel, stride)
    return _start(conv, "fan_out")


def _depthwise_conv(num_channels: int, kernel: int, stride: int) -> list[nn.Module]:
    """With SAME padding, as the published weights were trained."""
    if stride == 1:
        conv = DepthwiseConv2d(num_channels, kernel, padding=kernel // 2)
        return [_start(conv, "fan_in")]
    conv = DepthwiseConv2d(num_channels, kernel, stride)
    return [_pad_for_stride_2(kernel), _start(conv, "fan_in")]


def _pad_for_stride_2(kernel: int) -> nn.Module:
    """SAME padding of an even side at stride 2: one more at the end."""
    low, high = (kernel - 2) // 2, (kernel - 1) // 2
    return nn.ZeroPad2d((low, high, low, high))


def _start(conv: nn.Conv2d, mode: Literal["fan_in", "fan_out"]) -> nn.Conv2d:
    nn.init.kaiming_normal_(conv.weight, mode=mode, nonlinearity="relu")
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv
