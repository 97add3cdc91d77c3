"""The process that decodes TIFFs, HEIC and AVIF that intake has accepted, for training and whatever else looks at them.

Run as `python -m assets.sandbox.tiff_child`. A request is one of WHAT and a length, then the bytes; an answer is the
length of a JSON head, the head (shape of the pixels, or the error), then the pixels, of a byte each. It ends when its
input does, and between two pictures with the status RETIRED when it has worked for CHILD_SECONDS.
"""

from __future__ import annotations

import struct
import sys
import time
from typing import BinaryIO

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

WHAT = ("rgb", "luma")
REQUEST = struct.Struct(">BQ")  # index in WHAT, bytes


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end. Raises SystemExit with the status RETIRED when the time of this child is over."""
    import cv2
    import PIL.Image as pillow

    from assets import appearance, images

    pillow.init()  # loads every plugin now, before the limits
    appearance.load_heif()
    cv2.setNumThreads(1)
    images.decode_here()
    decoders = (images.decode_rgb, images.decode_luma)
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


def main() -> None:
    """Answer what comes on standard input."""
    serve(sys.stdin.buffer, open_answers())


if __name__ == "__main__":
    main()
