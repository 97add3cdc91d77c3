"""Who takes part in a training: one process alone, or several that talk through torch.distributed."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn


class Workers(Protocol):
    """Rank and number of the workers, and the two things they do together."""

    rank: int
    num_workers: int

    def wrap(self, net: nn.Module) -> nn.Module:
        """The net whose backward pass averages gradients over the workers."""

    def gather(self, value: Any) -> list[Any]:
        """The value of every worker, by rank, on every worker."""


class Alone:
    """One process: nothing to exchange."""

    rank, num_workers = 0, 1

    def wrap(self, net: nn.Module) -> nn.Module:
        return net

    def gather(self, value: Any) -> list[Any]:
        return [value]


class Distributed:
    """A torch.distributed process group that is already up."""

    def __init__(self) -> None:
        self.rank, self.num_workers = torch.distributed.get_rank(), torch.distributed.get_world_size()

    def wrap(self, net: nn.Module) -> nn.Module:
        return nn.parallel.DistributedDataParallel(net, broadcast_buffers=False, gradient_as_bucket_view=True)

    def gather(self, value: Any) -> list[Any]:
        values: list[Any] = [None] * self.num_workers
        torch.distributed.all_gather_object(values, value)
        return values
