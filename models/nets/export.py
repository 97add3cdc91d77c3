"""A net as ONNX bytes, proven to compute what the net computes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

OPSET = 18
# relative to the largest output: summation order differs between runtimes
_TOLERANCE = 2e-3
# candidates compared, and how many of them must be the same
_STRONGEST = 300
_MIN_SHARE = 0.95


def export_onnx(net: nn.Module, example: Tensor, output_names: Sequence[str]) -> bytes:
    """ONNX with one input `pixels`, float32 RGB 0-255 shaped like `example` (B, 3, H, W); B is free, H and W are fixed.

    Where `net.takes_one_image`, B is 1, and how many candidates the outputs (1, P, ...) hold is free instead.
    Raises ValueError when onnxruntime and torch disagree on `example`.
    """
    net = net.eval()
    takes_one_image = bool(getattr(net, "takes_one_image", False))
    axes = (
        {n: {1: "candidates"} for n in output_names}
        if takes_one_image
        else {n: {0: "batch"} for n in ("pixels", *output_names)}
    )
    # the tracing exporter writes to files too, though its signature names paths only
    buffer: Any = io.BytesIO()
    # the tracing exporter is marked old; the new one takes a minute for these nets
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (example,),
            buffer,
            input_names=["pixels"],
            output_names=list(output_names),
            opset_version=OPSET,
            dynamic_axes=axes,
            dynamo=False,
        )
    content = buffer.getvalue()
    examples = [example, example.flip(-1)]
    for pixels in examples if takes_one_image else [torch.cat(examples)]:
        wanted, found = _run_both(net, content, pixels)
        (_require_same_candidates if takes_one_image else _require_parity)(
            wanted, found, output_names
        )
    return content


@torch.inference_mode()
def _run_both(
    net: nn.Module, content: bytes, pixels: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    outputs = net(pixels)
    wanted = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    return wanted, [
        torch.from_numpy(o) for o in session.run(None, {"pixels": pixels.numpy()})
    ]


def _require_parity(
    wanted: list[Tensor], found: list[Tensor], names: Sequence[str]
) -> None:
    for name, value, other in zip(names, wanted, found, strict=True):
        gap = float((value - other).abs().max() / max(float(value.abs().max()), 1e-6))
        if not gap <= _TOLERANCE:
            raise ValueError(
                f"ONNX output '{name}' differs from torch by {gap:.2e} of its range: do not ship it"
            )


def _require_same_candidates(
    wanted: list[Tensor], found: list[Tensor], names: Sequence[str]
) -> None:
    """The strongest candidates of either are among the other's, whatever their order.

    A few may not be: suppression inside the net makes a choice of what differs in the last bit.
    """
    ranges = [max(float(value.abs().max()), 1e-6) for value in wanted]
    one, two = (
        torch.cat([v[0].flatten(1) / r for v, r in zip(values, ranges, strict=True)], 1)
        for values in (wanted, found)
    )
    for mine, strength, others in ((one, wanted[0], two), (two, found[0], one)):
        strongest = strength[0].amax(1).argsort(descending=True)[:_STRONGEST]
        gaps = torch.cdist(mine[strongest], others, p=torch.inf).amin(1)
        share = float((gaps <= _TOLERANCE).float().mean())
        if not share >= _MIN_SHARE:
            raise ValueError(
                f"ONNX outputs {', '.join(names)} share {share:.0%} of their strongest candidates with "
                "torch's: do not ship it"
            )
