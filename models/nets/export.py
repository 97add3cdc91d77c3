"""A net as ONNX bytes, proven to compute what the net computes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

OPSET = 18
_TOLERANCE = 2e-3  # relative to the largest output: summation order differs between runtimes


def export_onnx(net: nn.Module, example: Tensor, output_names: Sequence[str]) -> bytes:
    """ONNX with one input `pixels`, float32 RGB 0-255 shaped like `example` (B, 3, H, W); B is free, H and W are fixed.

    Raises ValueError when onnxruntime and torch disagree on `example`.
    """
    net = net.eval()
    buffer: Any = io.BytesIO()  # the tracing exporter writes to files too, though its signature names paths only
    with warnings.catch_warnings():  # the tracing exporter is marked old; the new one takes a minute for these nets
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (example,), buffer, input_names=["pixels"], output_names=list(output_names), opset_version=OPSET,
            dynamic_axes={name: {0: "batch"} for name in ("pixels", *output_names)}, dynamo=False,
        )  # fmt: skip
    content = buffer.getvalue()
    _require_parity(net, content, torch.cat([example, example.flip(-1)]), output_names)
    return content


@torch.inference_mode()
def _require_parity(net: nn.Module, content: bytes, pixels: Tensor, output_names: Sequence[str]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    outputs = net(pixels)
    wanted = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    for name, value, other in zip(output_names, wanted, session.run(None, {"pixels": pixels.numpy()}), strict=True):
        gap = float(np.abs(value.numpy() - other).max() / max(float(value.abs().max()), 1e-6))
        if not gap <= _TOLERANCE:
            raise ValueError(f"ONNX output '{name}' differs from torch by {gap:.2e} of its range: do not ship it")
