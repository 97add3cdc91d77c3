"""The net of sentences computes what BERT's encoder and a mean over its tokens compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.nets.sentences import SentenceNet as Net
from models.nets.sentences import Sizes, build_sentence_net, export_sentences

SIZES = Sizes(num_words=11, num_places=6, dim=8, num_inner=12, num_layers=2, num_heads=2)  # fmt: skip
# of Hugging Face's BertModel 5 with the same weights, mean over the tokens that are there, unit length
EXPECTED = [
    [0.12636, 0.30723, -0.58817, -0.00987, 0.15296, -0.61162, 0.17483, 0.33994],
    [0.03758, 0.39416, -0.52712, -0.08528, 0.21391, -0.59313, 0.04691, 0.39792],
]
NUMBERS = torch.tensor([[2, 4, 5, 3], [2, 7, 3, 0]])
IS_THERE = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


@pytest.fixture(scope="module")
def net() -> Net:
    """Weights are a sine along each tensor, which begins where the tensor stands among all by name."""
    names = Net(SIZES).state_dict()
    weights = {}
    for place, (name, like) in enumerate(sorted(names.items())):
        steps = torch.arange(like.numel(), dtype=torch.float64) * 0.7 + place
        wave = torch.sin(steps).reshape(like.shape).float()
        is_scale = name.endswith("LayerNorm.weight")
        weights[name] = 1 + 0.1 * wave if is_scale else 0.6 * wave
    return build_sentence_net(weights, num_heads=2)


@torch.inference_mode()
def test_vectors_are_those_of_bert(net):
    found = net(NUMBERS, IS_THERE)
    assert found.numpy() == pytest.approx(np.array(EXPECTED), abs=2e-5)


@torch.inference_mode()
def test_what_fills_a_text_up_does_not_count(net):
    alone = net(NUMBERS[1:, :3], IS_THERE[1:, :3])
    other = net(torch.tensor([[2, 7, 3, 9]]), IS_THERE[1:])
    assert alone.numpy() == pytest.approx(np.array(EXPECTED[1:]), abs=2e-5)
    assert other.numpy() == pytest.approx(alone.numpy(), abs=1e-6)


def test_weights_that_lack_a_tensor_are_refused(net):
    weights = net.state_dict()
    del weights["encoder.layer.1.output.dense.bias"]
    with pytest.raises(RuntimeError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        build_sentence_net(weights, num_heads=2)


def test_the_onnx_form_takes_texts_of_any_number_and_length():
    import onnxruntime

    sizes = Sizes(11, num_places=24, dim=8, num_inner=12, num_layers=1, num_heads=2)
    torch.manual_seed(0)
    net = Net(sizes).eval()
    session = onnxruntime.InferenceSession(
        export_sentences(net), providers=["CPUExecutionProvider"]
    )
    for numbers, there in ((NUMBERS, IS_THERE), (NUMBERS[:1, :2], IS_THERE[:1, :2])):
        asked = {"numbers": numbers.numpy(), "is_there": there.numpy()}
        (found,) = session.run(None, asked)
        with torch.inference_mode():
            wanted = net(numbers, there).numpy()
        assert found == pytest.approx(wanted, abs=1e-5)
