"""The process that decodes TIFFs, HEIC and AVIF that intake has accepted, for whatever looks at them; masks and label
images, too.

Run as `python -m assets.sandbox.tiff_child`. Requests are as `tiff_requests` says; an answer is the length of a JSON
head, the head (shape of the pixels, or the error), then the pixels, of a byte each. It ends when its input does, and
between two pictures with the status RETIRED when it has worked for CHILD_SECONDS.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO

from assets.sandbox.child_answers import open_answers, write_json
from assets.sandbox.child_limits import (
    CHILD_SECONDS,
    ITEM_SECONDS,
    MEMORY_BYTES,
    allow_seconds,
    limit_resources,
)
from assets.sandbox.child_process import RETIRED
from assets.sandbox.confinement import confine
from assets.sandbox.tiff_requests import REQUEST

# what Pillow calls the kinds of label images that are taken, and the bits that they must have
_NUMBERS: dict[str, int | None] = {"P": None, "L": 8, "1": 1}
_COLOURS: dict[str, int | None] = {"RGB": 8}
_AT_BITS = 24  # of a PNG


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end. Raises SystemExit with the status RETIRED when the time of this child is over."""
    import cv2
    import PIL.Image as pillow

    from assets import appearance, images

    pillow.init()  # loads every plugin now, before the limits
    appearance.load_heif()
    cv2.setNumThreads(1)
    images.decode_here()
    decoders = (
        images.decode_rgb,
        images.decode_luma,
        _decode_mask,
        partial(_decode_labels, modes=_NUMBERS),
        partial(_decode_labels, modes=_COLOURS),
    )
    limit_resources(MEMORY_BYTES, CHILD_SECONDS)
    confine()
    retires_s = time.process_time() + CHILD_SECONDS
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        what, num_bytes = REQUEST.unpack(head)
        payload = requests.read(num_bytes)
        if time.process_time() > retires_s:
            raise SystemExit(RETIRED)
        allow_seconds(ITEM_SECONDS)
        try:
            pixels = decoders[what](payload)
        except Exception as error:  # whatever a decoder makes of foreign bytes
            reason = f"{type(error).__name__}: " * (not isinstance(error, ValueError))
            write_json(answers, {"error": f"{reason}{error}"[:300]})
            continue
        write_json(answers, {"shape": pixels.shape})
        answers.write(pixels.tobytes())
        answers.flush()


def _decode_mask(payload: bytes) -> Any:
    """(H, W) uint8 of a PNG: 1 where it is opaque, or where one of a single channel is not 0. Raises ValueError."""
    import numpy as np
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(payload), formats=["PNG"]) as picture:
        if "transparency" in picture.info or picture.mode in ("LA", "RGBA"):
            return (np.array(picture.convert("RGBA"))[..., 3] > 0).astype(np.uint8)
        if picture.mode not in ("1", "L"):
            raise ValueError(f"a mask of the kind {picture.mode}, without transparency")
        return (np.array(picture.convert("L")) > 0).astype(np.uint8)


def _decode_labels(payload: bytes, modes: Mapping[str, int | None]) -> Any:
    """(H, W) or (H, W, 3) uint8, the numbers of a PNG as they are stored. Raises ValueError."""
    import numpy as np
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(payload), formats=["PNG"]) as picture:
            bits = payload[_AT_BITS]
            if picture.mode not in modes or (modes[picture.mode] or bits) != bits:
                raise ValueError(
                    f"a label image of {len(picture.getbands())} channels of {bits} bits"
                )
            return np.array(picture, np.uint8)
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"a label image that cannot be decoded: {error}") from error


def main() -> None:
    """Answer what comes on standard input."""
    serve(sys.stdin.buffer, open_answers())


if __name__ == "__main__":
    main()
