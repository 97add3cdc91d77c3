"""The process that decodes foreign images: nothing else runs in it, and it may die on any of them.

Run as `python -m assets.sandbox.guard_child DESCRIPTOR MEMORY_BYTES PIXELS SIDE_PX CHILD_SECONDS`. The images lie in
the memory behind DESCRIPTOR; the others are limits. Requests arrive on standard input as a number and that many places,
answers leave one an image as a length and JSON. It ends when its input does, so it never outlives who started it; and
between two images with the status RETIRED when it has worked for CHILD_SECONDS.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

from assets.sandbox.child_answers import open_answers, write_json
from assets.sandbox.child_limits import (
    ITEM_SECONDS,
    ImageLimits,
    allow_seconds,
    limit_resources,
)
from assets.sandbox.child_process import RETIRED
from assets.sandbox.confinement import confine

# a request: the number of places, and the places
COUNT = struct.Struct(">Q")
ITEM = struct.Struct(">QQ")  # a place: offset and length

# closed list: Pillow tries no other decoder
NO_FORMAT = (
    "no image in a format that is read (JPEG, PNG, TIFF, BMP, WebP, GIF, HEIC, AVIF)"
)
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
# what Pillow calls a JPEG with more pictures behind the first
_ENCODINGS = {"MPO": "jpeg", "DIB": "bmp", "HEIF": "heic"}
# formats whose further pictures are meant to be shown, unlike those behind a JPEG
_ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
_TIFF_MAGICS = (b"II*\x00", b"MM\x00*")
JPEG_CHANNELS = {"Gray": 1, "YCbCr": 3, "RGB": 3}
_CONVERT = "open it in an image program and export it again as JPEG or PNG"
_COPY_AGAIN = "its end is missing: copy or download it again from where it is whole"


@dataclass(frozen=True)
class Decoders:
    """The modules, loaded before the limits are set."""

    cv2: Any
    pillow: Any
    simplejpeg: Any
    images: Any
    image_quality: Any
    tiff_layout: Any
    heif_layout: Any
    appearance: Any


def serve(
    requests: BinaryIO, answers: BinaryIO, memory: memoryview, limits: ImageLimits
) -> None:
    """Answer until the requests end. An image that exceeds the limits is refused.

    Raises SystemExit with the status RETIRED when the time of this child is over.
    """
    decoders = load_decoders(limits)
    limit_resources(limits.memory_bytes, limits.child_seconds)
    confine()
    retires_s = time.process_time() + limits.child_seconds
    write_json(answers, {"is_ready": True})
    used_s = -1  # whole seconds of processor time at which the limit was moved on
    while len(head := requests.read(COUNT.size)) == COUNT.size:
        places = requests.read(COUNT.unpack(head)[0] * ITEM.size)
        for offset, length in ITEM.iter_unpack(places):
            now_s = time.process_time()
            if now_s > retires_s:
                raise SystemExit(RETIRED)
            if int(now_s) > used_s:
                used_s = allow_seconds(ITEM_SECONDS)
            write_json(
                answers,
                inspect_image(memory[offset : offset + length], decoders, limits),
            )


def inspect_image(
    payload: memoryview, decoders: Decoders, limits: ImageLimits
) -> dict[str, Any]:
    """The facts of an image that decodes completely, or `reason` and `remedy`."""
    too_much = _refuse(
        f"needs more than {limits.memory_bytes >> 20} MiB to decode",
        "make the image smaller",
    )
    cv2 = decoders.cv2
    try:
        if payload[:3] == decoders.images.JPEG_MAGIC and (
            facts := _decode_sound_jpeg(payload, decoders, limits)
        ):
            return facts
        facts = _decode_strictly(payload, decoders, limits)
        if "reason" not in facts:
            facts["quality"] = _decode_as_read_later(payload, facts, decoders)
        return facts
    except MemoryError:
        return too_much
    except cv2.error as error:
        return (
            too_much
            if error.code == cv2.Error.StsNoMem
            else _refuse(f"does not decode: {error.err}", _CONVERT)
        )
    except Exception as error:  # whatever a decoder makes of foreign bytes
        is_cut = isinstance(error, OSError) and "truncated" in str(error).lower()
        return _refuse(
            f"does not decode: {type(error).__name__}: {error}"[:300],
            _COPY_AGAIN if is_cut else _CONVERT,
        )


def _decode_sound_jpeg(
    payload: memoryview, decoders: Decoders, limits: ImageLimits
) -> dict[str, Any] | None:
    """The facts of a JPEG that libjpeg-turbo has nothing to say about; None for one that needs a closer look.

    It is decoded once, at working size: its entropy-coded data are read completely all the same.
    """
    try:
        height, width, colours, _ = decoders.simplejpeg.decode_jpeg_header(payload)
        if colours not in JPEG_CHANNELS or _refuse_size(width, height, limits):
            return None
        luma = decoders.images.decode_sound_jpeg(decoders.simplejpeg, payload)
    # KeyError: a chroma subsampling that simplejpeg does not know, such as 4:4:1
    except (ValueError, KeyError):
        return None
    return {
        "width_px": width,
        "height_px": height,
        "encoding": "jpeg",
        "bits": 8,
        "channels": JPEG_CHANNELS[colours],
        "is_depth_candidate": False,
        "quality": decoders.image_quality.measure_quality(luma),
    }


def _decode_strictly(
    payload: memoryview, decoders: Decoders, limits: ImageLimits
) -> dict[str, Any]:
    """All pixels through Pillow, which refuses truncated data."""
    from io import BytesIO

    image_module = decoders.pillow
    layout = None
    if payload[:4] in _TIFF_MAGICS:
        layout = decoders.tiff_layout.read_layout(payload)
        obstacle = decoders.tiff_layout.explain_obstacle(layout)
        if obstacle:
            return _refuse(*obstacle)
        payload = decoders.tiff_layout.set_upright(payload, layout)
    try:
        coding = decoders.heif_layout.find_coding(payload[:512])
        image = (
            decoders.appearance.open_heif(payload, coding)
            if coding
            else image_module.open(BytesIO(payload), formats=_FORMATS)
        )
    except image_module.UnidentifiedImageError:
        return _refuse(NO_FORMAT, _CONVERT)
    except image_module.DecompressionBombError as error:
        return _refuse(
            f"more than the {limits.pixels} pixels that are read: {error}"[:200],
            "cut or scale the image",
        )
    with image:
        width, height = image.size
        refusal = _refuse_size(width, height, limits)
        if refusal:
            return refusal
        if image.format in _ANIMATED and image.is_animated:
            reason = f"an animated {image.format}, and one picture a file is read"
            return _refuse(
                reason,
                "save the picture that is meant as PNG, or the animation as a video",
            )
        image.load()
        if coding:
            width, height = decoders.appearance.turn_heif(image, coding).size
        encoding = _ENCODINGS.get(image.format, image.format.lower())
        bits = 8
        if layout:
            bits = layout.bits
        elif coding:
            bits = decoders.heif_layout.read_heif(payload).bits
        elif encoding == "png":
            bits = payload[24]
        return {
            "width_px": width,
            "height_px": height,
            "encoding": encoding,
            "bits": max(8, bits),
            "channels": len(image.getbands()),
            "is_depth_candidate": encoding == "png"
            and bits == 16
            and len(image.getbands()) == 1,
        }


def _refuse_size(width: int, height: int, limits: ImageLimits) -> dict[str, Any] | None:
    if (
        width * height <= limits.pixels
        and max(width, height) <= limits.side_px
        and min(width, height) >= 1
    ):
        return None
    allowed = f"between 1 px and {limits.pixels} px in all, {limits.side_px} px a side"
    return _refuse(
        f"{width}x{height} px: {allowed}, are read", "cut or scale the image"
    )


def _decode_as_read_later(
    payload: memoryview, facts: dict[str, Any], decoders: Decoders
) -> dict[str, Any]:
    """The decoder that everything downstream uses has to take it as well. Raises ValueError when it does not.

    Returns the quality figures; of 16 bits those of the picture on 8 bits, which mean nothing where it is depth.
    """
    height = facts["height_px"]
    width = facts["width_px"]
    reduction = (
        decoders.image_quality.find_reduction(height, width)
        if facts["encoding"] == "jpeg"
        else 1
    )
    luma = decoders.images.decode_luma(payload, reduction)
    size = luma.shape
    expected = (-(-height // reduction), -(-width // reduction))
    if size != expected:
        raise ValueError(
            f"decoders disagree about its size: {size} and {expected} (height, width)"
        )
    figures: dict[str, Any] = decoders.image_quality.measure_quality(
        luma if reduction > 1 else decoders.images.shrink_luma(luma)
    )
    return figures


def load_decoders(limits: ImageLimits) -> Decoders:
    """Import them, with all that they would import later. This process is a child that decodes from now on."""
    import cv2
    import PIL.Image as pillow
    import simplejpeg

    from assets import appearance, heif_layout, images, tiff_layout
    from models import image_quality

    images.decode_here()
    pillow.init()  # loads every plugin now, before the limits; `formats` decides which may be used
    appearance.load_heif()
    warnings.simplefilter("ignore")  # about damaged metadata; the pixels decide
    pillow.MAX_IMAGE_PIXELS = limits.pixels
    cv2.setNumThreads(1)
    return Decoders(
        cv2,
        pillow,
        simplejpeg,
        images,
        image_quality,
        tiff_layout,
        heif_layout,
        appearance,
    )


def _refuse(reason: str, remedy: str) -> dict[str, Any]:
    return {"reason": reason, "remedy": remedy}


def main() -> None:
    """Answer what comes on standard input, about images in the memory of which the arguments tell."""
    answers = open_answers()
    descriptor, memory_bytes, pixels, side_px = map(int, sys.argv[1:5])
    memory = memoryview(mmap.mmap(descriptor, 0, prot=mmap.PROT_READ))
    limits = ImageLimits(
        memory_bytes,
        pixels=pixels,
        side_px=side_px,
        child_seconds=float(sys.argv[5]),
    )
    serve(sys.stdin.buffer, answers, memory, limits)
    # all is answered: whoever waits for the end need not wait until libraries are taken down
    os._exit(0)


if __name__ == "__main__":
    main()
