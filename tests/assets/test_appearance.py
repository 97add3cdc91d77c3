"""What a viewer shows of images with alpha, in other colours, or deeper than 8 bits."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from assets.appearance import (
    decode_appearance,
    is_plain,
    scale_to_8_bits,
    show_luma,
    show_pixels,
)
from assets.image_forms import shrink
from assets.images import (
    EncodedImage,
    decode_luma,
    decode_rgb,
    decode_working_luma,
    is_common,
)

SIZE = WIDTH, HEIGHT = (24, 16)
GREEN = (10, 250, 20)
RED = (200, 30, 60)
# half of GREEN on white: 10 * 128/255 + 255 * 127/255 = 132, and so on
COVERED = (132, 252, 137)
WHITE = (255, 255, 255)


def save(image: Image.Image, ending: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, ending, **options)
    return stream.getvalue()


def save_array(pixels: np.ndarray, ending: str = ".png") -> bytes:
    """In OpenCV's order of colours."""
    return cv2.imencode(ending, pixels)[1].tobytes()


def make_png(
    bits: int, color: int, row: bytes, width: int, key: bytes | None = None
) -> bytes:
    """One row, with the transparent colour `key`."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body))
            + name
            + body
            + struct.pack(">I", zlib.crc32(name + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, color, 0, 0, 0))
    keyed = b"" if key is None else chunk(b"tRNS", key)
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + head + keyed + data + chunk(b"IEND", b"")


def thirds(payload: bytes) -> list[tuple[int, ...]]:
    """One pixel of the left, the middle and the right third."""
    image = decode_rgb(payload)
    assert (
        image.shape == (HEIGHT, WIDTH, 3)
        and image.dtype == np.uint8
        and image.flags.writeable
    )
    luma = decode_luma(payload)
    assert np.abs(luma.astype(int) - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)).max() <= 1
    assert (EncodedImage(payload).read()[0] == image).all() and EncodedImage(
        payload
    ).size_hw == (HEIGHT, WIDTH)
    return [tuple(image[8, x].tolist()) for x in (4, 12, 20)]


@pytest.fixture
def rgba() -> Image.Image:
    """Green that does not show, green that shows by half, red."""
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[:] = (*RED, 255)
    pixels[:, :8] = (*GREEN, 0)
    pixels[:, 8:16] = (*GREEN, 128)
    return Image.fromarray(pixels)


@pytest.fixture
def palette() -> Image.Image:
    """A third of green, two of red."""
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, *RED, *GREEN])
    image.paste(2, (0, 0, 8, HEIGHT))
    return image


# ---- alpha -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "options"),
    [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})],
)
def test_alpha_lays_the_picture_on_white(rgba, ending, options):
    assert thirds(save(rgba, ending, **options)) == [WHITE, COVERED, RED]


@pytest.mark.parametrize("ending", ["PNG", "TIFF"])
def test_grey_with_alpha_lies_on_white(rgba, ending):
    """100 * 128/255 + 255 * 127/255 = 177."""
    grey = Image.merge("LA", [Image.new("L", SIZE, 100), rgba.getchannel("A")])
    assert thirds(save(grey, ending)) == [WHITE, (177,) * 3, (100,) * 3]


def test_alpha_in_16_bits(rgba):
    """Half of (0x80FF, 0x0180, 0xFFFF), whose upper bytes are (128, 1, 255): 128 * 128/255 + 127 = 191."""
    pixels = np.empty((HEIGHT, WIDTH, 4), np.uint16)
    pixels[:] = (0xFFFF, 0x0180, 0x80FF, 0xFFFF)
    pixels[:, :8, 3] = 0
    pixels[:, 8:16, 3] = 0x8000
    assert thirds(save_array(pixels)) == [WHITE, (191, 128, 255), (128, 1, 255)]


@pytest.mark.parametrize("ending", ["PNG", "WEBP"])
@pytest.mark.parametrize("alpha", [0, 255])
def test_alpha_that_hides_nothing_or_everything_changes_nothing(ending, alpha):
    """A picture of which nothing would show has an alpha that nobody meant, as cameras write."""
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    options = {} if ending == "PNG" else {"lossless": True, "exact": True}
    plain = save(Image.fromarray(rgb), ending, **options)
    with_alpha = Image.fromarray(rgb)
    with_alpha.putalpha(alpha)
    payload = save(with_alpha, ending, **options)
    assert (decode_rgb(payload) == rgb).all() and (
        decode_luma(payload) == decode_luma(plain)
    ).all()
    assert is_plain(plain) and is_plain(payload) == (
        ending == "WEBP" and alpha == 255
    ), "which Pillow leaves out"


def test_transparent_colours_of_palettes_and_keys_show_white(palette):
    keyed = palette.convert("RGB")
    grey = Image.new("L", SIZE, 100)
    grey.paste(7, (0, 0, 8, HEIGHT))
    assert thirds(save(palette, "PNG", transparency=2)) == [WHITE, RED, RED]
    assert thirds(save(palette, "PNG", transparency=bytes([255, 255, 128]))) == [
        COVERED,
        RED,
        RED,
    ]
    assert thirds(save(palette, "GIF", transparency=2)) == [WHITE, RED, RED]
    assert thirds(save(keyed, "PNG", transparency=GREEN)) == [WHITE, RED, RED]
    assert thirds(save(grey, "PNG", transparency=7)) == [WHITE, (100,) * 3, (100,) * 3]


def test_keys_of_4_and_16_bits():
    assert decode_rgb(make_png(4, 0, b"\x5f", 2, b"\0\5"))[0, :, 0].tolist() == [
        255,
        255,
    ]
    assert decode_rgb(make_png(4, 0, b"\x5f", 2))[0, :, 0].tolist() == [85, 255], (
        "5 of 15 is 85 of 255"
    )
    deep = make_png(16, 0, struct.pack(">4H", 0, 3000, 4000, 5000), 4, b"\0\0")
    assert decode_rgb(deep)[0, :, 0].tolist() == [255, 0, 128, 255], (
        "0 does not show; 4000 is half way, 127.5"
    )


# ---- colours ---------------------------------------------------------------------------------------------------------


def test_palettes_and_single_bits_need_no_care(palette):
    bits = Image.new("1", SIZE, 1)
    bits.paste(0, (0, 0, 8, HEIGHT))
    for ending in ("PNG", "GIF", "TIFF", "BMP"):
        assert thirds(save(palette, ending)) == [GREEN, RED, RED]
    for ending in ("PNG", "TIFF", "BMP"):
        assert thirds(save(bits, ending)) == [(0, 0, 0), WHITE, WHITE]


def drop_adobe_marker(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + struct.unpack_from(">H", jpeg, at + 2)[0] :]


def test_cyan_in_print_colours_is_cyan():
    """Full cyan ink and no other takes all red: (0, 255, 255)."""
    cyan = Image.new("CMYK", SIZE, (255, 0, 0, 0))
    jpeg = save(cyan, "JPEG", quality=95)
    inks = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    inks[..., 0] = 0  # JPEG keeps inks upside down, as Adobe does
    ycck = simplejpeg.encode_jpeg(inks, 95, "CMYK", "444")
    assert simplejpeg.decode_jpeg_header(ycck)[2] == "YCCK"
    tiffs = save(cyan, "TIFF"), save(cyan, "TIFF", compression="tiff_lzw")
    for payload in (jpeg, drop_adobe_marker(jpeg), ycck, *tiffs):
        assert np.abs(np.array(thirds(payload)) - (0, 255, 255)).max() <= 2
        assert not is_common(payload)


def test_black_ink_darkens_the_others():
    """Half of black over full magenta: (127, 0, 127)."""
    payload = save(Image.new("CMYK", SIZE, (0, 255, 0, 128)), "JPEG", quality=95)
    assert np.abs(decode_rgb(payload).astype(int) - (127, 0, 127)).max() <= 2


def test_stored_orientation_of_a_tiff_stays():
    """OpenCV and Pillow both turn a TIFF unasked."""
    image = Image.new("RGB", SIZE, RED)
    image.paste(GREEN, (0, 0, 8, HEIGHT))
    assert thirds(save(image, "TIFF", tiffinfo={0x0112: 6})) == [GREEN, RED, RED]


# ---- more than 8 bits ------------------------------------------------------------------------------------------------


def test_16_bit_colours_of_a_png_keep_their_upper_bytes():
    pixels = (
        np.random.default_rng(0)
        .integers(0, 1 << 16, (HEIGHT, WIDTH, 3))
        .astype(np.uint16)
    )
    assert (decode_rgb(save_array(pixels))[..., ::-1] == pixels >> 8).all()


def test_a_narrow_range_becomes_the_whole_one():
    """Thermal, 14 bits: 7500 + 10 x for x of 0 to 1023, and the rank that is clipped is int(0.001 * 1023) = 1."""
    counts = (7500 + 10 * np.arange(1024, dtype=np.uint16)).reshape(32, 32)
    image = decode_rgb(save_array(counts))
    expected = np.clip((counts.astype(float) - 7510) / (17720 - 7510), 0, 1) * 255
    assert (image == np.rint(expected)[..., None]).all()
    assert (decode_rgb(save_array(counts, ".tiff")) == image).all()


def test_what_was_not_measured_takes_no_part():
    """A frame of zeros round thermal counts; a value that the file names; NaN and infinity."""
    counts = np.zeros((40, 40), np.uint16)
    counts[10:30, 10:30] = np.linspace(21000, 22000, 400).reshape(20, 20)
    scaled = scale_to_8_bits(counts)
    assert (
        scaled[0, 0] == 0
        and scaled[10, 10] == 0
        and scaled[29, 29] == 255
        and abs(int(scaled[20, 10]) - 128) <= 1
    )
    heights = np.where(counts == 0, -9999, counts.astype(np.float32) / 100)
    assert (scale_to_8_bits(heights, no_data=-9999.0) == scaled).all()
    heights[heights == -9999] = np.nan
    heights[0, :2] = np.inf, -np.inf
    assert (scale_to_8_bits(heights) == scaled).all()


def test_channels_share_one_scale():
    """Reflectance in red twice that in green; blue is dark."""
    bands = np.zeros((10, 10, 3), np.uint16)
    bands[..., 0] = 3000
    bands[..., 1] = 1600
    bands[..., 2] = 200
    assert scale_to_8_bits(bands)[0, 0].tolist() == [255, 128, 0], (
        "(1600 - 200) / (3000 - 200) * 255 = 127.5"
    )


def test_a_defect_pixel_does_not_darken_the_picture():
    """10000 pixels of 1000 to 1990: int(0.001 * 9999) = 9 at either end are clipped, and each value has 100."""
    counts = np.tile(1000 + 10 * np.arange(100, dtype=np.uint16), (100, 1))
    counts[50, 50] = 65535
    scaled = scale_to_8_bits(counts)
    assert (
        scaled[50, 50] == 255
        and (scaled[0] == np.rint(np.arange(100) / 99 * 255)).all()
    )


def test_a_small_thing_on_an_even_ground_stays_visible():
    counts = np.full((200, 200), 21500, np.uint16)
    counts[:4, :4] = 21400  # 16 of 40000 pixels, fewer than are clipped
    scaled = scale_to_8_bits(counts)
    assert scaled[0, 0] == 0 and scaled[9, 9] == 255


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("value", [0, 300, 21595])
def test_a_picture_of_one_value_is_black(dtype, value):
    assert not scale_to_8_bits(np.full((5, 7), value, dtype)).any()
    assert not scale_to_8_bits(np.full((5, 7), np.nan, np.float32)).any()


def test_8_bits_in_a_wider_type_stay_as_they_are():
    values = np.arange(30, 60, dtype=np.uint16).reshape(5, 6)
    assert (scale_to_8_bits(values) == values).all() and (
        scale_to_8_bits(values.astype(np.int32)) == values
    ).all()
    assert (decode_rgb(save_array(values)) == values[..., None]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32])
def test_a_tiff_of_any_deep_number_is_read(dtype):
    """-100 to 923 in steps of one, or 400 to 1423 where there is no sign."""
    start = 400 if dtype == np.uint16 else -100
    values = np.arange(start, start + 1024).astype(dtype).reshape(32, 32)
    image = decode_rgb(save_array(values, ".tiff"))
    assert (image[..., 0] == scale_to_8_bits(values)).all() and (
        image.min(),
        image.max(),
    ) == (0, 255)


def test_16_bit_colours_of_a_tiff_are_measurements():
    """Reflectance of 0 to 3000 of 65535 would be a picture of 12 grey values."""
    bands = np.random.default_rng(0).integers(200, 3001, (64, 64, 3)).astype(np.uint16)
    image = decode_rgb(save_array(bands[..., ::-1], ".tiff"))
    assert (image == scale_to_8_bits(bands)).all() and len(np.unique(image)) == 256


def test_figures_and_shrunken_pictures_come_from_the_same_8_bits():
    counts = np.random.default_rng(0).normal(7500, 50, (480, 640)).astype(np.uint16)
    payload = save_array(counts)
    image = decode_rgb(payload)
    assert (decode_luma(payload) == image[..., 0]).all()
    assert (decode_working_luma(payload) == shrink(image, 160)[..., 0]).all()
    assert (decode_appearance(payload).rgb == image).all()


def test_bytes_that_are_cut_raise():
    for payload in (
        save_array(np.arange(1000, dtype=np.uint16).reshape(20, 50)),
        save(Image.new("LA", SIZE), "TIFF"),
    ):
        for size in (3, 20, 40):
            with pytest.raises(ValueError, match=r"decode|header"):
                decode_rgb(payload[:size])


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3), (40, 60, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_luma_of_pixels_is_that_of_what_is_shown_of_them(shape, kind):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    np.testing.assert_array_equal(show_luma(pixels), show_pixels(pixels).luma)
    # OpenCV reads a PNG as grey with a rounding of its own
    as_png = decode_luma(save_array(pixels)).astype(int)
    assert np.abs(as_png - decode_luma(pixels)).max() <= 1
