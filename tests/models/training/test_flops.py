"""Operations of a net against sums done by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.nets.classifier import Classifier
from models.training.flops import count_flops_by_size, peak_flops

# two a multiply-add: 8x8 px out, 4 channels of 3x3x3 weights
CONV = 2 * (8 * 8) * (4 * 3 * 3 * 3)
DEPTHWISE = 2 * (8 * 8) * (4 * 3 * 3)
LINEAR = 2 * 4 * 5


class _Net(nn.Module):
    """Three channels to four, each of them by itself, their means to five numbers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.classify = nn.Linear(4, 5)

    def forward(self, pixels):
        return self.classify(self.depthwise(self.conv(pixels)).relu().mean((2, 3)))


def test_forward_and_backward_are_three_times_forward_but_for_the_gradient_of_the_pixels():
    assert count_flops_by_size(_Net())(8, 8) == 2 * CONV + 3 * DEPTHWISE + 3 * LINEAR


def test_what_is_frozen_costs_its_forward_pass():
    net = _Net()
    net.conv.requires_grad_(False)
    assert count_flops_by_size(net)(8, 8) == CONV + 2 * DEPTHWISE + 3 * LINEAR


def test_outputs_of_several_tensors_and_larger_images_count():
    class Two(_Net):
        def forward(self, pixels):
            x = self.conv(pixels)
            return self.depthwise(x), self.classify(x.mean((2, 3)))

    assert count_flops_by_size(Two())(16, 8) == 4 * CONV + 6 * DEPTHWISE + 3 * LINEAR


def test_the_backbone_needs_what_is_published():
    """EfficientNet-Lite0 at 224 px: 407 million multiply-adds by its authors, with norms, which are folded here."""
    gradient_of_pixels = 2 * (112 * 112) * (32 * 3 * 3 * 3)
    forward = (
        count_flops_by_size(Classifier(1000, 0.2))(224, 224) + gradient_of_pixels
    ) / 3
    assert forward / 2 == pytest.approx(407e6, rel=0.06)


def test_counting_touches_neither_weights_nor_gradients_nor_random_numbers():
    net = Classifier(3, 0.2)
    state = torch.random.get_rng_state()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    count_flops_by_size(net)(64, 64)
    assert all(
        torch.equal(value, before[name]) for name, value in net.state_dict().items()
    )
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_cpu_has_no_published_peak():
    assert peak_flops(torch.device("cpu"), "fp32") is None
