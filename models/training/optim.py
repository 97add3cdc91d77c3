"""Optimiser, learning-rate schedule and weight average."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.recipes.config import TrainConfig

_SGD_MOMENTUM = 0.9
_FINAL_SHARE = 0.01  # of the peak rate, at the end of the cosine


def make_optimizer(net: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW or SGD; the backbone learns slower; biases, norms and scales (one axis) are not decayed."""
    groups, backbone = [], set(map(id, net.get_submodule("backbone").parameters()))
    for is_backbone in (True, False):
        for is_decayed in (True, False):
            params = [p for p in net.parameters() if p.requires_grad
                      and (id(p) in backbone) == is_backbone and (p.ndim > 1) == is_decayed]  # fmt: skip
            factor = config.backbone_lr_factor if is_backbone and config.weights != "none" else 1.0
            decay = config.weight_decay if is_decayed else 0.0
            peak = config.lr * factor
            groups.append({"params": params, "lr": peak, "weight_decay": decay, "peak": peak})
    groups = [g for g in groups if g["params"]]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=_SGD_MOMENTUM, nesterov=True)
    return torch.optim.AdamW(groups, lr=config.lr)


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> float:
    """Set every group to `share` of its peak; returns the highest rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    return max(group["lr"] for group in optimizer.param_groups)


def rate_share(progress: float, warmup_share: float) -> float:
    """Share of the peak rate at `progress` in [0, 1]: a line up, then a cosine down to 1%."""
    if progress < warmup_share:
        return (progress + 1e-3) / (warmup_share + 1e-3)
    phase = (progress - warmup_share) / max(1 - warmup_share, 1e-9)
    return _FINAL_SHARE + (1 - _FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * min(phase, 1.0)))


class WeightAverage:
    """Exponential moving average of a net's weights; a young one forgets faster: min(decay, (1 + t) / (10 + t))."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self._decay, self.num_steps = decay, 0
        self.values: dict[str, Tensor] = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        self.num_steps += 1
        decay = min(self._decay, (1 + self.num_steps) / (10 + self.num_steps))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - decay)
            else:
                self.values[name].copy_(value)
