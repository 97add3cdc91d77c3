"""A model package by ONNX Runtime: images in, answers out, without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.inference.package import ModelPackage
from assets.inference.shipped import ShippedNet, ship
from models.deployed import fit_input, read_answer
from models.types import Image, Prediction

if TYPE_CHECKING:
    import onnxruntime


class ShippedModel:
    """A shipped net on `num_threads` threads of this machine."""

    def __init__(self, net: ShippedNet, num_threads: int = 1) -> None:
        self.task = net.task
        self.class_names = net.class_names
        self._side_px = net.side_px
        self._session = _open(net.form, num_threads)
        # a number where the net takes one image at a time
        self._takes_one = self._session.get_inputs()[0].shape[0] == 1

    def answer(self, images_rgb: Sequence[Image]) -> list[Prediction]:
        """One answer an image of any size, in pixels of that image; computed together where the net can."""
        if self._takes_one and len(images_rgb) > 1:
            return [answer for image in images_rgb for answer in self.answer([image])]
        outputs = self.run(self.fit(images_rgb))
        return [
            read_answer(
                self.task,
                [output[place] for output in outputs],
                image.shape[:2],
                self._side_px,
            )
            for place, image in enumerate(images_rgb)
        ]

    def fit(self, images_rgb: Sequence[Image]) -> NDArray[np.float32]:
        """(B, 3, S, S) 0-255, as the net takes them."""
        side = self._side_px
        pixels = np.empty((len(images_rgb), 3, side, side), np.float32)
        for place, image in zip(pixels, images_rgb, strict=True):
            place[...] = fit_input(self.task, image, side).transpose(2, 0, 1)
        return pixels

    def run(self, pixels: NDArray[np.float32]) -> list[Any]:
        """The net's outputs, (B, ...) each."""
        return list(self._session.run(None, {"pixels": pixels}))


class OnnxModel(ShippedModel):
    """The ONNX form of a package, or another `form` of its net."""

    def __init__(
        self, package: ModelPackage, num_threads: int = 1, form: bytes | None = None
    ) -> None:
        """Raises ValueError when the file has changed since the package was opened."""
        super().__init__(ship(package, form), num_threads)


def _open(content: bytes, num_threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
