"""Floating-point operations of a training: what a net needs for an image, and what a device can do at most."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

# 10^12 a second for dense matrices, by the name that CUDA gives the device and the precision of a recipe. NVIDIA's data
# sheets: H100 (2023), H200 (2024), A100 (2021), L4 (2023), L40S (2023), T4 (2019); where they print figures with
# sparsity, half of them. fp32 is TF32 where there is TF32: cuDNN's convolutions use it unless told not to.
_H100_SXM = {"fp32": 494.5, "bf16": 989.5, "fp16": 989.5}
_A100 = {"fp32": 156.0, "bf16": 312.0, "fp16": 312.0}
_PEAK_TFLOPS: dict[str, dict[str, float]] = {
    "NVIDIA H100 80GB HBM3": _H100_SXM,
    "NVIDIA H200": _H100_SXM,
    "NVIDIA H100 NVL": {"fp32": 417.5, "bf16": 835.5, "fp16": 835.5},
    "NVIDIA H100 PCIe": {"fp32": 378.0, "bf16": 756.5, "fp16": 756.5},
    "NVIDIA A100-SXM4-40GB": _A100,
    "NVIDIA A100-SXM4-80GB": _A100,
    "NVIDIA A100-PCIE-40GB": _A100,
    "NVIDIA A100 80GB PCIe": _A100,
    "NVIDIA L4": {"fp32": 60.0, "bf16": 121.0, "fp16": 121.0},
    "NVIDIA L40S": {"fp32": 183.0, "bf16": 362.0, "fp16": 362.0},
    "Tesla T4": {"fp32": 8.1, "fp16": 65.0},
}


def count_flops_by_size(net: nn.Module) -> Callable[[int, int], int | None]:
    """A function of height and width in px: the operations of one image of that size, forward and backward.

    None for a net whose operations depend on more than the size of its images, as those of two stages do.

    Those of convolutions and matrix products as their shapes say, two a multiply-add, for what is trained: the model
    FLOPs of Chowdhery et al., PaLM (arXiv:2204.02311), appendix B. A copy of the net without values is run once a size.
    """
    ghost = copy.deepcopy(net).to("meta")

    @functools.cache
    def count(height_px: int, width_px: int) -> int | None:
        try:
            with FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter:
                # some nets compare images
                outputs = ghost(torch.empty(2, 3, height_px, width_px, device="meta"))
                torch.stack(
                    [
                        o.sum()
                        for o in ([outputs] if isinstance(outputs, Tensor) else outputs)
                    ]
                ).sum().backward()
        # it looks at values, which a copy lacks
        except (RuntimeError, TypeError, ValueError, NotImplementedError):
            return None
        return counter.get_total_flops() // 2

    return count


def peak_flops(device: torch.device, precision: str) -> float | None:
    """Published operations a second; None for the CPU and for what is not in the table."""
    if device.type != "cuda":
        return None
    tflops = _PEAK_TFLOPS.get(torch.cuda.get_device_name(device), {}).get(precision)
    return None if tflops is None else tflops * 1e12


def _convolution_backward(
    grad_output: list[int],
    image: list[int],
    weight: list[int],
    _bias: Any,
    _stride: Any,
    _padding: Any,
    _dilation: Any,
    is_transposed: bool,
    _output_padding: Any,
    _groups: Any,
    output_mask: list[bool],
    **_: Any,
) -> int:
    """As much as forward, for each of image and weight: torch's formula forgets the groups of a weight's gradient."""
    return conv_flop_count(image, weight, grad_output, is_transposed) * sum(
        output_mask[:2]
    )


_FORMULAS = {torch.ops.aten.convolution_backward: _convolution_backward}
