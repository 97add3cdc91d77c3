"""What every contender of `bench.serving` does to a batch of JPEGs: decode, stretch to the square, run, the best class.

Needs NumPy, OpenCV and ONNX Runtime only, so that it runs in a peer's own environment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

SIDE = "DAGUERRE_BENCH_SIDE"
MODEL = "DAGUERRE_BENCH_MODEL"


def open_session() -> Any:
    """The model of the environment, on one thread."""
    import onnxruntime

    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        os.environ[MODEL], options, providers=["CPUExecutionProvider"]
    )


def fit(payloads: Sequence[bytes]) -> Any:
    """(B, 3, S, S) float32 of the JPEGs."""
    side = int(os.environ[SIDE])
    pixels = np.empty((len(payloads), 3, side, side), np.float32)
    for place, payload in zip(pixels, payloads, strict=True):
        image = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR_RGB)
        square = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        place[...] = square.transpose(2, 0, 1)
    return pixels


def answer(session: Any, payloads: Sequence[bytes]) -> list[list[float]]:
    """The probabilities of each image."""
    (probabilities,) = session.run(None, {"pixels": fit(payloads)})
    return [[float(v) for v in row] for row in probabilities]
