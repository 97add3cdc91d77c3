"""A wide depthwise convolution learns what torch's own learns, of which oneDNN computes three columns at a time."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.nets.backbone import Block
from models.nets.depthwise import DepthwiseConv2d
from models.nets.export import export_onnx

_CASES = {
    "same size": (5, 1, 2, (9, 11)),
    "halved": (5, 2, 0, (13, 15)),
    "seven wide": (7, 1, 3, (8, 8)),
    "narrow": (3, 1, 1, (8, 8)),
}


class _Seen(TorchDispatchMode):
    """Names of the operators that ran, and columns of the weights whose gradient was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.columns: list[int] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        if func is torch.ops.aten.convolution_backward.default and args[10][1]:
            self.columns.append(args[2].shape[3])
        return func(*args, **(kwargs or {}))


def _make_pair(kernel, stride, padding):
    torch.manual_seed(0)
    mine = DepthwiseConv2d(16, kernel, stride, padding)
    plain = nn.Conv2d(16, 16, kernel, stride, padding, groups=16)
    plain.load_state_dict(mine.state_dict())
    return tuple(net.to(memory_format=torch.channels_last) for net in (mine, plain))


def _learn(net, size_hw):
    torch.manual_seed(1)
    x = torch.randn(2, 16, *size_hw).to(memory_format=torch.channels_last)
    x.requires_grad_()
    result = net(x)
    (result * torch.randn_like(result)).sum().backward()
    return result, x.grad, *(p.grad for p in net.parameters())


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES)
def test_results_and_gradients_are_those_of_torch(case):
    *shape, size_hw = case
    mine, plain = (_learn(net, size_hw) for net in _make_pair(*shape))
    for found, expected in zip(mine, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("case", "expected"),
    [("same size", [3, 2]), ("halved", [3, 2]), ("seven wide", [3, 3, 1])],
)
def test_no_gradient_of_more_than_three_columns_is_asked_for_at_once(case, expected):
    *shape, size_hw = _CASES[case]
    with _Seen() as seen:
        _learn(_make_pair(*shape)[0], size_hw)
    assert seen.columns == expected


def test_gradients_have_the_layout_of_their_weights():
    net = _make_pair(5, 1, 2)[0]
    _learn(net, (9, 11))
    assert net.weight.grad.stride() == net.weight.stride()


def test_a_frozen_filter_passes_the_gradient_on():
    mine, plain = _make_pair(5, 1, 2)
    for net in (mine, plain):
        net.requires_grad_(False)
    (_, found, *rest), (_, expected, *_) = (
        _learn(net, (9, 11)) for net in (mine, plain)
    )
    assert rest == [None, None]
    torch.testing.assert_close(found, expected)


def test_what_is_exported_is_the_plain_operator():
    net = _make_pair(5, 1, 2)[0]
    content = export_onnx(nn.Sequential(net), torch.rand(1, 16, 8, 8), ["maps"])
    assert [node.op_type for node in onnx.load_from_string(content).graph.node] == [
        "Conv"
    ]


def test_activations_are_not_copied_before_they_are_cut_off():
    torch.manual_seed(0)
    with _Seen() as seen:
        Block(16, 16, 3, 1, 6)(torch.randn(1, 16, 8, 8, requires_grad=True))
    assert "aten.hardtanh.default" in seen.names
    assert "aten.clone.default" not in seen.names
