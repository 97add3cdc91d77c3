"""Depthwise convolution that learns fast on a CPU.

oneDNN, which computes it there, has fast code for the gradient of weights up to three columns wide. From four on it
takes the code for dense convolutions, in which every channel is a block of 16 by 16: at five columns ten times the time
of the way forward and the input's gradient together. The gradient of a column does not depend on the others, so it is
computed here three columns at a time. The result differs from the other by rounding alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input, conv2d_weight

_MAX_COLUMNS = 3  # that oneDNN's code for depthwise weights takes at once


class DepthwiseConv2d(nn.Conv2d):
    """One filter a channel: (B, C, H, W) -> (B, C, h, w). Parameters and results are those of `nn.Conv2d` with
    `groups` = C."""

    def __init__(
        self, num_channels: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__(
            num_channels, num_channels, kernel, stride, padding, groups=num_channels
        )

    def forward(self, x: Tensor) -> Tensor:
        if self._learns_by_columns(x):
            convolve: Callable[..., Tensor] = _ByColumns.apply
            return convolve(x, self.weight, self.bias, self.stride, self.padding)
        return super().forward(x)

    def _learns_by_columns(self, x: Tensor) -> bool:
        """Whether a gradient will be asked for that oneDNN is slow at. torch's compiler sees the plain operator."""
        return (
            self.weight.shape[3] > _MAX_COLUMNS
            and x.device.type == "cpu"
            and x.dtype == torch.float32
            and self.weight.requires_grad
            and torch.is_grad_enabled()
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )


class _ByColumns(torch.autograd.Function):
    """The convolution, with the gradient of its weights by groups of columns."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_input = of_bias = None
        if ctx.needs_input_grad[0]:
            of_input = conv2d_input(
                x.shape, weight, grad, ctx.stride, ctx.padding, groups=len(weight)
            )
        if ctx.needs_input_grad[2]:
            of_bias = grad.sum((0, 2, 3))
        of_weight = _find_weight_gradient(x, weight, grad, ctx.stride, ctx.padding)
        return of_input, of_weight, of_bias, None, None


def _find_weight_gradient(
    x: Tensor,
    weight: Tensor,
    grad: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
) -> Tensor:
    """In the layout of the weight. A group of columns is a narrower filter over the part of the image that it sees."""
    rows_px, columns_px = padding
    x = F.pad(x, (columns_px, columns_px, 0, 0)) if columns_px else x
    found = torch.empty_like(weight)
    for first in range(0, weight.shape[3], _MAX_COLUMNS):
        num = min(_MAX_COLUMNS, weight.shape[3] - first)
        seen = x[..., first : first + stride[1] * (grad.shape[3] - 1) + num]
        size = (*weight.shape[:3], num)
        found[..., first : first + num] = conv2d_weight(
            seen, size, grad, stride, (rows_px, 0), groups=len(weight)
        )
    return found
