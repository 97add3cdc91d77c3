"""Pictures of frames: thumbnails, contact sheets and boxes drawn for a reader. RGB arrays in, arrays or bytes out.

Photographs are encoded as JPEG (a tenth of the bytes of a PNG), charts (plots.py) as PNG.
"""

from __future__ import annotations

import base64
import colorsys
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from models.types import IGNORE, Image, SemanticMap

Color = tuple[int, int, int]
JPEG_QUALITY = 82
GAP_PX = 8
CAPTION_PX = 22
MISSED: Color = (255, 176, 0)
FALSE: Color = (255, 64, 108)
_FIRST: tuple[
    Color, ...
] = (  # told apart also with red-green blindness; bright enough for dark photographs
    (64, 176, 255),
    (255, 143, 64),
    (72, 214, 140),
    (206, 122, 255),
    (255, 222, 89),
    (255, 112, 148),
    (94, 226, 226),
    (176, 148, 118),
)


@dataclass(frozen=True)
class Mark:
    """One box to draw, with its label; dashed for what should have been there, thin without a label."""

    box_xyxy: tuple[float, float, float, float]  # px of the image
    text: str
    color: Color
    is_dashed: bool = False
    has_label: bool = True


def label_overlay(
    image_rgb: Image,
    boxes_xyxy: NDArray[np.float32],
    names: Sequence[str],
    scores: Sequence[float] | None = None,
    colors: Mapping[str, Color] | None = None,
    width_px: int = 960,
) -> Image:
    """The image, `width_px` wide, with one labelled box an entry. Labels that would cover another label are left out.

    `colors` comes from `color_classes`, so that a class has one colour throughout; without it names are sorted here.
    """
    colors = colors or color_classes(sorted(set(names)))
    texts = (
        list(names)
        if scores is None
        else [f"{n} {s:.2f}" for n, s in zip(names, scores, strict=True)]
    )
    marks = [
        Mark((float(b[0]), float(b[1]), float(b[2]), float(b[3])), text, colors[name])
        for b, text, name in zip(boxes_xyxy, texts, names, strict=True)
    ]
    return draw_marks(image_rgb, marks, width_px)


def draw_marks(image_rgb: Image, marks: Sequence[Mark], width_px: int = 960) -> Image:
    """The image, `width_px` wide, with the marks in order; the first label wins where two would overlap."""
    scale = width_px / image_rgb.shape[1]
    canvas = _resize(image_rgb, width_px, max(1, round(image_rgb.shape[0] * scale)))
    draw = ImageDraw.Draw(canvas, "RGBA")
    line_px = max(2, round(width_px / 250))
    for mark in marks:
        _draw_box(
            draw,
            tuple(v * scale for v in mark.box_xyxy),
            mark,
            line_px if mark.has_label else line_px // 2,
        )
    taken: list[tuple[int, int, int, int]] = []
    for mark in marks:
        if mark.has_label:
            _draw_label(
                draw,
                [v * scale for v in mark.box_xyxy],
                mark,
                canvas.size,
                taken,
                max(11, round(width_px / 60)),
            )
    return np.asarray(canvas)


def paint_map(
    image_rgb: Image,
    semantic: SemanticMap,
    colors: Sequence[Color],
    opacity: float = 0.6,
) -> Image:
    """The image in grey with each class of a map of its size in its colour; what is ignored stays grey."""
    palette = np.zeros((256, 3), np.float32)
    palette[: len(colors)] = colors
    grey = (image_rgb @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    share = np.where(
        semantic.class_ids[..., None] == IGNORE, np.float32(0), np.float32(opacity)
    )
    return np.rint(grey * (1 - share) + palette[semantic.class_ids] * share).astype(
        np.uint8
    )


def paint_masks(
    image_rgb: Image,
    masks: NDArray[np.bool_],
    colors: Sequence[Color],
    opacity: float = 0.45,
) -> Image:
    """The image with masks (N, H, W) of its size over it, one colour each; later ones lie on top."""
    painted = image_rgb.copy()
    for mask, color in zip(masks, colors, strict=True):
        painted[mask] = np.rint(
            image_rgb[mask] * (1 - opacity) + np.array(color) * opacity
        )
    return painted


def contact_sheet(
    images_rgb: Sequence[Image],
    captions: Sequence[str],
    num_columns: int = 8,
    thumbnail_px: int = 132,
) -> bytes:
    """JPEG of square thumbnails in rows, each with its caption. Raises ValueError for no images."""
    return encode_jpeg(tile(images_rgb, captions, num_columns, thumbnail_px))


def tile(
    images_rgb: Sequence[Image],
    captions: Sequence[str],
    num_columns: int,
    thumbnail_px: int,
) -> Image:
    """One image of square thumbnails in rows, each with its caption. Raises ValueError for no images."""
    if not images_rgb:
        raise ValueError(
            "there are no images for a contact sheet: choose a split that has some"
        )
    num_columns = min(num_columns, len(images_rgb))
    num_rows = -(-len(images_rgb) // num_columns)
    step_x = thumbnail_px + GAP_PX
    step_y = thumbnail_px + CAPTION_PX + GAP_PX
    sheet = Pillow.new(
        "RGB", (GAP_PX + num_columns * step_x, GAP_PX + num_rows * step_y), (22, 21, 19)
    )
    draw = ImageDraw.Draw(sheet)
    for place, (image_rgb, caption) in enumerate(
        zip(images_rgb, captions, strict=True)
    ):
        x = GAP_PX + place % num_columns * step_x
        y = GAP_PX + place // num_columns * step_y
        sheet.paste(Pillow.fromarray(make_thumbnail(image_rgb, thumbnail_px)), (x, y))
        text = _shorten(draw, caption, thumbnail_px, _font(12))
        draw.text(
            (x + 1, y + thumbnail_px + 4), text, fill=(214, 208, 198), font=_font(12)
        )
    return np.asarray(sheet)


def make_thumbnail(image_rgb: Image, side_px: int) -> Image:
    """(side, side, 3): the middle square of the image, resampled."""
    height, width = image_rgb.shape[:2]
    side = min(height, width)
    top = (height - side) // 2
    left = (width - side) // 2
    return np.asarray(
        _resize(image_rgb[top : top + side, left : left + side], side_px, side_px)
    )


def fit_into_square(image_rgb: Image, side_px: int) -> Image:
    """(side, side, 3): the whole image in the middle of black."""
    height, width = image_rgb.shape[:2]
    scale = side_px / max(height, width)
    small = np.asarray(
        _resize(image_rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    )
    square = np.zeros((side_px, side_px, 3), np.uint8)
    top = (side_px - small.shape[0]) // 2
    left = (side_px - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def fit_width(image_rgb: Image, width_px: int) -> Image:
    """The whole image, `width_px` wide."""
    return np.asarray(
        _resize(
            image_rgb,
            width_px,
            max(1, round(image_rgb.shape[0] * width_px / image_rgb.shape[1])),
        )
    )


def color_classes(class_names: Sequence[str]) -> dict[str, Color]:
    """One colour a class, by position: eight chosen ones, then hues a golden angle apart."""
    return {
        name: _FIRST[i] if i < len(_FIRST) else _spin_hue(i)
        for i, name in enumerate(class_names)
    }


def encode_jpeg(image_rgb: Image, quality: int = JPEG_QUALITY) -> bytes:
    """Progressive JPEG bytes of an RGB image, colour at full resolution: drawn lines are thin."""
    buffer = io.BytesIO()
    Pillow.fromarray(image_rgb).save(
        buffer, "JPEG", quality=quality, optimize=True, progressive=True, subsampling=0
    )
    return buffer.getvalue()


def suffix_of(picture: bytes) -> str:
    """ ".png" or ".jpg" of such bytes. Raises ValueError for other bytes."""
    for magic, suffix in ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg")):
        if picture.startswith(magic):
            return suffix
    raise ValueError(
        f"{len(picture)} bytes from {picture[:4]!r} on are neither PNG nor JPEG: encode the picture first"
    )


def as_data_uri(picture: bytes) -> str:
    """data: URI of PNG or JPEG bytes. Raises ValueError for other bytes."""
    kind = {".png": "png", ".jpg": "jpeg"}[suffix_of(picture)]
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _resize(image_rgb: Image, width_px: int, height_px: int) -> Pillow.Image:
    return Pillow.fromarray(np.ascontiguousarray(image_rgb)).resize(
        (width_px, height_px), Pillow.Resampling.LANCZOS
    )


def _spin_hue(index: int) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.62, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _shorten(
    draw: ImageDraw.ImageDraw,
    text: str,
    width_px: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> str:
    if draw.textlength(text, font=font) <= width_px:
        return text
    while text and draw.textlength(text + "…", font=font) > width_px:
        text = text[:-1]
    return text + "…"


def _draw_box(
    draw: ImageDraw.ImageDraw, box: tuple[float, ...], mark: Mark, line_px: int
) -> None:
    x0, y0, x1, y1 = (round(v) for v in box)
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    if mark.is_dashed:
        _draw_dashes(draw, (x0, y0, x1, y1), mark.color, line_px)
        return
    # keeps the line visible on ground of its own colour
    halo = (x0 - 1, y0 - 1, x1 + 1, y1 + 1)
    draw.rounded_rectangle(halo, radius=3, outline=(0, 0, 0, 90), width=line_px + 2)
    draw.rounded_rectangle(
        (x0, y0, x1, y1), radius=3, outline=mark.color, width=line_px
    )


def _draw_dashes(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    color: Color,
    line_px: int,
) -> None:
    x0, y0, x1, y1 = box
    dash = 5 * line_px
    for x in range(x0, x1, 2 * dash):
        for y in (y0, y1):
            draw.line((x, y, min(x + dash, x1), y), fill=color, width=line_px)
    for y in range(y0, y1, 2 * dash):
        for x in (x0, x1):
            draw.line((x, y, x, min(y + dash, y1)), fill=color, width=line_px)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    box: Sequence[float],
    mark: Mark,
    size: tuple[int, int],
    taken: list[tuple[int, int, int, int]],
    text_px: int,
) -> None:
    font = _font(text_px)
    width = round(draw.textlength(mark.text, font=font)) + 8
    height = text_px + 6
    x = min(max(0, round(min(box[0], box[2]))), max(0, size[0] - width))
    top = round(min(box[1], box[3]))
    for y in (top - height, top):  # above the box where there is room, else inside
        place = (x, y, x + width, y + height)
        if (
            y >= 0
            and place[3] <= size[1]
            and not any(_overlap(place, other) for other in taken)
        ):
            taken.append(place)
            draw.rounded_rectangle(place, radius=3, fill=mark.color)
            draw.text(
                (x + 4, y + height / 2),
                mark.text,
                fill=_ink(mark.color),
                font=font,
                anchor="lm",
            )
            return


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _ink(color: Color) -> Color:
    luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    return (16, 16, 16) if luma > 120 else (255, 255, 255)
