"""Parameters held in parts, one a worker: fully sharded data parallelism (FSDP, Zhao et al., arXiv:2304.11277).

A block's parameters are gathered while it computes, and its gradients are averaged into parts. What is outside of a
step (snapshots, validation, the result) sees whole tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

_LEAST = 2**18  # parameters worth a gathering of their own


def shard_net(net: nn.Module) -> None:
    """Leave every worker of the process group its part of each parameter, in place; gradients get the mean of all.

    `net` and its larger blocks must be used by calling them: then their parameters are there.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(
        next(net.parameters()).device.type, (torch.distributed.get_world_size(),)
    )
    net.to(memory_format=torch.contiguous_format)  # parts are cut from the first axis
    for part in (*_find_blocks(net), net):
        fully_shard(part, mesh=mesh)


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may be held in parts; where it is, every worker calls this."""
    # of DTensor, whose import takes a second
    gather: Any = getattr(tensor, "full_tensor", None)
    return tensor if gather is None else gather()


def part_like(held: Tensor | None, value: Tensor) -> Tensor:
    """This worker's part of a whole `value`, where `held` is in parts; else `value` itself."""
    if not hasattr(held, "full_tensor"):
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(held, DTensor)
    return distribute_tensor(
        value, held.device_mesh, held.placements, src_data_rank=None
    )


def _find_blocks(net: nn.Module) -> Iterator[nn.Module]:
    """The outermost large elements of sequences: those are called, never reached into."""
    for module in net.children():
        is_sequence = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)
        if (
            isinstance(net, nn.Sequential | nn.ModuleList | nn.ModuleDict)
            and not is_sequence
        ):
            if sum(p.numel() for p in module.parameters()) >= _LEAST:
                yield module
        else:
            yield from _find_blocks(module)
