"""The timeline is drawn without a library for plots, and text from outside neither fails nor reaches over the edge."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from assets.capture.timeline import draw_timeline
from assets.clocks.offsets import Stream

ROWS = [Stream("camera", "color", np.arange(20, dtype=np.int64) * 100_000_000, 20)]


def read(png: bytes | None) -> np.ndarray:
    assert png is not None
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("name", ["$x$ and $", "{0}\n\x00 two", "ß" * 3000, "", "日本"])
def test_any_name_is_drawn_within_the_picture(name: str) -> None:
    rows = [Stream(name, "color", ROWS[0].t_ns, 20)]
    picture = read(draw_timeline({name: rows}))
    assert picture.shape == read(draw_timeline({"a": ROWS})).shape
    assert (picture[:, -8:] == 255).all()


def test_a_row_has_a_tick_a_sample() -> None:
    picture = read(draw_timeline({"a": ROWS}))
    is_tick = (np.abs(picture.astype(int) - (143, 111, 47)) < 12).all(axis=2).any(0)
    assert np.diff(is_tick.astype(int)).clip(0).sum() == 20


def test_no_library_for_plots_is_loaded() -> None:
    code = (
        "import sys, numpy as np\n"
        "from assets.clocks.offsets import Stream\n"
        "from assets.capture.timeline import draw_timeline\n"
        "draw_timeline({'a': [Stream('b', 'color', np.arange(9), 9)]})\n"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
