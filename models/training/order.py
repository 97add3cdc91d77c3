"""Which samples make up which step, for each worker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def plan_epoch(
    num_samples: int, batch_size: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Indices of each step of an epoch: a shuffle that holds every sample once, cut into steps of about batch_size."""
    order = np.random.default_rng([seed, epoch]).permutation(num_samples)
    return np.array_split(order, count_steps(num_samples, batch_size))


def plan_steps(
    num_samples: int, batch_size: int, seed: int, num_epochs: int, first_step: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """Epoch and indices of each step of a training, from `first_step` on."""
    for epoch in range(first_step // count_steps(num_samples, batch_size), num_epochs):
        plan = plan_epoch(num_samples, batch_size, seed, epoch)
        for indices in plan[max(0, first_step - epoch * len(plan)) :]:
            yield epoch, indices


def count_steps(num_samples: int, batch_size: int) -> int:
    """Steps in one pass over the samples, at least one."""
    return max(1, round(num_samples / batch_size))


def shard(step_indices: np.ndarray, rank: int, num_workers: int) -> np.ndarray:
    """The part of a step that worker `rank` computes. Together the workers hold each index once."""
    return np.array_split(step_indices, num_workers)[rank]
