#!/usr/bin/env bash
# Finding: the maximum of 1, NaN, 2 and 3 is 2 in ONNX Runtime, and 3, NaN or 2 by where the NaN stands
#
# Packages: onnxruntime==1.31.1, onnx==1.23.2, numpy==2.4.6 (Python 3.11 or later; seen on x86-64)
#
# Guess: ReduceMax and MaxPool of numbers with a NaN are NaN, as the maximum is in NumPy, and as ReLU,
#   Clip, Max and Softmax of the same runtime have it; or the NaN is passed over and both say 3.
#
# Seen: of the NaN and 1, 2, 3, the NaN standing first, second, third and last, ReduceMax says NaN, 2,
#   3 and 3, so that one answer is finite and is not the largest number; MaxPool with a 2x2 window says
#   3, 3, 3 and NaN. ThresholdedRelu turns a NaN into 0. onnx's own reference
#   evaluator says NaN to all of ReduceMax and 3 to all of MaxPool. The standard says nothing of NaN.
#
# Why it matters: a net is checked by looking for NaN in its answer. A depth pixel without a value, or a
#   broken score among a row's, becomes an ordinary number on the way, or does not when the picture
#   is shifted by a pixel.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

def answers(operator, row, shape, **attributes):
    """What ONNX Runtime and the reference evaluator say of one operator."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], **attributes)], "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = {"x": np.array(row, np.float32).reshape(shape)}
    return [str(runner.run(None, fed)[0].ravel()[0]) for runner in (session, ReferenceEvaluator(model))]

seen = {"ReduceMax": [], "MaxPool": []}
for place in range(4):
    row = [1.0, 2.0, 3.0]
    row.insert(place, np.nan)
    seen["ReduceMax"].append(answers("ReduceMax", row, [1, 4], axes=[1]))
    seen["MaxPool"].append(answers("MaxPool", row, [1, 1, 2, 2], kernel_shape=[2, 2]))
single = {name: answers(name, [np.nan], [1])[0] for name in ("Relu", "ThresholdedRelu")}
print(seen, single)
assert [runtime for runtime, _ in seen["ReduceMax"]] == ["nan", "2.0", "3.0", "3.0"], seen
assert [runtime for runtime, _ in seen["MaxPool"]] == ["3.0", "3.0", "3.0", "nan"], seen
assert {reference for _, reference in seen["ReduceMax"]} == {"nan"}, seen
assert {reference for _, reference in seen["MaxPool"]} == {"3.0"}, seen
assert single == {"Relu": "nan", "ThresholdedRelu": "0.0"}, single
PY
