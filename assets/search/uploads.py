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
from assets.workspace import Workspace


class PictureRefused(ValueError):
    """The picture cannot be compared; the message says why, and what helps."""


def embed_picture(
    workspace: Workspace, payload: bytes, encoder: str | None
) -> NDArray[np.float32]:
    """(1280,) the vector of a picture by the encoder of the settings, to be compared with those that `encoder` made;
    None where there are none.

    Raises PictureRefused where the guard refuses it, or the encoders differ, and what `Embedder` raises.
    """
    version = name_version(workspace.encoder)
    if encoder not in (None, version):
        raise PictureRefused(
            f"the vectors of frames were made by encoder '{encoder}', and DAGUERRE_ENCODER gives "
            f"'{version}': set it as it was, or embed the sessions again by `daguerre train`"
        )
    with ImageGuard() as guard:
        (verdict,) = guard.collect(guard.submit([payload]))
    if isinstance(verdict, Refusal):
        raise PictureRefused(f"{verdict.reason}: {verdict.remedy}")
    embedder = Embedder(workspace.cache, workspace.encoder, num_threads=1)
    (vector,) = embedder.embed([decode_rgb(payload)])
    return np.asarray(vector, np.float32)


def embed_file(
    workspace: Workspace, path: Path, encoder: str | None
) -> NDArray[np.float32]:
    """The same of a file, which the error names."""
    try:
        return embed_picture(workspace, path.read_bytes(), encoder)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
