"""What libraries would tell their makers is told by no process that works with assets."""

from __future__ import annotations

import os
import subprocess
import sys

_SCRIPT = """
import assets
import onnxruntime
from onnx import TensorProto, helper

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
"""


def test_onnx_runtime_notes_nothing_for_its_maker(tmp_path):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", _SCRIPT], env={**kept, "HOME": str(tmp_path)}, check=True
    )
    assert [str(path) for path in tmp_path.rglob("*")] == []
