"""Nets in ONNX that a user brings, by the path of a file.

A net is loaded from its bytes, so it can reach no other file. Belongs here: opening it. Does not: what it has to take
and give, which is for who asks it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def open_net(
    path: Path, content: bytes, num_threads: int
) -> onnxruntime.InferenceSession:
    """A session on `content`, which was read from `path`. Raises ValueError, with what helps, where it is no net."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own errors share no other class
        said = str(error).splitlines()[0]
        raise ValueError(
            f"{path} cannot be loaded as an ONNX net: {said}; export it again, as one file without external data"
        ) from error
