"""Optimiser, learning-rate schedule and weight average."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.recipes.config import TrainConfig
from models.training.sharding import whole

_MOMENTUM = 0.9  # of SGD and LARS; AdamW and LAMB have it as their beta1


def make_optimizer(net: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The recipe's optimiser; the backbone learns slower; biases, norms and scales (one axis) are not decayed.

    LARS (You et al., arXiv:1708.03888) and LAMB (You et al., ICLR 2020) scale each tensor's step to the tensor's norm,
    but for the ones of one axis. They are timm's, whose import takes seconds that other trainings do not pay.
    """
    groups = []
    part = getattr(net, "backbone", None)
    backbone = set(map(id, part.parameters())) if isinstance(part, nn.Module) else set()
    for is_backbone in (True, False):
        for is_decayed in (True, False):
            params = [
                p
                for p in net.parameters()
                if p.requires_grad
                and (id(p) in backbone) == is_backbone
                and (p.ndim > 1) == is_decayed
            ]
            factor = (
                config.backbone_lr_factor
                if is_backbone and config.weights != "none"
                else 1.0
            )
            decay = config.weight_decay if is_decayed else 0.0
            peak = config.peak_lr * factor
            groups.append(
                {
                    "params": params,
                    "lr": peak,
                    "weight_decay": decay,
                    "peak": peak,
                    "always_adapt": is_decayed,
                }
            )
    groups = [g for g in groups if g["params"]]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=_MOMENTUM, nesterov=True)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr)
    from timm.optim import Lamb, Lars

    if config.optimizer == "lars":
        return Lars(groups, lr=config.lr, momentum=_MOMENTUM)
    return Lamb(groups, lr=config.lr, max_grad_norm=None)  # the loop clips


@dataclass(frozen=True)
class _Shape:
    """Rates as shares of the peak; the momentum swings from its high end down to its low one, against the rate."""

    first: float
    last: float
    momentum: tuple[float, float] | None = None  # low, high; None leaves it alone


_SHAPES: dict[Literal["cosine", "one_cycle"], _Shape] = {
    "cosine": _Shape(0.01, 0.01),
    "one_cycle": _Shape(
        1 / 25, 1e-4, (0.85, 0.95)
    ),  # Smith and Topin, Super-Convergence (arXiv:1708.07120)
}


def set_rate(
    optimizer: torch.optim.Optimizer, config: TrainConfig, progress: float
) -> float:
    """Bring every group to where it is at `progress` in [0, 1]; returns the highest rate.

    Nothing is carried over from step to step: a training that resumes finds the same rates.
    """
    share = rate_share(config, progress)
    momentum = momentum_at(config, progress)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None:
            group["momentum"] = momentum
    return max(group["lr"] for group in optimizer.param_groups)


def rate_share(config: TrainConfig, progress: float) -> float:
    """Share of the peak rate at `progress` in [0, 1]: a line up, then a cosine down."""
    shape = _SHAPES[config.schedule]
    low = shape.first if progress < config.warmup_share else shape.last
    return low + (1 - low) * _height(config, progress)


def momentum_at(config: TrainConfig, progress: float) -> float | None:
    """Momentum, or beta1, at `progress` in [0, 1]: lowest where the rate is highest. None: the optimiser's own."""
    swing = _SHAPES[config.schedule].momentum
    if swing is None:
        return None
    return swing[1] - (swing[1] - swing[0]) * _height(config, progress)


def _height(config: TrainConfig, progress: float) -> float:
    """From 0 at both ends to 1 at the peak."""
    if progress < config.warmup_share:
        return progress / config.warmup_share
    phase = (progress - config.warmup_share) / max(1 - config.warmup_share, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(phase, 1.0)))


class WeightAverage:
    """Exponential moving average of a net's weights; a young one forgets faster: min(decay, (1 + t) / (10 + t))."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self._decay = decay
        self.num_steps = 0
        self.values: dict[str, Tensor] = {
            k: v.detach().clone() for k, v in net.state_dict().items()
        }

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Take the weights after a step; early on the average forgets faster."""
        self.num_steps += 1
        decay = min(self._decay, (1 + self.num_steps) / (10 + self.num_steps))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - decay)
            else:
                self.values[name].copy_(value)

    @torch.no_grad()
    def copy_to(self, net: nn.Module) -> None:
        """Give a whole net the average; every worker calls it."""
        for name, value in net.state_dict().items():
            value.copy_(whole(self.values[name]))
