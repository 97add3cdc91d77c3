"""Tiny models whose answers a person can say, and a server of them in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from assets.inference.package import ModelPackage, describe, write_package
from assets.serving.queue import BatchRules, ImageQueue
from assets.serving.replicas import Replicas
from assets.serving.sampling import Sampler, SamplingRules
from assets.serving.service import Service, ServiceRules
from assets.serving.versions import Version
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table

COLOURS = ("red", "green", "blue")
RELEASE = "1" * 32


def write_colour_model(
    models: Path, shift: int = 0, release_id: str = RELEASE, enlarge: int = 1
) -> ModelPackage:
    """A recogniser of the brightest channel; `shift` 1 calls red green, green blue, and blue red.

    One that is to `enlarge` its input so many times first says the same, later.
    """
    import torch
    from torch import nn

    from models.recipes import get_recipe

    classify = nn.Linear(3, 3)
    with torch.no_grad():
        classify.weight.copy_(torch.eye(3).roll(shift, 0) / 10)
        classify.bias.zero_()
    layers = nn.AdaptiveAvgPool2d(1), nn.Flatten(), classify
    if enlarge > 1:
        layers = nn.Upsample(scale_factor=enlarge), *layers
    net = nn.Sequential(*layers)
    config = replace(get_recipe("tiny_recognition"), image_size_px=32)
    facts = describe(config, COLOURS, release_id, shift + 10 * (enlarge - 1), "1", [])
    return write_package(models, net, "recognition", facts)


def paint(colour: str, side_px: int = 24, suffix: str = ".png") -> bytes:
    """An image of one colour, encoded."""
    pixels = np.full((side_px, side_px, 3), 20, np.uint8)
    pixels[..., 2 - COLOURS.index(colour)] = 220  # OpenCV's order is BGR
    return cv2.imencode(suffix, pixels)[1].tobytes()


@dataclass(frozen=True)
class Colours:
    """Two versions of a recogniser, in one home."""

    home: Path
    first: Version
    second: Version


def describe_model(version: Version) -> dict[str, Any]:
    """Its row of `models`."""
    return {
        "model_sha256": version.model_sha256,
        "task": version.task,
        "recipe": "tiny_recognition",
        "release_id": RELEASE,
        "folder": f"models/recognition/{version.folder.name}",
        "code_version": "1",
        "seed": version.model_version,
        "run_id": "",
        "facts_sha256": None,
    }


def name_champion(version: Version) -> dict[str, Any]:
    """What the table of champions calls it."""
    return {
        "task": version.task,
        "model_name": version.model_name,
        "model_version": version.model_version,
        "model_sha256": version.model_sha256,
        "release_id": version.release_id,
    }


def crown(catalog: Catalog, version: Version) -> None:
    """Let it be the champion of the table."""
    row = {**name_champion(version), "spent": None}
    catalog.upsert("champions", to_table(TABLES["champions"], [row]))


class Loop:
    """An event loop in a thread of its own, for tests that are not."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What the coroutine returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def make_service(num_replicas: int = 1, **rules: Any) -> Service:
    """A service that is not started; nothing is sampled."""
    queue = ImageQueue(BatchRules())
    return Service(
        queue,
        Replicas(queue, num_replicas, 1),
        Sampler({}, SamplingRules(rate=0.0)),
        ServiceRules(**rules),
    )
