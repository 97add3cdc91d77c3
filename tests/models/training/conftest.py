"""Ten synthetic images a task: discs and squares."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from torch import nn

from models.training import meter
from models.training.flops import count_flops_by_size
from models.types import BoxSet, InstanceSet, Sample, SemanticMap


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """For all tests of this folder."""


@pytest.fixture(scope="session", autouse=True)
def _count_each_net_once() -> Iterator[None]:
    """The operations of a net are counted at its first training: each count takes as long as ten steps here."""
    counted: dict[str, Callable[[int, int], int | None]] = {}

    def count(net: nn.Module) -> Callable[[int, int], int | None]:
        key = f"{net} {[p.requires_grad for p in net.parameters()]}"
        if key not in counted:
            counted[key] = count_flops_by_size(net)
        return counted[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(meter, "count_flops_by_size", count)
        yield


@pytest.fixture(scope="session")
def draw_samples() -> Callable[[str], list[Sample]]:
    def draw(task: str, count: int = 10, side_px: int = 64) -> list[Sample]:
        return [_draw(task, n, side_px) for n in range(count)]

    return draw


def _draw(task: str, number: int, side_px: int) -> Sample:
    rng = np.random.default_rng(number)
    image = rng.integers(80, 100, (side_px, side_px, 3), dtype=np.uint8)
    class_id = number % 2
    side = int(rng.integers(12, 20)) * 2
    x, y = (int(v) for v in rng.integers(0, side_px - side, 2))
    if class_id:
        image[y : y + side, x : x + side] = (220, 60, 40)
    else:
        cv2.circle(image, (x + side // 2, y + side // 2), side // 2, (40, 90, 230), -1)
    is_object = (image != image.clip(80, 99)).any(2)
    if task == "segmentation":
        return Sample(
            f"frame-{number}",
            image,
            SemanticMap(np.where(is_object, class_id, 2).astype(np.uint8)),
        )
    if task == "recognition":
        return Sample(f"frame-{number}", image, class_id)
    box = np.array([[x, y, x + side, y + side]], np.float32)
    if task == "instances":
        return Sample(
            f"frame-{number}",
            image,
            InstanceSet(box, np.array([class_id]), is_object[None]),
        )
    return Sample(f"frame-{number}", image, BoxSet(box, np.array([class_id])))
