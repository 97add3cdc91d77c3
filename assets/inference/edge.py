"""A model's form for small machines: static int8, per channel, as ONNX with QDQ nodes.

Only what lies between the first and the last layer with weights is quantised: what reads pixels and what turns the last
layer's outputs into scores and boxes stays in float. Static, since dynamic int8 of convolutions is slower than float.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.inference.checkpoint import read_proven
from assets.inference.package import ONNX, ModelPackage

if TYPE_CHECKING:
    import onnx

EDGE_ONNX = "model.int8.onnx"
_WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_BETWEEN = {"Add", "Clip", "Concat", "GlobalAveragePool", "MaxPool", "Relu", "Resize"}

Pixels = NDArray[np.float32]  # (1, 3, S, S), 0-255, as the net takes them


def quantize(package: ModelPackage, examples: Iterable[Pixels]) -> bytes:
    """The int8 form, of the ranges that the examples show in the float form. Equal examples give equal bytes.

    Raises ValueError where the package's file has changed, and where the net has no layer that can be quantised.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    content = read_proven(package.folder / ONNX, package.hashes[ONNX])
    with tempfile.TemporaryDirectory() as folder, _quiet():
        given, prepared, made = (
            Path(folder) / f"{name}.onnx" for name in ("given", "prepared", "made")
        )
        given.write_bytes(content)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        chosen = _choose_nodes(prepared)
        quantize_static(
            prepared,
            made,
            _make_reader(examples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=chosen,
        )
        return made.read_bytes()


def _choose_nodes(path: Path) -> list[str]:
    """Layers with weights, and what lies between two of them and is cheap in int8."""
    import onnx

    graph = onnx.load(path).graph
    layers = [node for node in graph.node if node.op_type in _WEIGHTED]
    if not layers:
        raise ValueError(
            "this net has no layer that int8 makes smaller: ship it as it is"
        )
    after = _reach(graph.node, layers, lambda node: (node.input, node.output))
    before = _reach(
        list(reversed(graph.node)), layers, lambda node: (node.output, node.input)
    )
    between = [
        node.name
        for node in graph.node
        if node.op_type in _BETWEEN and node.name in after & before
    ]
    return [*(node.name for node in layers), *between]


def _reach(
    nodes: Sequence[onnx.NodeProto],
    layers: Sequence[onnx.NodeProto],
    ends: Callable[[onnx.NodeProto], tuple[Iterable[str], Iterable[str]]],
) -> set[str]:
    """Names of the nodes that something of a layer flows into, where `nodes` are in the order of that flow."""
    starts = {node.name for node in layers}
    wet: set[str] = set()
    found: set[str] = set()
    for node in nodes:
        inputs, outputs = ends(node)
        if wet.intersection(inputs):
            found.add(node.name)
        if node.name in starts or node.name in found:
            wet.update(outputs)
    return found


def _make_reader(examples: Iterable[Pixels]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        """The examples, one after another."""

        def __init__(self) -> None:
            self._left = iter(examples)

        def get_next(self) -> dict[str, Pixels] | None:
            """The next as the net's input, None behind the last."""
            pixels = next(self._left, None)
            return None if pixels is None else {"pixels": pixels}

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the quantiser tells the root logger of preparing, which has been done."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)
