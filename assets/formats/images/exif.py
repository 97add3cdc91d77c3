"""Read a closed list of EXIF facts from foreign image bytes, and take the metadata out of bytes that are handed on.

A small reader of our own after CIPA DC-008 (Exif 3.0) and TIFF 6.0: every offset and count is checked against the bytes
at hand, no directory is read twice, and what does not read is absent. Position and serial numbers are restricted:
they go to columns of that privacy class and to nothing else.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from assets.image_segments import (
    TIFF_SIZES,
    has_segment,
    walk_chunks,
    walk_directory,
    walk_jpeg,
)

# a JPEG segment cannot hold more than 64 KiB, PNG and WebP chunks can
MAX_EXIF_BYTES = 1 << 20
_MAX_TEXT = 128
_MAKE = 0x010F
_MODEL = 0x0110
_ORIENTATION = 0x0112
_CHANGED = 0x0132
_EXIF = 0x8769
_GPS = 0x8825
_EXPOSURE = 0x829A
_F_NUMBER = 0x829D
_ISO = 0x8827
_TAKEN = 0x9003
_FOCAL = 0x920A
_BODY = 0xA431
_LENS = 0xA435
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE = range(
    1, 7
)
_RESTRICTED = (
    *("latitude_deg", "longitude_deg", "altitude_m"),
    *("body_serial", "lens_serial"),
)
_TEXT = 2  # a type of TIFF
_NUMBERS = {1: "B", 3: "H", 4: "I", 5: "II", 9: "i", 10: "ii", 11: "f", 12: "d"}
_TIME = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)[ T](\d\d):(\d\d):(\d\d)")

_Value = str | list[float]  # text, or numbers; a fraction without a denominator is NaN


@dataclass(frozen=True)
class ExifFacts:
    """What one image says of itself; None where it says nothing that can be true."""

    make: str | None = None
    model: str | None = None
    orientation: int | None = None  # 1 to 8, as Exif counts
    taken_at: str | None = None  # ISO 8601, the camera's local time, without a zone
    exposure_s: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_mm: float | None = None
    latitude_deg: float | None = None  # WGS 84, north positive
    longitude_deg: float | None = None  # east positive
    altitude_m: float | None = None  # above sea level
    body_serial: str | None = None
    lens_serial: str | None = None


def read_exif(payload: bytes) -> ExifFacts | None:
    """The facts in a JPEG, PNG, WebP or TIFF; None when there is none. Never raises, whatever the bytes are."""
    is_jpeg = payload[:2] == b"\xff\xd8"
    if is_jpeg and not has_segment(payload, b"Exif\0\0", MAX_EXIF_BYTES):
        return None  # most have none, and this costs little
    facts = ExifFacts()
    for tiff in _find_tiff(payload):
        facts = _read_facts(tiff)
        if facts != ExifFacts():
            break
    return None if facts == ExifFacts() else facts


def exif_row(frame_id: str, session: str, facts: ExifFacts) -> dict[str, object]:
    """The row of `frame_exif`."""
    return {"frame_id": frame_id, "session": session, **asdict(facts)}


def hide_restricted(facts: ExifFacts) -> ExifFacts:
    """The facts without place and serial numbers, which tell whose picture it is."""
    return replace(facts, **dict.fromkeys(_RESTRICTED))


def strip_metadata(
    payload: bytes, encoding: str, keeps_orientation: bool = True
) -> bytes:
    """The same pixels without EXIF, XMP, IPTC, comments, thumbnails and whatever follows the image.

    Nothing is decoded: colour profiles stay, and so does the orientation, in an EXIF of its own, where it is kept.
    Raises ValueError for an encoding other than "jpeg" and "png", and for bytes that are not built as one.
    """
    if encoding not in _STRIP:
        raise ValueError(
            f"metadata of {encoding!r} images are not taken out: decode it and encode it as PNG"
        )
    facts = read_exif(payload)
    is_turned = keeps_orientation and facts and facts.orientation != 1
    turned = facts.orientation if facts and is_turned else None
    try:
        return b"".join(
            _STRIP[encoding](payload, _write_orientation(turned) if turned else b"")
        )
    except (struct.error, IndexError) as error:
        raise ValueError(
            f"{len(payload)} bytes are not built as a {encoding} image: do not hand them on"
        ) from error


# ---- where the facts lie ---------------------------------------------------------------------------------------------


def _find_tiff(payload: bytes) -> Iterator[memoryview]:
    """The TIFF structures that may hold facts."""
    view = memoryview(payload)
    if payload[:2] == b"\xff\xd8":
        walk = walk_jpeg(payload, is_strict=False)
        segments = (
            view[start + 4 : end] for _, start, end in walk if end <= len(payload)
        )
        yield from (s[6:] for s in segments if bytes(s[:6]) == b"Exif\0\0")
    elif payload[:8] == b"\x89PNG\r\n\x1a\n":
        chunks = walk_chunks(payload, 8, ">", is_strict=False)
        yield from (
            view[start + 8 : end - 4][:MAX_EXIF_BYTES]
            for name, start, end in chunks
            if name == b"eXIf"
        )
    elif payload[:4] == b"RIFF" and payload[8:12] == b"WEBP":
        for name, start, end in walk_chunks(payload, 12, "<", is_strict=False):
            if name == b"EXIF":
                found = view[start + 8 : end][:MAX_EXIF_BYTES]
                yield found[6:] if bytes(found[:6]) == b"Exif\0\0" else found
    elif payload[:4] in (b"II*\0", b"MM\0*"):
        yield view


def _read_facts(tiff: memoryview) -> ExifFacts:
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None or len(tiff) < 8:
        return ExifFacts()
    image = _read_directory(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])
    exif, gps = (
        {}
        if (at := _first(image, tag)) is None
        else _read_directory(tiff, order, int(at))
        for tag in (_EXIF, _GPS)
    )
    altitude = _bounded(_first(gps, _ALTITUDE), -12_000, 100_000)
    iso = _bounded(_first(exif, _ISO), 1, 1e7)
    orientation = _bounded(_first(image, _ORIENTATION), 1, 8)
    return ExifFacts(
        make=_text(image, _MAKE),
        model=_text(image, _MODEL),
        orientation=None if orientation is None else int(orientation),
        taken_at=_time(exif, _TAKEN) or _time(image, _CHANGED),
        exposure_s=_bounded(_first(exif, _EXPOSURE), 1e-9, 1e6),
        f_number=_bounded(_first(exif, _F_NUMBER), 0.1, 1e4),
        iso=None if iso is None else int(iso),
        focal_mm=_bounded(_first(exif, _FOCAL), 0.01, 1e5),
        latitude_deg=_angle(gps, _LATITUDE, _LATITUDE_REF, 90, "S"),
        longitude_deg=_angle(gps, _LONGITUDE, _LONGITUDE_REF, 180, "W"),
        altitude_m=-altitude
        if altitude is not None and _first(gps, _ALTITUDE_REF) == 1
        else altitude,
        body_serial=_text(exif, _BODY),
        lens_serial=_text(exif, _LENS),
    )


# ---- TIFF ------------------------------------------------------------------------------------------------------------


def _read_directory(tiff: memoryview, order: str, at: int) -> dict[int, _Value]:
    """tag -> value of one directory, as far as it lies within the bytes; of a tag that is there twice the first."""
    found: dict[int, _Value] = {}
    for tag, kind, count, start in walk_directory(tiff, order, at, is_strict=False):
        count = min(count, _MAX_TEXT if kind == _TEXT else 3)
        if (
            tag in _WANTED
            and tag not in found
            and start + count * TIFF_SIZES[kind] <= len(tiff)
        ):
            found[tag] = _read_value(tiff, order, kind, start, count)
    return found


def _read_value(
    tiff: memoryview, order: str, kind: int, start: int, length: int
) -> _Value:
    if kind == _TEXT:
        return (
            bytes(tiff[start : start + length])
            .split(b"\0", 1)[0]
            .decode("utf-8", "replace")
        )
    numbers = struct.unpack_from(order + _NUMBERS[kind] * length, tiff, start)
    if len(_NUMBERS[kind]) == 1:
        return [float(n) for n in numbers]
    pairs = zip(numbers[0::2], numbers[1::2], strict=True)
    return [top / bottom if bottom else math.nan for top, bottom in pairs]


def _first(values: dict[int, _Value], tag: int) -> float | None:
    value = values.get(tag)
    return value[0] if isinstance(value, list) and value else None


def _text(values: dict[int, _Value], tag: int) -> str | None:
    value = values.get(tag)
    text = (
        "".join(c for c in value if c.isprintable() and c != "\ufffd").strip()
        if isinstance(value, str)
        else ""
    )
    return text or None


def _time(values: dict[int, _Value], tag: int) -> str | None:
    match = _TIME.fullmatch(_text(values, tag) or "")
    try:
        return datetime(*map(int, match.groups())).isoformat() if match else None  # type: ignore[arg-type]
    # the zeros of a camera whose clock was never set, or 30 February
    except ValueError:
        return None


def _angle(
    gps: dict[int, _Value], tag: int, ref_tag: int, most_deg: float, negative: str
) -> float | None:
    """Degrees from degrees, minutes and seconds; None without its hemisphere."""
    parts = gps.get(tag)
    ref = (_text(gps, ref_tag) or "").upper()
    if (
        not isinstance(parts, list)
        or len(parts) != 3
        or ref not in _HEMISPHERES[negative]
    ):
        return None
    degrees = _bounded(parts[0] + parts[1] / 60 + parts[2] / 3600, 0, most_deg)
    return -degrees if degrees is not None and ref == negative else degrees


def _bounded(value: float | None, low: float, high: float) -> float | None:
    # NaN is in no range
    return value if value is not None and low <= value <= high else None


_HEMISPHERES = {"S": ("N", "S"), "W": ("E", "W")}
_WANTED = frozenset(
    {
        _MAKE,
        _MODEL,
        _ORIENTATION,
        _CHANGED,
        _EXIF,
        _GPS,
        _EXPOSURE,
        _F_NUMBER,
        _ISO,
        _TAKEN,
        _FOCAL,
        _BODY,
        _LENS,
        _LATITUDE_REF,
        _LATITUDE,
        _LONGITUDE_REF,
        _LONGITUDE,
        _ALTITUDE_REF,
        _ALTITUDE,
    }
)


def _write_orientation(orientation: int) -> bytes:
    """A TIFF structure that says nothing else."""
    return struct.pack(
        ">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0
    )


# ---- what is handed on -----------------------------------------------------------------------------------------------

_JPEG_KEPT = frozenset({0xC4, 0xDB, 0xDD, 0xDC, 0xDA, 0xD9, 0xEE}) | (
    frozenset(range(0xC0, 0xD0)) - {0xC8}
)
_JPEG_ICC = b"ICC_PROFILE\0"
_PNG_KEPT = frozenset(
    {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"iCCP", b"cICP"}
)


def _strip_jpeg(data: bytes, exif: bytes) -> Iterator[bytes]:
    yield data[:2]
    if exif:
        yield struct.pack(">BBH6s", 0xFF, 0xE1, len(exif) + 8, b"Exif\0\0") + exif
    for marker, start, end in walk_jpeg(data):
        is_profile = marker == 0xE2 and data[start + 4 : start + 16] == _JPEG_ICC
        is_jfif = marker == 0xE0 and data[start + 4 : start + 9] == b"JFIF\0"
        if is_jfif:  # without its thumbnail
            yield (
                struct.pack(">BBH", 0xFF, 0xE0, 16)
                + data[start + 4 : start + 16]
                + b"\0\0"
            )
        elif is_profile or marker in _JPEG_KEPT:
            yield data[start:end]


def _strip_png(data: bytes, exif: bytes) -> Iterator[bytes]:
    from zlib import crc32

    yield data[:8]
    for name, start, end in walk_chunks(data, 8, ">"):
        if name in _PNG_KEPT or name[:1].isupper():
            yield data[start:end]
        if name == b"IHDR" and exif:
            yield (
                struct.pack(">I4s", len(exif), b"eXIf")
                + exif
                + struct.pack(">I", crc32(b"eXIf" + exif))
            )


_STRIP = {"jpeg": _strip_jpeg, "png": _strip_png}
