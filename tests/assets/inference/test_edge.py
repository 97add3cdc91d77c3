"""The int8 form: which layers it holds, that it answers nearly as the float form does, and equally each time."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from assets.inference.edge import quantize
from assets.inference.onnx_model import OnnxModel
from assets.inference.package import describe, write_package
from models.recipes import get_recipe
from models.tasks import TASKS

SIDE_PX = 64


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    config = replace(
        get_recipe("tiny_detection"),
        image_size_px=SIDE_PX,
        weights="none",
        frozen_stages=0,
    )
    torch.manual_seed(0)
    net = TASKS["detection"].build(config, 2, None)
    torch.nn.init.normal_(net.head.classify.weight, std=0.05)
    facts = describe(config, ("cup", "box"), "1" * 32, 0, "1", [])
    return write_package(tmp_path_factory.mktemp("models"), net, "detection", facts)


@pytest.fixture(scope="module")
def examples():
    random = np.random.default_rng(0)
    shape = (1, 3, SIDE_PX, SIDE_PX)
    return [random.uniform(0, 255, shape).astype(np.float32) for _ in range(4)]


@pytest.fixture(scope="module")
def form(package, examples):
    return quantize(package, examples)


def test_layers_are_int8_and_what_makes_boxes_of_them_is_float(form):
    graph = onnx.load_from_string(form).graph
    made_by = {name: node for node in graph.node for name in node.output}
    weights = {one.name: one.data_type for one in graph.initializer}
    layers = [node for node in graph.node if node.op_type == "Conv"]
    assert len(layers) > 20
    for layer in layers:
        assert made_by[layer.input[0]].op_type == "DequantizeLinear"
        scaled = made_by[layer.input[1]]
        assert weights[scaled.input[0]] == onnx.TensorProto.INT8
    behind = list_behind_layers(graph.output, made_by)
    # what makes boxes of the last layers' outputs rounds nothing once more
    assert {"Mul", "Concat"} <= behind and "QuantizeLinear" not in behind


def list_behind_layers(outputs, made_by) -> set[str]:
    """The operations between the outputs and what was last in int8."""
    waiting, ops = [output.name for output in outputs], set()
    while waiting:
        node = made_by.get(waiting.pop())
        if node is not None and node.op_type != "DequantizeLinear":
            ops.add(node.op_type)
            waiting.extend(node.input)
    return ops


def test_it_answers_nearly_as_the_float_form_does(package, form, examples):
    scores, boxes = OnnxModel(package).run(examples[0])
    scores_too, boxes_too = OnnxModel(package, form=form).run(examples[0])
    assert np.corrcoef(scores.ravel(), scores_too.ravel())[0, 1] > 0.98
    assert np.abs(boxes - boxes_too).max() < 0.2 * SIDE_PX
    assert len(form) < 0.5 * (package.folder / "model.onnx").stat().st_size


def test_equal_examples_give_equal_bytes(package, form, examples):
    assert quantize(package, iter(examples)) == form


def test_a_changed_package_gives_no_form(package, examples, tmp_path):
    changed = replace(package, hashes={**package.hashes, "model.onnx": "0" * 64})
    with pytest.raises(ValueError, match="has changed"):
        quantize(changed, examples)
