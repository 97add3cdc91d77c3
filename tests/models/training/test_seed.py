"""A repeatable stretch asks for determinism, pays nothing for it, and leaves torch as it was."""

from __future__ import annotations

import pytest
import torch

from models.training.seed import repeatable


@pytest.mark.parametrize("was", [(False, True), (True, False)])
def test_torch_is_left_as_it_was(was):
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
    )
    try:
        torch.use_deterministic_algorithms(was[0])
        torch.utils.deterministic.fill_uninitialized_memory = was[1]
        with pytest.raises(ZeroDivisionError), repeatable(0):
            assert torch.are_deterministic_algorithms_enabled()
            # or every new tensor is written twice
            assert not torch.utils.deterministic.fill_uninitialized_memory
            _ = 1 / 0
        assert (
            torch.are_deterministic_algorithms_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
        ) == was
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.utils.deterministic.fill_uninitialized_memory = before[1]


def test_the_same_seed_draws_the_same_numbers():
    draws = []
    for seed in (3, 3, 4):
        with repeatable(seed):
            draws.append(torch.rand(4).tolist())
    assert draws[0] == draws[1] != draws[2]
