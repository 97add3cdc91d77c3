"""Embed images: with EfficientNet-Lite0 as published, converted to ONNX once and kept, or with a user's encoder.

The code version of a row tells which encoder made it, so another encoder makes it stale.
"""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.code_versions import version_of
from assets.inference.checkpoint import read_proven
from assets.inference.package import ONNX, open_package
from assets.tables.schemas import EMBEDDING_DIM
from models.types import Image

if TYPE_CHECKING:
    import onnxruntime

_FILE = "efficientnet_lite0-embedding-{version}.onnx"
_SIDE_PX = 224
_BATCH = 4  # pictures that one thread takes at once
_OUTPUT = "vectors"
_REMEDY = (
    "point DAGUERRE_ENCODER at a package of `daguerre train pretraining`, or unset it"
)


def name_version(encoder: Path | None) -> str:
    """The code version of the rows that an encoder makes: that of the code for the ImageNet weights,
    and "<that>:<id>" for a model package.

    Raises ValueError when there is no package, or its files have changed.
    """
    code = version_of("frame_embeddings")
    return (
        code if encoder is None else f"{code}:{open_package(encoder).model_sha256[:16]}"
    )


class Embedder:
    """Images in, unit vectors out. One that is pickled takes its net along, so that all machines have the same."""

    def __init__(
        self,
        cache_dir: Path,
        encoder: Path | None = None,
        num_threads: int | None = None,
    ) -> None:
        """`encoder`: the folder of a model package whose ONNX form gives `vectors`; None: ImageNet weights, which the
        first use converts into `cache_dir` (some seconds). `num_threads` None: all cores.

        Raises FileNotFoundError when the ImageNet weights are not installed, and ValueError, with the remedy, for a
        package that is not there, has changed, or gives no vectors, or longer ones than the table takes.
        """
        self.version = name_version(encoder)
        self._num_threads = num_threads
        if encoder is None:
            path = cache_dir / _FILE.format(version=self.version)
            if not path.is_file():
                _convert(path)
            self._side_px = _SIDE_PX
            self._net = path.read_bytes()
        else:
            facts = open_package(encoder).facts
            self._side_px = facts.image_size_px
            self._net = read_proven(encoder / ONNX, facts.files[ONNX])
            _require_vectors(self._session, f"{encoder} holds a {facts.task} model")

    def __getstate__(self) -> dict[str, Any]:
        return {n: v for n, v in self.__dict__.items() if n != "_session"}

    def with_threads(self, num_threads: int | None) -> Embedder:
        """The same on another number of threads; its vectors are the same, to the bit."""
        other = copy(self)
        other._num_threads = num_threads
        return other

    def embed(self, images_rgb: list[Image]) -> NDArray[np.float32]:
        """(N, 1280) float32, each of unit length; images of any size are stretched to the square of the encoder.

        Zeros fill up what a shorter vector lacks, which leaves all cosines as they are.
        """
        starts = range(0, len(images_rgb), _BATCH)
        batches = [images_rgb[start : start + _BATCH] for start in starts]
        session = self._session
        with ThreadPoolExecutor(self._num_threads or os.cpu_count() or 1) as pool:
            found = list(pool.map(partial(self._embed_batch, session), batches))
        return np.concatenate([np.zeros((0, EMBEDDING_DIM), np.float32), *found])

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return _open(self._net)

    def _embed_batch(
        self, session: onnxruntime.InferenceSession, images_rgb: list[Image]
    ) -> NDArray[np.float32]:
        pixels = np.stack([_fit(image, self._side_px) for image in images_rgb])
        (vectors,) = session.run(None, {"pixels": pixels.transpose(0, 3, 1, 2)})
        return np.pad(vectors, ((0, 0), (0, EMBEDDING_DIM - vectors.shape[1])))


def _open(content: bytes) -> onnxruntime.InferenceSession:
    """A session whose runs keep to the thread that asks: its own threads wait for each other at full load."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )


def _require_vectors(session: onnxruntime.InferenceSession, what: str) -> None:
    names = [output.name for output in session.get_outputs()]
    if names != [_OUTPUT]:
        raise ValueError(
            f"{what}, which gives {', '.join(names)} and no {_OUTPUT}: {_REMEDY}"
        )
    length = session.get_outputs()[0].shape[-1]
    if length > EMBEDDING_DIM:
        raise ValueError(
            f"{what}, whose vectors have {length} values, and the table takes {EMBEDDING_DIM}: {_REMEDY}"
        )


def _fit(image_rgb: Image, side_px: int) -> NDArray[np.float32]:
    shrinks = max(image_rgb.shape[:2]) > side_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image_rgb, (side_px, side_px), interpolation=method).astype(
        np.float32
    )


def _convert(path: Path) -> None:
    """Write the ONNX form aside and rename it, so that a reader finds all of it or nothing."""
    import torch

    from assets.pretrained import read_imagenet
    from models.embedding import INPUT_SIDE_PX, build_embedder
    from models.nets.export import export_onnx

    assert INPUT_SIDE_PX == _SIDE_PX
    example = torch.linspace(0, 255, 3 * _SIDE_PX * _SIDE_PX).reshape(
        1, 3, _SIDE_PX, _SIDE_PX
    )
    content = export_onnx(build_embedder(read_imagenet()), example, ["vectors"])
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
