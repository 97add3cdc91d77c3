"""What a TIFF says of its samples, and which are refused by name."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from assets.tiff_layout import explain_obstacle, read_layout, set_upright


def write_tiff(pixels: np.ndarray, **options) -> bytes:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


DEEP = np.zeros((6, 8, 4), np.uint16)


@pytest.mark.parametrize(
    ("pixels", "options", "reason"),
    [
        (DEEP[..., 0], {}, None),
        (DEEP[..., 0], {"byteorder": ">"}, None),
        (DEEP[..., :3], {"photometric": "rgb"}, None),
        (DEEP, {"photometric": "rgb", "extrasamples": ["unspecified"]}, None),
        (DEEP[..., 0].astype(np.float32), {}, None),
        (
            DEEP,
            {"photometric": "minisblack", "planarconfig": "contig"},
            "4 bands, and nothing in the TIFF says which",
        ),
        (
            DEEP.transpose(2, 0, 1)[:3],
            {"photometric": "rgb", "planarconfig": "separate"},
            "one plane after another",
        ),
        (DEEP[..., 0].astype(np.float64), {}, "1 floating point numbers of 64 bits"),
        (
            DEEP[..., :3].astype(np.float32),
            {"photometric": "rgb"},
            "3 floating point numbers of 32 bits",
        ),
        (DEEP[..., 0].astype(np.int8), {}, "1 signed numbers of 8 bits"),
    ],
)
def test_what_is_not_read_is_named(pixels, options, reason):
    found = explain_obstacle(
        read_layout(write_tiff(np.ascontiguousarray(pixels), **options))
    )
    assert found is None if reason is None else reason in found[0] and found[1]


def test_pages_are_pictures_and_their_reduced_copies_are_none():
    page = DEEP[..., 0].astype(np.uint8)
    stream = io.BytesIO()
    with pytest.importorskip("tifffile").TiffWriter(stream) as writer:
        writer.write(page)
        writer.write(page[::2, ::2], subfiletype=1)
    assert read_layout(stream.getvalue()).num_pictures == 1
    image = Image.fromarray(page)
    stream = io.BytesIO()
    image.save(stream, "TIFF", save_all=True, append_images=[image] * 4)
    layout = read_layout(stream.getvalue())
    assert layout.num_pictures == 2, "counted up to two"
    assert (
        explain_obstacle(layout)[0]
        == "the TIFF holds more than one picture, and one a file is read"
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_value_of_pixels_without_a_measurement_and_the_orientation(order):
    tags = [(42113, 2, 0, "-9999", True), (274, 3, 1, 6, True)]
    payload = write_tiff(DEEP[..., 0], extratags=tags, byteorder=order)
    layout = read_layout(payload)
    assert (layout.no_data, layout.orientation) == (-9999.0, 6)
    upright = set_upright(payload, layout)
    assert read_layout(upright).orientation == 1
    assert sum(a != b for a, b in zip(payload, upright, strict=True)) == 1


def test_a_header_that_makes_no_sense_raises():
    payload = write_tiff(DEEP[..., 0])
    for damaged in (
        payload[:6],
        payload[:40],
        payload[:4] + b"\xff\xff\0\0" + payload[8:],
    ):
        with pytest.raises(ValueError, match="makes no sense"):
            read_layout(damaged)
