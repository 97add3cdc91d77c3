"""What a task is: how to build its net, learn from a batch, predict, and tell quickly how good it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from models.metrics.calibration import Calibration
from models.metrics.matching import JudgedImage
from models.recipes.config import TrainConfig
from models.types import Image, Sample, Target

_EXAM_CHUNK = 64  # images in memory at once


@dataclass(frozen=True)
class Batch:
    """Augmented examples, stacked."""

    frame_ids: tuple[str, ...]
    images: Tensor  # (B, 3, H, W) uint8 RGB; pretraining: (B, 2, 3, H, W), two views of each
    colour: Tensor  # (B, 3), or (B, 2, 3), factors for brightness, contrast, saturation
    # recognition: (B, C) class distributions; detection: list of (boxes (N, 4) px, class ids (N,)); segmentation:
    # (B, H, W) uint8 class ids, IGNORE where nobody says; multilabel: (B, C), 1 where a class shows; pretraining: none;
    # instances: list of InstanceTarget; keypoints: list of PoseTarget
    targets: Any

    def __len__(self) -> int:
        return len(self.frame_ids)

    def part(self, start: int, end: int) -> Batch:
        """The examples from `start` to before `end`."""
        targets = None if self.targets is None else self.targets[start:end]
        return Batch(
            self.frame_ids[start:end],
            self.images[start:end],
            self.colour[start:end],
            targets,
        )


@dataclass(frozen=True)
class Examined:
    """What an exam of an open task found: figures over all images, and what was judged of each; none where the task
    has no objects."""

    figures: dict[str, float]
    images: tuple[JudgedImage, ...] = ()


class Task(Protocol):
    """One thing a model can be trained for. Stateless: the same object serves every net."""

    name: str
    metric: str  # what `score` returns, higher is better

    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        """The net of the recipe, ready to train, on `weights` where it starts from some."""

    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        """Augment each sample with its own generator and stack."""

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """A scalar to minimise, mean over the batch."""

    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[Any]:
        """Probabilities, Detections or SemanticPredictions, one an image, in pixels of that image."""

    def score(self, predictions: Sequence[Any], targets: Sequence[Target]) -> float:
        """The quick figure that chooses the epoch whose weights are kept: higher is better."""

    def temper(
        self, net: nn.Module, predictions: Sequence[Any], targets: Sequence[Target]
    ) -> Calibration | None:
        """Make a net that predicted this on the val split as sure as it is right; None where that is left as it is."""
        return None

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        """The net as it is shipped, on square inputs: pixels in, finished numbers out; and the names of its outputs."""


class OpenTask(Task, ABC):
    """A task that is scored by its own metric alone: derive from it to add one of your own (docs/how-to/add-a-task.md).

    `dataset` is the kind of release it learns from, which fixes what `Sample.target` is. A champion must reach `floor`,
    and stay within `max_drop` of the one before it. Higher is better.
    """

    name: str
    dataset: str
    metric: str  # `val_` and a word
    floor: float
    max_drop: float = 0.01

    @abstractmethod
    def build(
        self,
        config: TrainConfig,
        num_classes: int,
        weights: Mapping[str, Tensor] | None,
    ) -> nn.Module:
        """As `Task.build`."""

    @abstractmethod
    def make_batch(
        self,
        samples: Sequence[Sample],
        num_classes: int,
        config: TrainConfig,
        rngs: Sequence[np.random.Generator],
    ) -> Batch:
        """As `Task.make_batch`."""

    @abstractmethod
    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """As `Task.loss`."""

    @abstractmethod
    def predict(
        self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig
    ) -> list[Any]:
        """One answer an image."""

    @abstractmethod
    def score(self, predictions: Sequence[Any], targets: Sequence[Target]) -> float:
        """As `Task.score`."""

    def deployed(
        self, net: nn.Module, side_px: int
    ) -> tuple[nn.Module, tuple[str, ...]]:
        """As `Task.deployed`: the net as it is."""
        return net, ("output",)

    def examine(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> dict[str, float]:
        """Figures on frames that were never trained on, by name; one is the metric, without `val_`."""
        return {
            self.metric.removeprefix("val_"): self.score(
                *self.answer(net, test, config)
            )
        }

    def examine_images(
        self,
        net: nn.Module,
        train: Sequence[Sample],
        test: Sequence[Sample],
        config: TrainConfig,
    ) -> Examined:
        """The figures of `examine`, with what was judged of each image of `test`, in order, where it has objects."""
        return Examined(self.examine(net, train, test, config))

    def judge(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> tuple[JudgedImage, ...]:
        """What `examine_images` judges of each image."""
        return ()

    def answer(
        self, net: nn.Module, samples: Sequence[Sample], config: TrainConfig
    ) -> tuple[list[Any], list[Target]]:
        """Predictions and targets of all samples, of which a few are in memory at once."""
        found: list[Any] = []
        targets: list[Target] = []
        for start in range(0, len(samples), _EXAM_CHUNK):
            some = [
                samples[i] for i in range(start, min(start + _EXAM_CHUNK, len(samples)))
            ]
            found += self.predict(net, [sample.image_rgb for sample in some], config)
            targets += [sample.target for sample in some]
        return found, targets


def require_figures(
    figures: Mapping[str, float | None], num_frames: int, needed: str
) -> dict[str, float]:
    """The figures of an exam. Raises ValueError where one is unknown, since no test frame has what is `needed`."""
    if None in figures.values():
        raise ValueError(
            f"none of {num_frames} test frames has {needed}: move labelled frames to the 'test' split"
        )
    return {name: float(value) for name, value in figures.items() if value is not None}
