"""A picture that nobody takes in as a vector, for what asks which frames look like it; nothing of it is stored.

It goes through the image guard first, as on intake, and is decoded here once the guard has accepted it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.images import decode_rgb
from assets.inference.embed import Embedder, name_version
from assets.sandbox.guard import ImageGuard, Refusal
from assets.search.similar import FrameVectors
from assets.workspace import Workspace


def embed_picture(
    workspace: Workspace, payload: bytes, vectors: FrameVectors
) -> NDArray[np.float32]:
    """(1280,) the vector of a picture by the encoder of the settings, to be compared with these.

    Raises ValueError where the guard refuses it, or another encoder made the vectors, and what `Embedder` raises.
    """
    version = name_version(workspace.encoder)
    if vectors.encoder not in (None, version):
        raise ValueError(
            f"the vectors of frames were made by encoder '{vectors.encoder}', and DAGUERRE_ENCODER gives "
            f"'{version}': set it as it was, or embed the sessions again by `daguerre train`"
        )
    with ImageGuard() as guard:
        (verdict,) = guard.collect(guard.submit([payload]))
    if isinstance(verdict, Refusal):
        raise ValueError(f"{verdict.reason}: {verdict.remedy}")
    embedder = Embedder(workspace.cache, workspace.encoder, num_threads=1)
    (vector,) = embedder.embed([decode_rgb(payload)])
    return np.asarray(vector, np.float32)


def embed_file(
    workspace: Workspace, path: Path, vectors: FrameVectors
) -> NDArray[np.float32]:
    """The same of a file, which the error names."""
    try:
        return embed_picture(workspace, path.read_bytes(), vectors)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
