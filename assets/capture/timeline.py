"""A picture of the sensors of a session over time: a row a sensor, a tick a sample, red where samples are missing.

Drawn by Pillow: to load a library for plots takes as long as a hundred of these.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from assets.capture.streams import describe_stream, find_skips, name_stream
from assets.clocks.offsets import Stream, report_sync

_MAX_CAPTURES = 6
_WIDTH_PX = 1122
_EDGE_PX = 12
_GAP_PX = 10  # between columns
_ROW_PX = 37
_TICK_PX = 24  # height in its row
_MISSING_PX = 30
_TITLE_PX = 34
_SCALE_PX = 54  # below the rows: numbers, and what they count
_FOOT_PX = 30
_MOST_NAME_PX = 260
_MOST_NOTE_PX = 330
_DENSE = (
    300  # ticks in a row that touch: white between them would look like missing samples
)
_LEAST_MISSING = 1 / 400  # of the width: shorter ones would not be seen
_MOST_MARKS = 10  # numbers on the scale
_TICK_COLOR = (47, 111, 143)
_MISSING_COLOR = (220, 86, 111)
_TEXT_COLOR = (38, 34, 30)
_MUTED = (123, 114, 103)


def draw_timeline(streams: Mapping[str, Sequence[Stream]]) -> bytes | None:
    """PNG: a panel a capture, by its path, of the first six; None without streams."""
    shown = dict(list(streams.items())[:_MAX_CAPTURES])
    if not shown:
        return None
    heights_px = [
        _TITLE_PX + _ROW_PX * len(rows) + _SCALE_PX for rows in shown.values()
    ]
    picture = Image.new("RGB", (_WIDTH_PX, sum(heights_px) + _FOOT_PX), "white")
    draw = ImageDraw.Draw(picture)
    top = 0
    for (capture, rows), height_px in zip(shown.items(), heights_px, strict=True):
        _draw_panel(draw, top, capture, rows)
        top += height_px
    if len(streams) > len(shown):
        more = f"and {len(streams) - len(shown)} more captures"
        _write(draw, (_WIDTH_PX / 2, top + _FOOT_PX / 2), more, 13, _MUTED, "mm")
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


@dataclass(frozen=True)
class _Span:
    """Seconds since the first sample, from `left` to `right` in px."""

    left: float
    right: float
    end_s: float

    def place(self, t_s: float) -> float:
        return self.left + (self.right - self.left) * t_s / self.end_s

    @property
    def step_s(self) -> float:
        """One, two or five of a decimal unit, so that there are few marks."""
        least_s = self.end_s / _MOST_MARKS
        unit_s = 10.0 ** np.floor(np.log10(least_s))
        steps = (unit_s * share for share in (1, 2, 5, 10))
        return float(next(step for step in steps if step >= 0.999 * least_s))


def _draw_panel(
    draw: ImageDraw.ImageDraw, top: int, capture: str, rows: Sequence[Stream]
) -> None:
    timed = [stream.t_ns for stream in rows if len(stream.t_ns)]
    start_ns = min((int(t[0]) for t in timed), default=0)
    end_s = max((int(t[-1]) - start_ns for t in timed), default=0) / 1e9 or 1.0
    names = [_shorten(name_stream(stream), 13, _MOST_NAME_PX) for stream in rows]
    notes = [
        _shorten(describe_stream(report), 12, _MOST_NOTE_PX)
        for report in report_sync(rows)
    ]
    left = _EDGE_PX + max(_measure(name, 13) for name in names) + _GAP_PX
    widest = max(_measure(note, 12) for note in notes)
    span = _Span(left, _WIDTH_PX - _EDGE_PX - widest - _GAP_PX, end_s)
    title = _shorten(capture, 14, int(_WIDTH_PX - left - _EDGE_PX))
    _write(draw, (left, top + _TITLE_PX - 6), title, 14, _TEXT_COLOR, "ls")
    middle = top + _TITLE_PX + _ROW_PX / 2
    for stream, name, note in zip(rows, names, notes, strict=True):
        _write(draw, (left - _GAP_PX, middle), name, 13, _TEXT_COLOR, "rm")
        _draw_row(draw, span, middle, stream, start_ns)
        _write(draw, (span.right + _GAP_PX, middle), note, 12, _MUTED, "lm")
        middle += _ROW_PX
    _draw_scale(draw, span, top + _TITLE_PX, round(middle - _ROW_PX / 2))


def _draw_row(
    draw: ImageDraw.ImageDraw,
    span: _Span,
    middle: float,
    stream: Stream,
    start_ns: int,
) -> None:
    places = np.unique(
        np.round(
            span.left
            + (span.right - span.left) * (stream.t_ns - start_ns) / 1e9 / span.end_s
        )
    )
    width_px = 1 if len(places) < _DENSE else 3
    for x in places.tolist():
        ends = (x, middle - _TICK_PX / 2, x, middle + _TICK_PX / 2)
        draw.line(ends, fill=_TICK_COLOR, width=width_px)
    least_px = _LEAST_MISSING * (span.right - span.left)
    for skip_start, skip_end in find_skips(stream.t_ns):
        left = span.place((skip_start - start_ns) / 1e9)
        right = max(span.place((skip_end - start_ns) / 1e9), left + least_px)
        box = (left, middle - _MISSING_PX / 2, right, middle + _MISSING_PX / 2)
        draw.rectangle(box, fill=_MISSING_COLOR)


def _draw_scale(
    draw: ImageDraw.ImageDraw, span: _Span, top: float, bottom: float
) -> None:
    left = span.left - 3
    draw.line((left, top, left, bottom), fill=_TEXT_COLOR)
    draw.line((left, bottom, span.right, bottom), fill=_TEXT_COLOR)
    for number in range(int(span.end_s / span.step_s * 1.001) + 1):
        at_s = number * span.step_s
        x = span.place(at_s)
        draw.line((x, bottom, x, bottom + 4), fill=_TEXT_COLOR)
        _write(draw, (x, bottom + 7), f"{at_s:.6g}", 12, _TEXT_COLOR, "ma")
    what = "seconds since the first sample"
    place = ((span.left + span.right) / 2, bottom + 26)
    _write(draw, place, what, 12, _TEXT_COLOR, "ma")


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _measure(text: str, size_px: int) -> float:
    return _font(size_px).getlength(text)


def _shorten(text: str, size_px: int, width_px: int) -> str:
    """One line that is no wider."""
    text = " ".join(text.split())
    if _measure(text, size_px) <= width_px:
        return text
    while text and _measure(text + "…", size_px) > width_px:
        text = text[:-1]
    return text + "…"


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size_px: int,
    color: tuple[int, int, int],
    anchor: str,
) -> None:
    draw.text(place, text, fill=color, font=_font(size_px), anchor=anchor)
