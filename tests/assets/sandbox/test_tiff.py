"""Stored TIFFs are decoded in a child, for training too: the pixels are the same, and libtiff stays out of here."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from assets import images
from assets.formats.annotations.label_images import read_colours, read_numbers
from assets.images import EncodedImage, decode_depth, decode_luma, decode_rgb
from assets.sandbox import tiff_process

NOISE = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)


def save(pixels: np.ndarray, **options: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", **options)
    return stream.getvalue()


TIFFS = {
    "colour": save(NOISE),
    "lzw": save(NOISE, compression="tiff_lzw"),
    "grey": save(NOISE[..., 0], compression="tiff_adobe_deflate"),
    "alpha": save(np.dstack([NOISE, NOISE[..., 0]])),
    "deep": cv2.imencode(".tiff", NOISE.astype(np.uint16) * 200)[1].tobytes(),
}


def child() -> int:
    found = tiff_process._of_process[os.getpid()]._child
    assert found
    return found.pid


@pytest.mark.parametrize("name", TIFFS)
def test_pixels_are_those_that_a_decoder_here_gives(name, monkeypatch):
    found = decode_rgb(TIFFS[name]), decode_luma(TIFFS[name])
    read, reduction = EncodedImage(TIFFS[name]).read(0.5)
    monkeypatch.setattr(images, "_is_child", True)
    assert np.array_equal(found[0], decode_rgb(TIFFS[name]))
    assert np.array_equal(found[1], decode_luma(TIFFS[name]))
    assert np.array_equal(read, found[0]) and reduction == 1


@pytest.mark.parametrize("name", TIFFS)
def test_no_decoder_here_sees_a_tiff(name, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a TIFF is decoded in this process")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    monkeypatch.setattr(Image, "open", refuse)
    assert decode_rgb(TIFFS[name]).shape == (9, 14, 3)
    assert decode_luma(TIFFS[name]).shape == (9, 14)


def test_a_tiff_is_no_depth():
    with pytest.raises(ValueError, match="a TIFF, not a 16-bit PNG"):
        decode_depth(TIFFS["deep"])


def test_what_does_not_decode_is_an_error_and_the_next_decodes():
    with pytest.raises(ValueError, match="the header of the TIFF makes no sense"):
        decode_rgb(TIFFS["lzw"][:60])
    assert decode_rgb(TIFFS["lzw"]).shape == (9, 14, 3)


def test_a_tiff_that_costs_the_child_its_life_is_an_error_and_the_next_decodes():
    decode_rgb(TIFFS["lzw"])
    first = child()
    os.kill(first, signal.SIGSEGV)
    with pytest.raises(ValueError, match=r"decoder of a TIFF died \(signal 11\)"):
        decode_rgb(TIFFS["lzw"])
    assert decode_rgb(TIFFS["lzw"]).shape == (9, 14, 3) and child() != first


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc on this system")
def test_the_child_is_confined():
    decode_rgb(TIFFS["lzw"])
    status = Path(f"/proc/{child()}/status").read_text()
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status


def save_png(pixels: np.ndarray, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if image.mode != mode else image).save(stream, "PNG")
    return stream.getvalue()


def test_label_images_are_decoded_in_the_child_and_nowhere_else(monkeypatch):
    numbers, colours = save_png(NOISE[..., 0]), save_png(NOISE, "RGB")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a label image is decoded in this process")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    monkeypatch.setattr(Image, "open", refuse)
    assert np.array_equal(read_numbers(numbers), NOISE[..., 0])
    assert np.array_equal(read_colours(colours), NOISE)
    with pytest.raises(ValueError, match="a label image of 3 channels of 8 bits"):
        read_numbers(colours)
    with pytest.raises(ValueError, match="a label image that cannot be decoded"):
        read_numbers(numbers[:60])
    assert read_numbers(numbers).shape == (9, 14)
