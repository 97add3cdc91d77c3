"""Text is read from drawn pictures, by the published nets alone, and nothing is fetched."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import requests

from assets.inference import text_reader
from assets.inference.text_reader import (
    NoTextReader,
    TextReader,
    find_reader,
)
from bench.drawn_texts import draw_picture


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return find_reader(1)


def test_drawn_signs_are_read_where_they_stand_and_nothing_is_fetched(
    reader, monkeypatch
):
    monkeypatch.setattr(requests, "get", lambda *_, **__: pytest.fail("it fetches"))
    picture, signs = draw_picture(3, 320, 240, num_signs=2, sizes_px=(24, 28), most_deg=4)  # fmt: skip
    shown = reader.read(picture)
    letters = [re.sub(r"\W", "", text).lower() for text in shown.texts]
    assert letters == [sign.text.replace(" ", "").lower() for sign in signs]
    assert shown.num_left_out == 0 and (shown.scores > 0.8).all()
    for sign, (left, top, right, bottom) in zip(signs, shown.boxes_xyxy, strict=True):
        x_min, y_min, x_max, y_max = sign.box_xyxy
        assert left < (x_min + x_max) / 2 < right and top < (y_min + y_max) / 2 < bottom
    row = shown.to_row()
    assert len(row["boxes_xyxy"]) == 8 and row["texts"] == list(shown.texts)


def test_a_picture_without_text_has_none(reader):
    shown = reader.read(np.full((64, 64, 3), 90, np.uint8))
    assert (shown.texts, shown.boxes_xyxy.shape, shown.num_left_out) == ((), (0, 4), 0)


def test_texts_beyond_the_most_are_counted(reader, lower):
    picture, _ = draw_picture(3, 320, 240, num_signs=2, sizes_px=(24, 28), most_deg=4)
    lower(text_reader, MOST_TEXTS=1, _MOST_CHARACTERS=3)
    shown = reader.read(picture)
    assert len(shown.texts[0]) == 3 and shown.num_left_out == 1


def test_texts_that_are_unsure_are_counted(reader, monkeypatch):
    picture, _ = draw_picture(3, 320, 240, num_signs=2, sizes_px=(24, 28), most_deg=4)
    monkeypatch.setattr(text_reader, "LEAST_SCORE", 1.01)
    shown = reader.read(picture)
    assert shown.texts == () and shown.num_left_out == 2


def test_nets_that_are_not_the_published_ones_are_refused(reader, tmp_path):
    for path in map(Path, reader._paths.values()):
        shutil.copy(path, tmp_path)
    changed = tmp_path / "PP-OCRv6_rec_small.onnx"
    changed.write_bytes(changed.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"rec_small.onnx is not the net as it was pub"
    ):
        TextReader(tmp_path)


def test_without_the_package_it_is_named(monkeypatch):
    def lacks(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", lacks)
    with pytest.raises(NoTextReader, match=r"'rapidocr' is not installed.*pip install"):
        find_reader()
