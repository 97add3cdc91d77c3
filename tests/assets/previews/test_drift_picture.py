"""The picture of drift: each distance stands where its sensor and statistic meet, and what was not tested is a dash."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from assets.previews import drift
from assets.previews.drift import drift_plot

SUBJECT = "daguerre-detection v2 · release 1a2b3c4d"


def tell(
    session: str, sensor: str, statistic: str, value: float | None, **more: Any
) -> dict[str, Any]:
    return {
        "session": session,
        "sensor": sensor,
        "statistic": statistic,
        "value": value,
        "p_value": 0.5,
        "threshold": 0.01,
        "is_drifted": False,
        **more,
    }


ROWS = [
    tell("dusk", "all", "session", -9.4, p_value=2e-7, is_drifted=True),
    tell("dusk", "cam_left", "embedding", 1.25),
    tell("dusk", "cam_left", "brightness", -9.4, p_value=1e-7, is_drifted=True),
    tell("dusk", "cam_left", "noise", None, p_value=1e-300, is_drifted=True),
    tell("noon", "all", "session", None, p_value=None, is_drifted=None),
    tell("noon", "camera", "brightness", None, p_value=None, is_drifted=None),
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures, in the order in which they are drawn."""
    figures: list[Figure] = []
    encode = drift.encode_figure

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return encode(figure)

    monkeypatch.setattr(drift, "encode_figure", keep)
    return figures


def read_texts(figure: Figure) -> dict[tuple[float, float], str]:
    """What is written in the picture, by its place."""
    return {text.get_position(): text.get_text() for text in figure.axes[0].texts}


def test_each_distance_stands_at_its_sensor_and_statistic(drawn: list[Figure]) -> None:
    drift_plot(ROWS, SUBJECT)
    axes = drawn[0].axes[0]
    # statistics in their order; a session, then its sensors; pictures have no sensor's name
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns == ["brightness", "noise", "embedding"]
    lines = [label.get_text() for label in axes.get_yticklabels()]
    assert lines == ["dusk", "cam_left", "noon", "pictures"]
    texts = read_texts(drawn[0])
    assert (texts[0, 1], texts[2, 1]) == ("-9.4", "+1.2")
    # a distance without bound is stored as null; a test that could not be made has no p-value
    assert (texts[1, 1], texts[0, 3]) == ("∞", "–")
    assert texts[-0.44, 0] == "drifted: p = 2e-07, alarm at 0.01 or less"
    assert texts[-0.44, 2] == "no verdict"


def test_alarms_alone_are_filled(drawn: list[Figure]) -> None:
    drift_plot(ROWS, SUBJECT)
    alphas = {
        (round(cell.get_x() + 0.48), round(cell.get_y() + 0.43)): cell.get_alpha()
        for cell in drawn[0].axes[0].patches
    }
    assert alphas[0, 1] == alphas[1, 1] == 1.0
    assert 0 < alphas[2, 1] < 0.5
    assert alphas[0, 3] == 0


def test_a_sensor_without_a_verdict_of_its_session_names_the_session(
    drawn: list[Figure],
) -> None:
    drift_plot(ROWS[1:3], SUBJECT)
    (label,) = drawn[0].axes[0].get_yticklabels()
    assert label.get_text() == "dusk · cam_left"
