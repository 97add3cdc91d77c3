"""A tiny net that compares texts with pictures: a picture's vector is its mean colour, a word's the colour it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

COLOURS = {
    "red": (1.0, -1.0, -1.0),
    "green": (-1.0, 1.0, -1.0),
    "blue": (-1.0, -1.0, 1.0),
}
SETTINGS = {
    "size": {"shortest_edge": 2},
    "crop_size": {"height": 2, "width": 2},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def write_clip(
    folder: Path,
    gives: str = "text_embeds",
    length: int | None = None,
    colours: Mapping[str, tuple[float, float, float]] = COLOURS,
) -> Path:
    """The four files. `gives`: the name of what the net of texts gives; `length`: of texts in tokens, where fixed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vision_model.onnx").write_bytes(_make_pictures().SerializeToString())
    net = _make_texts(gives, length, colours)
    (folder / "text_model.onnx").write_bytes(net.SerializeToString())
    (folder / "preprocessor_config.json").write_text(json.dumps(SETTINGS))
    (folder / "tokenizer.json").write_text(_make_tokenizer(colours))
    return folder


def _make_pictures() -> onnx.ModelProto:
    """(N, 3, H, W) -> (N, 3)."""
    axes = numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    mean = helper.make_node(
        "ReduceMean", ["pixel_values", "axes"], ["image_embeds"], keepdims=0
    )
    given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 2, 2])  # fmt: skip
    answer = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["n", 3])
    return _make([mean], given, answer, [axes])


def _make_texts(
    gives: str, length: int | None, colours: Mapping[str, tuple[float, float, float]]
) -> onnx.ModelProto:
    """Tokens (N, K) -> (N, 3): the sum of what they name; the first token is of unknown words and names nothing."""
    named = np.array([(0.0, 0.0, 0.0), *colours.values()], np.float32)
    table = numpy_helper.from_array(named, "table")
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["named"]),
        helper.make_node("ReduceSum", ["named", "axes"], [gives], keepdims=0),
    ]
    given = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", length or "k"])  # fmt: skip
    answer = helper.make_tensor_value_info(gives, TensorProto.FLOAT, ["n", 3])
    return _make(nodes, given, answer, [table, axes])


def _make(
    nodes: list[onnx.NodeProto],
    given: onnx.ValueInfoProto,
    answer: onnx.ValueInfoProto,
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "tiny", [given], [answer], constants)
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _make_tokenizer(words: Mapping[str, object]) -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers

    numbers = {"unknown": 0} | {word: n for n, word in enumerate(words, start=1)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="unknown"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text: str = tokenizer.to_str()
    return text
