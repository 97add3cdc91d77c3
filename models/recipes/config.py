"""The whole configuration of one training: a frozen value, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from models.task_names import TaskName


@dataclass(frozen=True)
class TrainConfig:
    """What a recipe returns. Sizes in px, rates per optimiser step, shares in [0, 1]."""

    name: str
    task: TaskName
    image_size_px: int  # detection, segmentation: long side of the input; recognition: side of its square
    epochs: int
    batch_size: int  # over all workers together
    lr: float  # peak
    optimizer: Literal["adamw", "sgd"] = "adamw"
    backbone_lr_factor: float = 0.3  # the backbone knows ImageNet already
    weight_decay: float = 0.02
    warmup_share: float = 0.1  # of all steps
    clip_norm: float = 10.0
    ema_decay: float = 0.98
    is_pretrained: bool = True
    frozen_stages: int = 2  # of the backbone's 7, with the stem; 0 trains everything
    head_width: int = 64  # channels of the pyramid and head of detection and segmentation
    zoom: tuple[float, float] = (0.8, 1.25)  # scale jitter
    shift_share: float = 0.1  # of the side, each way
    flip_horizontal: bool = True
    flip_vertical: bool = False
    colour_jitter: float = 0.2  # largest relative change of brightness, contrast and saturation
    label_smoothing: float = 0.0  # recognition
    mixup_alpha: float = 0.0  # recognition; 0 is off
    score_every: int = 1  # epochs between validations; the last epoch is always scored
    max_minutes: float | None = None  # ends the cosine early; weights then depend on the machine's speed

    def __post_init__(self) -> None:
        if self.image_size_px % 32:
            raise ValueError(f"image_size_px = {self.image_size_px}: the coarsest stride is 32, give a multiple of 32")
        if self.lr <= 0:
            raise ValueError(f"lr = {self.lr}: give a rate above 0")
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise ValueError(f"zoom = {self.zoom}: give (low, high) with 0 < low <= high")
        if min(self.epochs, self.batch_size, self.score_every) < 1:
            raise ValueError("epochs, batch_size and score_every are at least 1: "
                             f"{self.epochs}, {self.batch_size}, {self.score_every}")  # fmt: skip
        if self.frozen_stages and not self.is_pretrained:
            raise ValueError(f"frozen_stages = {self.frozen_stages} with is_pretrained = False would freeze noise")
        if self.mixup_alpha and self.task != "recognition":
            raise ValueError(f"mixup_alpha = {self.mixup_alpha} with task = {self.task!r}: mixup is for recognition")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The configuration that `dataclasses.asdict`, and JSON after it, made into a dict."""
        return cls(**{**values, "zoom": tuple(values["zoom"])})
