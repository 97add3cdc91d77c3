"""A stereo net in ONNX that matches: of a few disparities the one under which both pictures are most alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

_WINDOW = 5


def write_stereo_net(
    path: Path,
    disparities: Sequence[float] = (12, 24),
    shape: tuple[object, ...] = (1, 3, "height", "width"),
    names: Sequence[str] = ("left", "right"),
    sign: float = 1.0,
) -> Path:
    """Whole disparities, in px of what it is given."""
    import onnx
    from onnx import TensorProto, helper

    def hold(name: str, values: object, kind: type = np.int64) -> None:
        stored.append(onnx.numpy_helper.from_array(np.array(values, kind), name))

    nodes, stored, costs = [], [], []
    left, right = names[0], names[-1]
    hold("start", [0])
    hold("axis", [3])
    for number, px in enumerate(disparities):
        hold(f"pads{number}", [0, 0, 0, px, 0, 0, 0, 0])
        hold(f"end{number}", [-px])
        wide, moved, off, far, near = (
            f"{n}{number}" for n in ("wide", "moved", "off", "far", "near")
        )
        nodes += [
            helper.make_node("Pad", [right, f"pads{number}"], [wide], mode="edge"),
            helper.make_node("Slice", [wide, "start", f"end{number}", "axis"], [moved]),
            helper.make_node("Sub", [left, moved], [off]),
            helper.make_node("Abs", [off], [far]),
            helper.make_node(
                "AveragePool",
                [far],
                [near],
                kernel_shape=[_WINDOW, _WINDOW],
                pads=4 * [_WINDOW // 2],
            ),
        ]
        costs.append(near)
    hold("first", [0])
    hold("second", [1])
    hold("channels", [1])
    hold("table", sign * np.array(disparities), np.float32)
    firsts = [f"{name}_first" for name in costs]
    nodes += [
        helper.make_node("Slice", [name, "first", "second", "channels"], [one])
        for name, one in zip(costs, firsts, strict=True)
    ]
    nodes += [
        helper.make_node("Concat", firsts, ["costs"], axis=1),
        helper.make_node("ArgMin", ["costs"], ["best"], axis=1, keepdims=1),
        helper.make_node("Gather", ["table", "best"], ["disparity"]),
    ]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in names]
    answer = helper.make_tensor_value_info("disparity", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "stereo", inputs, [answer], stored)
    net = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    net.ir_version = 10
    onnx.save(net, path)
    return path
