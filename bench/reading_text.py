"""Text in pictures: how much of what signs say is read, and what it costs.

Pictures with four drawn signs each (`bench/drawn_texts.py`), by their size and by the height of their letters. Stated
are the share of words that a text holds as they were drawn, without regard to capitals; the share of signs whose box
overlaps that of a text by half or more; texts that lie on no sign; and processor and wall time a picture, in one
thread.
Needs what reads: pip install 'daguerre[ocr]'

Run: python -m bench.reading_text [--pictures 20] [--json]
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.inference.text_reader import Shown, TextReader, find_reader
from bench.drawn_texts import Sign, draw_picture
from bench.printing import make_parser, print_figures

# width, height of pictures, least and greatest height of letters, in px
_SETS = (
    (320, 240, 10, 16),
    (640, 480, 16, 40),
    (1280, 720, 16, 40),
    (1920, 1080, 12, 20),
    (1920, 1080, 24, 60),
)


@dataclass
class _Counts:
    words: int = 0
    words_read: int = 0
    signs: int = 0
    signs_placed: int = 0
    texts: int = 0
    texts_nowhere: int = 0


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=20)
    asked = parser.parse_args()
    reader = find_reader(1)
    reader.read(draw_picture(0)[0])  # loads the nets
    figures = {
        f"{width} x {height}, letters of {least} to {most} px": _measure(
            reader, width, height, least, most, asked.pictures
        )
        for width, height, least, most in _SETS
    }
    print_figures(figures, asked.json)


def _measure(
    reader: TextReader, width: int, height: int, least: int, most: int, count: int
) -> dict[str, Any]:
    drawn = [
        draw_picture(n, width, height, sizes_px=(least, most)) for n in range(count)
    ]
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    shown = [reader.read(picture) for picture, _ in drawn]
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    counts = _Counts()
    for (_, signs), found in zip(drawn, shown, strict=True):
        _count(counts, signs, found)
    return {
        "words_read": round(counts.words_read / counts.words, 3),
        "signs_placed": round(counts.signs_placed / counts.signs, 3),
        "texts": counts.texts,
        "texts_on_no_sign": counts.texts_nowhere,
        "cpu_ms": round(cpu_s * 1e3 / count),
        "wall_ms": round(wall_s * 1e3 / count),
    }


def _count(counts: _Counts, signs: Sequence[Sign], shown: Shown) -> None:
    read = {word for text in shown.texts for word in text.lower().split()}
    boxes = [sign.box_xyxy for sign in signs]
    for sign in signs:
        words = sign.text.lower().split()
        counts.words += len(words)
        counts.words_read += sum(word in read for word in words)
        counts.signs += 1
        counts.signs_placed += any(_list_overlaps(sign.box_xyxy, shown.boxes_xyxy, 0.5))
    counts.texts += len(shown.texts)
    for box in shown.boxes_xyxy:
        counts.texts_nowhere += not any(_list_overlaps(tuple(box), boxes, 0.1))


def _list_overlaps(box: Sequence[float], others: Any, least: float) -> Iterator[bool]:
    for other in np.reshape(others, (-1, 4)):
        sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
        shared = float(np.prod(np.maximum(sides, 0)))
        areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
        yield shared / (sum(areas) - shared) >= least


if __name__ == "__main__":
    main()
