"""What a model costs where it runs: processor time of one picture through its ONNX form, and the bytes of that form.

Models are asked in turns, on one thread, in one process: so the ratio of two holds on other machines too, where the
times do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_ROUNDS = 24
_KINDS = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


@dataclass(frozen=True)
class Cost:
    """Of one model: milliseconds of processor time a picture, and bytes."""

    cpu_ms: float
    size_bytes: int


def measure_costs(files: Sequence[Path]) -> list[Cost]:
    """Of nets as ONNX, in turns: the least of several rounds each, after one that warms up.

    A net on one thread runs in the one that asks, whose time alone is taken: others of the process may compute. What
    other work on the machine adds, by the caches that it empties, differs by net; the least round has least of it.
    """
    asks = [_open(path) for path in files]
    times_ms: list[list[float]] = [[] for _ in files]
    for number in range(_ROUNDS + 1):
        for ask, mine in zip(asks, times_ms, strict=True):
            start = time.thread_time()
            ask()
            if number:
                mine.append(1000 * (time.thread_time() - start))
    return [
        Cost(min(mine), path.stat().st_size)
        for mine, path in zip(times_ms, files, strict=True)
    ]


def _open(path: Path) -> Callable[[], Any]:
    """A function that asks the model about one grey picture of the size that it takes."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    asked = {
        one.name: np.full(
            [n if isinstance(n, int) else 1 for n in one.shape], 127, _KINDS[one.type]
        )
        for one in session.get_inputs()
    }
    return lambda: session.run(None, asked)
