"""EXIF through a closed list: facts that are there, nothing from damage, and nothing left in what is handed on."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from assets.formats.images.exif import ExifFacts, exif_row, read_exif, strip_metadata
from assets.images import decode_rgb
from assets.tables.schemas import TABLES, to_table

GPS = {1: "S", 2: (33.0, 30.0, 36.0), 3: "E", 4: (151.0, 15.0, 0.0), 5: b"\1", 6: 12.5}
CAMERA = {
    0x829A: 1 / 250,
    0x829D: 2.8,
    0x8827: 400,
    0x9003: "2024:05:06 07:08:09",
    0x920A: 35.0,
    0xA431: "B-17",
    0xA435: "L-4",
}


def encode(kind: str = "JPEG", orientation: int = 6, **options: object) -> bytes:
    """A picture of noise whose EXIF says all that is read, and more."""
    exif = Image.Exif()
    exif.update(
        {0x010F: "Maker", 0x0110: "Model 3", 0x0112: orientation, 0x013B: "An Artist"}
    )
    exif.get_ifd(0x8769).update(CAMERA)
    exif.get_ifd(0x8825).update(GPS)
    pixels = np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, exif=exif, **options)
    return stream.getvalue()


def small_tiff(*entries: bytes, order: str = "<") -> bytes:
    """A JPEG whose EXIF has these entries of 12 bytes in its first directory."""
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
    tiff = head + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return (
        b"\xff\xd8\xff\xe1"
        + struct.pack(">H", len(tiff) + 8)
        + b"Exif\0\0"
        + tiff
        + b"\xff\xd9"
    )


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def test_a_tiff_says_it_in_its_own_directory():  # Pillow writes none of the others into a TIFF
    assert read_exif(encode("TIFF")) == ExifFacts("Maker", "Model 3", 6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_fact_of_every_format(kind):
    facts = read_exif(encode(kind))
    assert facts is not None
    assert (facts.make, facts.model, facts.orientation) == ("Maker", "Model 3", 6)
    assert facts.taken_at == "2024-05-06T07:08:09" and facts.iso == 400
    assert (facts.exposure_s, facts.f_number, facts.focal_mm) == pytest.approx(
        (0.004, 2.8, 35.0)
    )
    assert facts.latitude_deg == pytest.approx(-(33 + 30 / 60 + 36 / 3600))
    assert (facts.longitude_deg, facts.altitude_m) == pytest.approx((151.25, -12.5))
    assert (facts.body_serial, facts.lens_serial) == ("B-17", "L-4")


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(order):
    payload = small_tiff(struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0), order=order)
    assert read_exif(payload) == ExifFacts(orientation=8)


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHIHH", 0x0112, 3, 1, 9, 0),  # no orientation
        struct.pack("<HHII", 0x010F, 2, 9, 999),  # text beyond the end
        struct.pack("<HHII", 0x010F, 99, 1, 0),  # unknown type
        struct.pack("<HHII", 0x8825, 4, 1, 999),  # a directory beyond the end
        struct.pack("<HHI4s", 0x0132, 2, 4, b"\xff\xfe\x1b["),  # no letters
    ],
)
def test_what_cannot_be_true_is_absent(entry):
    assert read_exif(small_tiff(entry)) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xd8",
        b"II*\0",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
        b"text" * 99,
    ],
)
def test_bytes_without_exif_give_none(payload):
    assert read_exif(payload) is None


def test_a_position_needs_its_hemisphere():
    exif = Image.Exif()
    # and 200 degrees are no longitude
    exif.get_ifd(0x8825).update({2: (33.0, 30.0, 0.0), 3: "E", 4: (200.0, 0.0, 0.0)})
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "JPEG", exif=exif)
    assert read_exif(stream.getvalue()) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_that_was_cut_is_read_and_stripped_without_another_error(kind):
    payload = encode(kind)
    for size in range(0, len(payload), 7):
        facts = read_exif(payload[:size])
        assert facts is None or facts != ExifFacts(), "facts that say nothing are none"
        try:
            strip_metadata(payload[:size], kind.lower())
        except ValueError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("kind", "orientation"), [("JPEG", 6), ("JPEG", 1), ("PNG", 3)]
)
def test_what_is_handed_on_keeps_pixels_and_orientation_and_nothing_else(
    kind, orientation
):
    payload = encode(kind, orientation)
    stripped = strip_metadata(payload, kind.lower())
    assert (decode_rgb(stripped) == decode_rgb(payload)).all()
    assert read_exif(stripped) == (
        None if orientation == 1 else ExifFacts(orientation=orientation)
    )
    assert dict(Image.open(io.BytesIO(stripped)).getexif()) == (
        {} if orientation == 1 else {0x0112: orientation}
    )
    assert b"Artist" not in stripped and b"B-17" not in stripped


def test_xmp_iptc_comments_thumbnails_and_what_follows_a_jpeg_are_taken_out():
    plain = encode(quality=90, progressive=True, icc_profile=b"profile" * 20)
    secret = [
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>secret</x>"),
        segment(0xED, b"Photoshop 3.0\0secret"),
        segment(0xFE, b"secret"),
        segment(0xE0, b"JFXX\0\x10secret"),
        segment(0xE2, b"MPF\0secret"),
    ]
    dirty = plain[:2] + b"".join(secret) + plain[2:] + b"secret movie"
    stripped = strip_metadata(dirty, "jpeg")
    assert (
        b"secret" not in stripped and (decode_rgb(stripped) == decode_rgb(plain)).all()
    )
    assert Image.open(io.BytesIO(stripped)).info["icc_profile"] == b"profile" * 20


def test_texts_and_what_follows_a_png_are_taken_out():
    plain = encode("PNG")
    body = b"tEXtComment\0secret"
    text = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    stripped = strip_metadata(plain[:33] + text + plain[33:] + b"secret", "png")
    assert (
        b"secret" not in stripped and (decode_rgb(stripped) == decode_rgb(plain)).all()
    )


@pytest.mark.parametrize(
    ("payload", "encoding"),
    [(b"\xff\xd8 no jpeg", "jpeg"), (b"\x89PNG\r\n\x1a\n????", "png"), (b"", "tiff")],
)
def test_what_is_not_built_as_an_image_is_not_handed_on(payload, encoding):
    with pytest.raises(ValueError):
        strip_metadata(payload, encoding)


def test_a_row_of_the_table_with_positions_and_serials_in_restricted_columns():
    facts = read_exif(encode())
    assert facts is not None
    row = to_table(
        TABLES["frame_exif"], [exif_row("0" * 32, "monday", facts)]
    ).to_pylist()[0]
    restricted = {
        c.name for c in TABLES["frame_exif"].columns if c.privacy == "restricted"
    }
    assert restricted == {
        "latitude_deg",
        "longitude_deg",
        "altitude_m",
        "body_serial",
        "lens_serial",
    }
    assert (row["iso"], row["orientation"], row["session"]) == (400, 6, "monday")


def test_real_photographs_say_what_another_reader_says(test_data):
    paths = sorted((test_data("exif") / "exif_samples").rglob("*.jpg"))
    facts = {path.stem: read_exif(path.read_bytes()) for path in paths}
    assert (
        len(paths) == 25
        and sum(f is not None and f.latitude_deg is not None for f in facts.values())
        == 9
    )
    for path in paths:
        exif = Image.open(io.BytesIO(path.read_bytes())).getexif()
        assert (found := facts[path.stem]) is not None and found.orientation == exif[
            0x0112
        ]
        if path.stem[-2] == "_":  # landscape_3: orientation 3
            assert found.orientation == int(path.stem[-1])
        if gps := exif.get_ifd(0x8825):
            degrees, minutes, seconds = (float(v) for v in gps[2])
            assert found.latitude_deg == pytest.approx(
                degrees + minutes / 60 + seconds / 3600
            )
        stripped = strip_metadata(path.read_bytes(), "jpeg")
        assert (decode_rgb(stripped) == decode_rgb(path.read_bytes())).all()
        assert (read_exif(stripped) or ExifFacts()).latitude_deg is None
