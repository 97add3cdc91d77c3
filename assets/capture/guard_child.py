"""The process that decodes foreign images: nothing else runs in it, and it may die on any of them.

Run as `python -m assets.capture.guard_child MEMORY_BYTES`. Requests arrive on standard input as a length and that many
bytes, answers leave as a length and JSON. It ends when its input does, so it never outlives who started it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
import warnings
from typing import Any, BinaryIO

MEMORY_BYTES = 1 << 30  # heap and anonymous mappings, beyond what the libraries take to load
ITEM_SECONDS = 10  # processor time; the parent watches the clock on the wall
MAX_PIXELS = 100_000_000
MAX_SIDE_PX = 65535
LENGTH = struct.Struct(">Q")

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")  # closed list: Pillow tries no other decoder
_ENCODINGS = {"MPO": "jpeg", "DIB": "bmp"}  # what Pillow calls a JPEG with more pictures behind the first
_CONVERT = "open it in an image program and export it again as JPEG or PNG"


def serve(requests: BinaryIO, answers: BinaryIO, memory_bytes: int) -> None:
    """Answer until the requests end. A request that needs more than `memory_bytes` is refused."""
    cv2, image_module = _load_decoders()
    _limit_resources(memory_bytes)
    _write(answers, {"is_ready": True})
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        payload = requests.read(LENGTH.unpack(head)[0])
        _allow_seconds(ITEM_SECONDS)
        _write(answers, inspect_image(payload, cv2, image_module, memory_bytes))


def inspect_image(payload: bytes, cv2: Any, image_module: Any, memory_bytes: int) -> dict[str, Any]:
    """The facts of an image that decodes completely, or `reason` and `remedy`."""
    too_much = _refuse(f"needs more than {memory_bytes >> 20} MiB to decode", "make the image smaller")
    try:
        facts = _decode_strictly(payload, image_module)
        if "reason" not in facts:
            _decode_as_read_later(payload, facts, cv2)
        return facts
    except MemoryError:
        return too_much
    except cv2.error as error:
        return too_much if error.code == cv2.Error.StsNoMem else _refuse(f"does not decode: {error.err}", _CONVERT)
    except Exception as error:  # whatever a decoder makes of foreign bytes
        return _refuse(f"does not decode: {type(error).__name__}: {error}"[:300], _CONVERT)


def _decode_strictly(payload: bytes, image_module: Any) -> dict[str, Any]:
    """All pixels through Pillow, which refuses truncated data."""
    from io import BytesIO

    try:
        image = image_module.open(BytesIO(payload), formats=_FORMATS)
    except image_module.UnidentifiedImageError:
        return _refuse("no image in a format that is read (JPEG, PNG, TIFF, BMP, WebP, GIF)", _CONVERT)
    except image_module.DecompressionBombError as error:
        return _refuse(f"more than the {MAX_PIXELS} pixels that are read: {error}"[:200], "cut or scale the image")
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX or min(width, height) < 1:
            reason = f"{width}x{height} px: between 1 px and {MAX_PIXELS} px in all, {MAX_SIDE_PX} px a side, are read"
            return _refuse(reason, "cut or scale the image")
        image.load()
        encoding = _ENCODINGS.get(image.format, image.format.lower())
        bits = 16 if image.mode.startswith("I;16") else 32 if image.mode in ("I", "F") else 8
        return {
            "width_px": width, "height_px": height, "encoding": encoding, "bits": bits,
            "channels": len(image.getbands()),
            "is_depth_candidate": encoding == "png" and bits == 16 and len(image.getbands()) == 1,
        }  # fmt: skip


def _decode_as_read_later(payload: bytes, facts: dict[str, Any], cv2: Any) -> None:
    """The decoder that everything downstream uses has to take it as well. Raises ValueError when it does not.

    A JPEG is decoded at an eighth of its size here: its entropy-coded data are read completely all the same, by the
    library that Pillow has just decoded all pixels with, at half the cost.
    """
    import numpy as np

    is_jpeg = facts["encoding"] == "jpeg"
    flags = cv2.IMREAD_REDUCED_COLOR_8 if is_jpeg else cv2.IMREAD_COLOR
    if facts["is_depth_candidate"]:
        flags = cv2.IMREAD_UNCHANGED
    image = cv2.imdecode(np.frombuffer(payload, np.uint8), flags | (0 if flags < 0 else cv2.IMREAD_IGNORE_ORIENTATION))
    if image is None:
        raise ValueError(f"OpenCV does not decode this {facts['encoding']} image")
    scale = 8 if is_jpeg else 1
    expected = (-(-facts["height_px"] // scale), -(-facts["width_px"] // scale))
    if image.shape[:2] != expected:
        raise ValueError(f"decoders disagree about its size: {image.shape[:2]} and {expected} (height, width)")
    if facts["is_depth_candidate"] and (image.dtype != np.uint16 or image.ndim != 2):
        raise ValueError("16-bit PNG that OpenCV reads as something else")


def _load_decoders() -> tuple[Any, Any]:
    import cv2
    import PIL.Image as image_module

    image_module.init()  # loads every plugin now, before the limits; `formats` decides which may be used
    warnings.simplefilter("ignore")  # about damaged metadata; the pixels decide
    image_module.MAX_IMAGE_PIXELS = MAX_PIXELS
    cv2.setNumThreads(1)
    return cv2, image_module


def _limit_resources(memory_bytes: int) -> None:
    limit = memory_bytes + _measure_data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has nothing to write to files


def _measure_data_bytes() -> int:
    """What RLIMIT_DATA counts already: the libraries' own data."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[5]) * resource.getpagesize()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _allow_seconds(seconds: int) -> None:
    """From now on: the soft limit on processor time ends this process with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds + 1, hard))


def _refuse(reason: str, remedy: str) -> dict[str, Any]:
    return {"reason": reason, "remedy": remedy}


def _write(answers: BinaryIO, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    answers.write(LENGTH.pack(len(body)) + body)
    answers.flush()


def main() -> None:
    """Keep the answers' pipe to ourselves: what a library prints must not end up between them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes our input
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, int(sys.argv[1]))


if __name__ == "__main__":
    main()
