"""What a task is: how to build its net, learn from a batch, predict, and tell quickly how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from models.recipes.config import TrainConfig
from models.types import BoxSet, Image, Sample, SemanticMap


@dataclass(frozen=True)
class Batch:
    """Augmented examples, stacked."""

    frame_ids: tuple[str, ...]
    images: Tensor  # (B, 3, H, W) uint8 RGB
    colour: Tensor  # (B, 3) factors for brightness, contrast, saturation
    # recognition: (B, C) class distributions; detection: list of (boxes (N, 4) px, class ids (N,)); segmentation:
    # (B, H, W) uint8 class ids, IGNORE where nobody says
    targets: Any

    def __len__(self) -> int:
        return len(self.frame_ids)

    def part(self, start: int, end: int) -> Batch:
        """The examples from `start` to before `end`."""
        return Batch(self.frame_ids[start:end], self.images[start:end], self.colour[start:end], self.targets[start:end])


class Task(Protocol):
    """One thing a model can be trained for. Stateless: the same object serves every net."""

    name: str
    metric: str  # what `score` returns, higher is better

    def build(self, config: TrainConfig, num_classes: int, weights: Mapping[str, Tensor] | None) -> nn.Module:
        """The net of the recipe, ready to train, on `weights` where it starts from some."""

    def make_batch(
        self, samples: Sequence[Sample], num_classes: int, config: TrainConfig, rngs: Sequence[np.random.Generator]
    ) -> Batch:
        """Augment each sample with its own generator and stack."""

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """A scalar to minimise, mean over the batch."""

    def predict(self, net: nn.Module, images_rgb: Sequence[Image], config: TrainConfig) -> list[Any]:
        """Probabilities, Detections or SemanticPredictions, one an image, in pixels of that image."""

    def score(self, predictions: Sequence[Any], targets: Sequence[BoxSet | int | SemanticMap]) -> float:
        """The quick figure that chooses the best checkpoint."""

    def deployed(self, net: nn.Module, side_px: int) -> tuple[nn.Module, tuple[str, ...]]:
        """The net as it is shipped, on square inputs: pixels in, finished numbers out; and the names of its outputs."""
