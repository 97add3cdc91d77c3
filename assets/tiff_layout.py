"""Read how a TIFF (6.0) lays out its first picture, and say by name what is not read. Nothing is decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from assets.image_segments import find_byte_order, walk_directory

Payload = bytes | memoryview
# how the samples are meant
WHITE_IS_ZERO = 0
BLACK_IS_ZERO = 1
RGB = 2
# what the first sample beyond the colours is: alpha, multiplied into them or not
ASSOCIATED = 1
UNASSOCIATED = 2
# how a sample is written
UNSIGNED = 1
SIGNED = 2
FLOAT = 3

_KIND = 254
_WIDTH = 256
_HEIGHT = 257
_BITS = 258
_MEANING = 262
_ORIENTATION = 274
_SAMPLES = 277
_PLANES = 284
# the last is GDAL's, a number as text
_TILE_WIDTH = 322
_EXTRA = 338
_FORMAT = 339
_NO_DATA = 42113
_LETTERS = {1: "B", 2: "B", 3: "H", 4: "I"}  # types that a layout needs
_REDUCED_OR_MASK = 0b101  # bits of _KIND: a picture that belongs to another one
_MAX_PAGES = 4096
_MAX_TEXT = 64
# 3: palette, 6: YCbCr
_PLAIN = ((WHITE_IS_ZERO, 1), (BLACK_IS_ZERO, 1), (RGB, 3), (3, 1), (6, 3))
# samples deeper than 8 bits
_SINGLE = ((UNSIGNED, 16), (SIGNED, 16), (UNSIGNED, 32), (SIGNED, 32), (FLOAT, 32))


@dataclass(frozen=True)
class TiffLayout:
    """The first picture's samples; `orientation_at` is the byte at which its orientation is written."""

    bits: int
    samples: int
    meaning: int
    sample_format: int
    extra: int
    is_planar: bool
    is_tiled: bool
    orientation: int
    orientation_at: int | None
    # the value of pixels without a measurement, where the file states one
    no_data: float | None
    num_pictures: int  # reduced copies and masks of a picture are none; counted up to 2

    @property
    def is_plain(self) -> bool:
        """8-bit grey or colour, or a palette, in strips: every decoder makes the same of it."""
        is_eight = (
            self.bits == 8
            and self.sample_format == UNSIGNED
            and not self.is_tiled
            and self.orientation == 1
        )
        return is_eight and (self.meaning, self.samples) in _PLAIN


def read_layout(payload: Payload) -> TiffLayout:
    """Raises ValueError where the header makes no sense."""
    try:
        return _read_layout(payload)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"the header of the TIFF makes no sense: {error}") from error


def explain_obstacle(layout: TiffLayout) -> tuple[str, str] | None:
    """Reason and remedy for a TIFF that is not read; None for others."""
    bits = layout.bits
    samples = layout.samples
    if layout.num_pictures > 1:
        return (
            "the TIFF holds more than one picture, and one a file is read",
            "save each picture as a file of its own",
        )
    if samples > 2 and layout.meaning in (WHITE_IS_ZERO, BLACK_IS_ZERO):
        reason = f"{samples} bands, and nothing in the TIFF says which are red, green and blue"
        return reason, "export the three bands to be seen as an RGB image"
    if bits <= 8 and layout.sample_format not in (SIGNED, FLOAT):
        return None
    if (
        layout.meaning == RGB
        and samples in (3, 4)
        and (layout.sample_format, bits) == (UNSIGNED, 16)
    ):
        if not layout.is_planar:
            return None
        return (
            "16-bit colours that lie one plane after another",
            "export it with the colours of a pixel side by side",
        )
    if (
        samples == 1
        and layout.meaning in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        and (layout.sample_format, bits) in _SINGLE
    ):
        return None
    kind = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating point"}.get(
        layout.sample_format, "other"
    )
    remedy = (
        "export it as 8-bit or 16-bit image, or as one channel of 32-bit floating point"
    )
    return (
        f"a TIFF whose pixels are {samples} {kind} numbers of {bits} bits is not read",
        remedy,
    )


def set_upright(payload: Payload, layout: TiffLayout) -> Payload:
    """The same pixels with an orientation that no decoder acts on, which some do unasked."""
    if layout.orientation == 1 or layout.orientation_at is None:
        return payload
    changed = bytearray(payload)
    changed[layout.orientation_at : layout.orientation_at + 2] = struct.pack(
        find_byte_order(payload) + "H", 1
    )
    return bytes(changed)


def _read_layout(payload: Payload) -> TiffLayout:
    order = find_byte_order(payload)
    first, *_ = pages = [
        dict(_read_tags(payload, order, at)) for at in _walk_pages(payload, order)
    ]
    number = {
        tag: values[0]
        for tag, (_, values) in first.items()
        if isinstance(values, tuple)
    }
    samples = number.get(_SAMPLES, 1)
    text = first.get(_NO_DATA, (0, b""))[1]
    no_data = None
    if isinstance(text, bytes):
        with suppress(ValueError):
            no_data = float(text.split(b"\0")[0])
    own = [page for page in pages if not _kind_of(page) & _REDUCED_OR_MASK]
    return TiffLayout(
        number.get(_BITS, 1),
        samples,
        number[_MEANING],
        number.get(_FORMAT, UNSIGNED),
        number.get(_EXTRA, 0),
        number.get(_PLANES, 1) == 2 and samples > 1,
        _TILE_WIDTH in number,
        number.get(_ORIENTATION, 1),
        first[_ORIENTATION][0] if _ORIENTATION in first else None,
        no_data,
        min(max(len(own), 1), 2),
    )


def _kind_of(page: dict[int, tuple[int, tuple[int, ...] | bytes]]) -> int:
    values = page[_KIND][1] if _KIND in page else (0,)
    return int(values[0])


def _walk_pages(payload: Payload, order: str) -> Iterator[int]:
    """Where the directories lie: each names the next."""

    def find_next(at: int) -> int:
        num_entries = struct.unpack_from(order + "H", payload, at)[0]
        return int(
            struct.unpack_from(order + "I", payload, at + 2 + 12 * num_entries)[0]
        )

    return walk_chain(struct.unpack_from(order + "I", payload, 4)[0], find_next)


def walk_chain(first: int, find_next: Callable[[int], int]) -> Iterator[int]:
    """Places of which each gives the next, up to a 0 or one that was there already."""
    seen: set[int] = set()
    at = first
    while at and at not in seen and len(seen) < _MAX_PAGES:
        seen.add(at)
        yield at
        at = find_next(at)


def _read_tags(
    payload: Payload, order: str, at: int
) -> Iterator[tuple[int, tuple[int, tuple[int, ...] | bytes]]]:
    """(tag, (where its value lies, value)) of what a layout needs; the first number stands for all."""
    for tag, kind, count, start in walk_directory(payload, order, at):
        if kind not in _LETTERS:
            continue
        if tag == _NO_DATA:
            yield tag, (start, bytes(payload[start : start + min(count, _MAX_TEXT)]))
        else:
            yield (
                tag,
                (start, struct.unpack_from(order + _LETTERS[kind], payload, start)),
            )
