"""Embed images with EfficientNet-Lite0, as ONNX that is converted once and kept."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.tables.schemas import EMBEDDING_DIM
from models.types import Image

CODE_VERSION = "1"
_FILE = "efficientnet_lite0-embedding-{version}.onnx"
_SIDE_PX = 224
_BATCH = 8


class Embedder:
    """Images in, unit vectors out. The first use converts the published weights into `cache_dir` (some seconds)."""

    def __init__(self, cache_dir: Path, num_threads: int | None = None) -> None:
        """`num_threads` None: all cores. Raises FileNotFoundError when the weights are not installed."""
        import onnxruntime

        path = cache_dir / _FILE.format(version=CODE_VERSION)
        if not path.is_file():
            _convert(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or os.cpu_count() or 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def embed(self, images_rgb: list[Image]) -> NDArray[np.float32]:
        """(N, 1280) float32, each of unit length; images of any size are stretched to 224 x 224."""
        parts = [np.zeros((0, EMBEDDING_DIM), np.float32)]
        for start in range(0, len(images_rgb), _BATCH):
            pixels = np.stack([_fit(image) for image in images_rgb[start : start + _BATCH]])
            parts += self._session.run(None, {"pixels": pixels.transpose(0, 3, 1, 2)})
        return np.concatenate(parts)


def _fit(image_rgb: Image) -> NDArray[np.float32]:
    shrinks = max(image_rgb.shape[:2]) > _SIDE_PX
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image_rgb, (_SIDE_PX, _SIDE_PX), interpolation=method).astype(np.float32)


def _convert(path: Path) -> None:
    """Write the ONNX form aside and rename it, so that a reader finds all of it or nothing."""
    import torch

    from assets.pretrained import read_imagenet
    from models.embedding import INPUT_SIDE_PX, build_embedder
    from models.nets.export import export_onnx

    assert INPUT_SIDE_PX == _SIDE_PX
    example = torch.linspace(0, 255, 3 * _SIDE_PX * _SIDE_PX).reshape(1, 3, _SIDE_PX, _SIDE_PX)
    content = export_onnx(build_embedder(read_imagenet()), example, ["vectors"])
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
