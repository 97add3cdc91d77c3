"""Make a training repeat itself on one machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Seed torch and ask for deterministic kernels; put the settings back at the end.

    Equal weights need the same machine, the same number of threads and the same number of workers.
    """
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    was_warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    tidy: Any = torch.utils.deterministic
    was_filled = tidy.fill_uninitialized_memory
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    tidy.fill_uninitialized_memory = False  # else every new tensor is written twice
    # else products on a GPU do not repeat themselves
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_deterministic, warn_only=was_warn_only)
        tidy.fill_uninitialized_memory = was_filled


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator for one sample in one epoch: the same whichever worker or thread prepares it."""
    return np.random.default_rng([seed, epoch, index])


def seed_step(seed: int, rank: int, step: int) -> None:
    """Seed torch for one step of one worker (dropout): a training that resumes at a step draws what it would have."""
    torch.manual_seed(
        int(
            np.random.SeedSequence([seed, rank, step]).generate_state(1, np.uint64)[0]
            >> 1
        )
    )
