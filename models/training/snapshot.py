"""The whole state of a training between two steps: what it takes to go on as if it had never stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from models.training.optim import WeightAverage
from models.training.sharding import part_like, whole

_NET = "net."
_AVERAGE = "average."
_KEPT = "kept."
_OPTIMIZER = "optimizer."
_GROUP = "group."


@dataclass
class FitResult:
    """The weights of the last epoch that is as good as the best, and one history row an epoch.

    As good: its metric is within one standard error of the best (Breiman et al., Classification and Regression Trees,
    1984). Few validation images tell epochs apart by chance; of equals the last has learnt longest, at the lowest rate.
    """

    weights: dict[str, Tensor] = field(default_factory=dict)
    metric: float = float("-inf")  # of these weights
    epoch: int = -1  # of these weights
    best: float = float("-inf")
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)

    def judge(self, epoch: int, metric: float, num_images: int) -> bool:
        """Is this epoch, scored on so many images, as good as the best, itself among them?

        A mean m of values in [0, 1] over n images has a standard error of at most sqrt(m (1 - m) / n); of a metric that
        leaves [0, 1], only the best itself is good enough.
        """
        if metric > self.best:
            self.best = metric
            self.best_epoch = epoch
        is_kept = metric >= self.best - math.sqrt(
            max(self.best * (1 - self.best), 0.0) / num_images
        )
        if is_kept:
            self.metric = metric
            self.epoch = epoch
        return is_kept


@dataclass(frozen=True)
class Snapshot:
    """Whole tensors by name, and JSON facts: for any worker; random numbers are drawn from the step's own seed."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@dataclass
class FitState:
    """Where a training is. `losses` are those of the epoch under way, one list a worker at each save."""

    net: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage
    scaler: torch.amp.GradScaler
    result: FitResult = field(default_factory=FitResult)
    step: int = 0  # over all epochs: the next to do
    losses: list[float] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        """Where the net's weights lie."""
        return next(self.net.parameters()).device

    def save(
        self,
        losses_by_rank: list[list[float]],
        spent: Mapping[str, float],
        is_kept: bool,
    ) -> Snapshot:
        """A copy on the CPU. Every worker calls it, as tensors may be held in parts; one that is not kept is empty."""
        slots = self.optimizer.state_dict()["state"]
        groups = dict(enumerate(self.optimizer.param_groups))
        tensors = {
            **{_NET + k: v for k, v in self.net.state_dict().items()},
            **{_AVERAGE + k: v for k, v in self.average.values.items()},
            **{_KEPT + k: v for k, v in self.result.weights.items()},
            **_name_tensors(_OPTIMIZER, slots),
            **_name_tensors(_GROUP, groups),  # LAMB counts its steps by group
        }
        facts = {
            "step": self.step,
            "spent": dict(spent),
            "losses_by_rank": [list(losses) for losses in losses_by_rank],
            "average_steps": self.average.num_steps,
            "scaler": self.scaler.state_dict(),
            "history": [dict(row) for row in self.result.history],
            "epoch": self.result.epoch,
            "best_epoch": self.result.best_epoch,
            **{
                k: getattr(self.result, k) if self.result.weights else None
                for k in ("metric", "best")
            },
        }
        copies = {}
        for name, value in tensors.items():
            found = whole(value.detach())
            if is_kept:
                copies[name] = found.cpu().clone().contiguous()
        return Snapshot(copies, facts)

    def load(self, snapshot: Snapshot, rank: int, num_workers: int) -> None:
        """Go back to where `snapshot` was made; as many workers as it was made by end as if they had never stopped.

        Any other number takes up the same step with the same images and state: it goes on as if it had always been
        that number, so to float tolerance; only what is drawn by worker (dropout) differs from then on.
        Raises ValueError when the snapshot is of another net.
        """
        facts = snapshot.facts
        held = self.net.state_dict()
        try:
            self.net.load_state_dict(
                {
                    k: part_like(held.get(k), v)
                    for k, v in _part(snapshot.tensors, _NET).items()
                }
            )
        except RuntimeError as error:
            raise ValueError(f"the snapshot is of another net: {error}") from error
        for name, value in _part(snapshot.tensors, _AVERAGE).items():
            self.average.values[name].copy_(part_like(self.average.values[name], value))
        self.average.num_steps = facts["average_steps"]
        self.scaler.load_state_dict(facts["scaler"])
        groups = self.optimizer.state_dict()["param_groups"]
        counted = _by_index(snapshot.tensors, _GROUP)
        groups = [
            {**group, **counted.get(index, {})} for index, group in enumerate(groups)
        ]
        params = [
            param for group in self.optimizer.param_groups for param in group["params"]
        ]
        slots = {
            index: {
                k: part_like(params[index], v) if v.shape == params[index].shape else v
                for k, v in slot.items()
            }
            for index, slot in _by_index(snapshot.tensors, _OPTIMIZER).items()
        }
        self.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        for param, slot in self.optimizer.state.items():
            for key, value in slot.items():
                # in the layout of its parameter: LAMB's norms sum in that order
                if value.shape == param.shape:
                    slot[key] = torch.empty_like(param).copy_(value)
        metric, best = (
            float("-inf") if facts[k] is None else facts[k] for k in ("metric", "best")
        )
        self.result = FitResult(
            _part(snapshot.tensors, _KEPT),
            metric,
            facts["epoch"],
            best,
            facts["best_epoch"],
            list(facts["history"]),
        )
        self.step = facts["step"]
        by_rank = facts["losses_by_rank"]
        is_mine = len(by_rank) == num_workers
        self.losses = (
            list(by_rank[rank])
            if is_mine
            else [sum(step) / len(step) for step in zip(*by_rank, strict=True)]
        )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _name_tensors(
    prefix: str, dicts: Mapping[int, Mapping[str, Any]]
) -> dict[str, Tensor]:
    return {
        f"{prefix}{i}.{k}": v
        for i, values in dicts.items()
        for k, v in values.items()
        if isinstance(v, Tensor)
    }


def _by_index(
    tensors: Mapping[str, Tensor], prefix: str
) -> dict[int, dict[str, Tensor]]:
    """Copies of what `_name_tensors` named: an optimiser counts on in the tensors that it is given."""
    dicts: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, prefix).items():
        index, _, key = name.partition(".")
        dicts.setdefault(int(index), {})[key] = value.clone()
    return dicts
