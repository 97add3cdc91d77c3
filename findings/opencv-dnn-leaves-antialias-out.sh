#!/usr/bin/env bash
# Finding: OpenCV 5 runs a net that shrinks its picture with `antialias` as if that were not asked for
#
# Packages: opencv-python-headless==5.0.0.93, onnxruntime==1.31.1, onnx==1.23.2, numpy==2.4.6 (Python 3.11
#   or later)
#
# Guess: a net that OpenCV's importer reads without a word answers as in ONNX Runtime; what the importer
#   does not know it refuses.
#
# Seen: lines one pixel wide, every fourth, in a picture that a Resize with `antialias=1` shrinks to a
#   fourth, linear or cubic: 0.25 everywhere inside in ONNX Runtime, which is the share of the lines; 0 or
#   -0.09 in OpenCV, as ONNX Runtime says with `antialias=0`. The attribute is in the standard since opset
#   18. It is read and run without a warning.
#
# Why it matters: exporters put the scaling of the picture into the net, and torchvision scales with
#   antialias by default, so that a net which was sound in ONNX Runtime sees other pictures in OpenCV:
#   thin and far objects vanish before the first layer, and the score falls without an error anywhere.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cd "$work"
export ORT_DISABLE_TELEMETRY=1
"$work/v/bin/python" - <<'PY'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


LINES = np.zeros((1, 1, 32, 32), np.float32)
LINES[..., ::4] = 1


def shrinking_net(mode, antialias):
    scales = numpy_helper.from_array(np.array([1, 1, 0.25, 0.25], np.float32), "scales")
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode=mode, antialias=antialias)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, LINES.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8, 8])],
        [scales],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def by_runtime(net):
    return onnxruntime.InferenceSession(net, providers=["CPUExecutionProvider"]).run(None, {"x": LINES})[0]


def by_opencv(net):
    reader = cv2.dnn.readNetFromONNX(np.frombuffer(net, np.uint8))
    reader.setInput(LINES, "x")
    return reader.forward()


for mode in ("linear", "cubic"):
    smooth, plain = shrinking_net(mode, 1), shrinking_net(mode, 0)
    inside = [by(net)[0, 0, 4, 3:6] for by in (by_runtime, by_opencv) for net in (smooth, plain)]
    print(mode, "ONNX Runtime with and without antialias, OpenCV with and without:", *inside)
    assert np.allclose(inside[0], 0.25, atol=0.02), inside
    assert np.abs(by_opencv(smooth) - by_runtime(plain)).max() < 1e-5
    assert np.abs(by_opencv(smooth) - by_opencv(plain)).max() == 0
PY
