"""Who takes part in a training: one process alone, or several that talk through torch.distributed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models.recipes.config import TrainConfig
from models.training.sharding import shard_net


class Workers(Protocol):
    """Rank and number of the workers, and what they do together."""

    rank: int
    num_workers: int

    def wrap(self, net: nn.Module) -> nn.Module:
        """The net whose backward pass averages gradients over the workers. Optimisers are made after it."""

    def unsynced(self, wrapped: nn.Module) -> AbstractContextManager[Any]:
        """While a part of a step is computed whose gradients are averaged with a later part's."""

    def average_statistics(self, net: nn.Module) -> None:
        """Give every worker's batch normalisations the mean of all workers' running statistics."""

    def gather(self, value: Any) -> list[Any]:
        """The value of every worker, by rank, on every worker."""


def mean_over_workers(value: Tensor) -> Tensor:
    """The mean of every worker's value; its gradient is that of this worker's own value.

    For what a loss divides by or takes a ratio of (counts, sums over pixels): with the mean in its place, gradients
    that are averaged over the workers are those of one worker with the whole batch.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    total = value.detach().clone()
    torch.distributed.all_reduce(total)
    return total / torch.distributed.get_world_size() + (value - value.detach())


def find_workers(config: TrainConfig) -> Workers:
    """Those of the process group that is up, or this process alone."""
    has_group = torch.distributed.is_available() and torch.distributed.is_initialized()
    if not has_group or torch.distributed.get_world_size() == 1:
        return Alone()
    return Sharded() if config.sharding == "full" else Distributed()


class Alone:
    """One process: nothing to exchange."""

    rank = 0
    num_workers = 1

    def wrap(self, net: nn.Module) -> nn.Module:
        """The net as it is."""
        return net

    def unsynced(self, wrapped: nn.Module) -> AbstractContextManager[Any]:
        """Nothing to hold back."""
        return nullcontext()

    def average_statistics(self, net: nn.Module) -> None:
        """Nothing to average."""
        pass

    def gather(self, value: Any) -> list[Any]:
        """The one value."""
        return [value]


class Distributed:
    """A torch.distributed process group that is already up; each worker holds the whole net."""

    def __init__(self) -> None:
        self.rank = torch.distributed.get_rank()
        self.num_workers = torch.distributed.get_world_size()

    def wrap(self, net: nn.Module) -> nn.Module:
        """The net under DistributedDataParallel."""
        return nn.parallel.DistributedDataParallel(
            net, forward_sync_buffers=False, gradient_as_bucket_view=True
        )

    def unsynced(self, wrapped: nn.Module) -> AbstractContextManager[Any]:
        """Gradients stay this worker's own until the next step."""
        return wrapped.no_sync()  # type: ignore[operator]  # also through torch.compile

    @torch.no_grad()
    def average_statistics(self, net: nn.Module) -> None:
        """One exchange for the statistics of all batch normalisations."""
        norms = [
            m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
        ]
        buffers = [buffer for norm in norms for buffer in norm.buffers(recurse=False)]
        if not buffers:
            return
        flat = torch.cat([b.flatten().float() for b in buffers])
        torch.distributed.all_reduce(flat)
        parts = (flat / self.num_workers).split([b.numel() for b in buffers])
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part.view_as(buffer))

    def gather(self, value: Any) -> list[Any]:
        """The value of every worker, by rank."""
        values: list[Any] = [None] * self.num_workers
        torch.distributed.all_gather_object(values, value)
        return values


class Sharded(Distributed):
    """As Distributed, but each worker holds its part of the parameters, their average and the optimiser's state."""

    def wrap(self, net: nn.Module) -> nn.Module:
        shard_net(net)
        return net

    @contextmanager
    def unsynced(self, wrapped: nn.Module) -> Iterator[None]:
        net: Any = wrapped
        net.set_requires_gradient_sync(False)
        yield
        net.set_requires_gradient_sync(True)
