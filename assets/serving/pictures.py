"""Foreign images on their way to a net, in a process that is confined: decoded once, or refused with the guard's words.

Belongs here: what of a request's bytes is an image, within the limits. Does not: limits on the process, which
`assets.serving.replica` puts on itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from assets.sandbox.child_limits import ImageLimits
from assets.sandbox.guard_child import (
    JPEG_CHANNELS,
    NO_FORMAT,
    inspect_image,
    load_decoders,
)
from models.types import Image

ENCODINGS = ("jpeg", "png")
NEITHER, SEND = "neither JPEG nor PNG", "send a JPEG or a PNG"
LIMITS = replace(ImageLimits(), pixels=25_000_000, payload_bytes=16 << 20)


@dataclass(frozen=True)
class Picture:
    """An image that decoded completely: as `ImageFacts`, but for `quality`, which is there where it was asked for."""

    facts: dict[str, Any]
    pixels: Image


class NoPicture(Exception):
    """Bytes that are refused; `said` holds `status`, `reason` and `remedy`."""

    def __init__(self, status: int, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.said = {"status": status, "reason": reason, "remedy": remedy}


class Opener:
    """Opens images as the guard looks at them, with the same decoders; loads these."""

    def __init__(self, limits: ImageLimits) -> None:
        self._limits = limits
        self._decoders = load_decoders(limits)

    def open(self, payload: bytes, is_measured: bool) -> Picture:
        """The pixels, with quality figures where `is_measured`. Raises NoPicture (415, 422)."""
        if not payload:
            raise _refuse("empty image", "export it again")
        plain = self._open_sound_jpeg(payload, is_measured)
        if plain is not None:
            return plain
        facts = self._inspect(payload)
        images = self._decoders.images
        try:
            return Picture(facts, images.decode_rgb(payload))
        except (ValueError, MemoryError) as error:
            raise _refuse(
                f"does not decode: {error}"[:300], "export it again"
            ) from error

    def _open_sound_jpeg(self, payload: bytes, is_measured: bool) -> Picture | None:
        """One that libjpeg-turbo has nothing to say about; None for one that needs a closer look."""
        if payload[:3] != self._decoders.images.JPEG_MAGIC:
            return None
        simplejpeg = self._decoders.simplejpeg
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(payload)
            if colours not in JPEG_CHANNELS or self._is_too_large(width, height):
                return None
            pixels = simplejpeg.decode_jpeg(payload, "RGB")
        # KeyError: a chroma subsampling that simplejpeg does not know, such as 4:4:1
        except (ValueError, KeyError, MemoryError):
            return None
        facts = {
            "width_px": width,
            "height_px": height,
            "encoding": "jpeg",
            "channels": JPEG_CHANNELS[colours],
            "bits": 8,
            "is_depth_candidate": False,
            "quality": self._measure(payload) if is_measured else None,
        }
        return Picture(facts, pixels)

    def _is_too_large(self, width: int, height: int) -> bool:
        limits = self._limits
        return max(width, height) > limits.side_px or width * height > limits.pixels

    def _measure(self, payload: bytes) -> dict[str, Any]:
        """As on intake: of the luma at working size."""
        luma = self._decoders.images.decode_sound_jpeg(
            self._decoders.simplejpeg, payload
        )
        measured: dict[str, Any] = self._decoders.image_quality.measure_quality(luma)
        return measured

    def _inspect(self, payload: bytes) -> dict[str, Any]:
        facts = inspect_image(memoryview(payload), self._decoders, self._limits)
        if facts.get("reason") == NO_FORMAT:  # which names all that intake reads
            raise _refuse(NEITHER, SEND)
        if "reason" in facts:
            raise _refuse(facts["reason"], facts["remedy"])
        if facts["encoding"] not in ENCODINGS:
            raise NoPicture(415, f"the image is {facts['encoding']}", SEND)
        return facts


def _refuse(reason: str, remedy: str) -> NoPicture:
    """After "the image": "does not decode: ...", or "is refused: 1x9 px ..."."""
    told = reason if reason.startswith("does not") else f"is refused: {reason}"
    return NoPicture(422, f"the image {told}", remedy)
