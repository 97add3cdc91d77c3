"""How far sessions lie from what a model learnt from: a table of distances, one line a sensor, alarms filled.

Drawn from rows of the `drift` table. A test that could not be made is a dash, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.captions import name_sensor
from assets.foreign_text import for_plot
from assets.previews.plots import (
    THEMES,
    Theme,
    encode_figure,
    open_figure,
    shorten_for_plot,
)
from assets.tables.schemas.monitoring import WHOLE_SESSION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ORDER = (
    "brightness",
    "contrast",
    "sharpness",
    "crispness",
    "noise",
    "clipped_dark",
    "clipped_bright",
    "embedding",
)
_FULL_SD = 8.0  # a distance with the strongest tint of those without an alarm
_TINT = 0.35


@dataclass(frozen=True)
class _Line:
    """One line of the picture: the verdict on a session, or the distances of one of its sensors by statistic."""

    name: str
    verdict: Mapping[str, Any] | None
    tests: Mapping[str, Mapping[str, Any]]


def drift_plot(
    drift_rows: Sequence[Mapping[str, Any]], subject: str, theme: str = "light"
) -> bytes:
    """PNG of the distance of each statistic of each sensor from the reference, by session, and the sessions' verdicts.

    `drift_rows` are of one model, distances in standard deviations of the prediction. Raises ValueError for no rows.
    """
    if not drift_rows:
        raise ValueError("no session was checked for drift: there is nothing to draw")
    colors = THEMES[theme]
    lines = _list_lines(drift_rows)
    statistics = _list_statistics(drift_rows)
    figure, (axes,) = open_figure(
        "Drift: how far each session is from what the model learnt from",
        subject,
        colors,
        (9.2, 1.75 + 0.34 * len(lines)),
    )
    axes.grid(False)
    for y, line in enumerate(lines):
        if line.verdict is not None:
            _write_verdict(axes, y, line.verdict, colors)
        for x, statistic in enumerate(statistics):
            if statistic in line.tests:
                _draw_cell(axes, x, y, line.tests[statistic], colors)
    axes.set_xlim(-0.5, max(len(statistics), 1) - 0.5)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xticks(
        range(len(statistics)),
        [for_plot(name.replace("_", " ")) for name in statistics],
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(lines)), [line.name for line in lines])
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_color(colors.muted if line.verdict is None else colors.ink)
        label.set_fontweight("normal" if line.verdict is None else "bold")
    axes.set_xlabel(
        "distance from the reference in standard deviations of the prediction; filled: alarm; –: no test"
    )
    return encode_figure(figure)


def _list_lines(drift_rows: Sequence[Mapping[str, Any]]) -> list[_Line]:
    """By session: its verdict, then its sensors."""
    lines = []
    for session in sorted({row["session"] for row in drift_rows}):
        mine = [row for row in drift_rows if row["session"] == session]
        whole = [row for row in mine if row["statistic"] == WHOLE_SESSION]
        lines += [_Line(shorten_for_plot(session, 36), row, {}) for row in whole]
        tests = [row for row in mine if row["statistic"] != WHOLE_SESSION]
        for sensor in sorted({row["sensor"] for row in tests}):
            name = shorten_for_plot(name_sensor(sensor) or "pictures")
            if not whole:
                name = f"{shorten_for_plot(session, 36)} · {name}"
            of_sensor = {
                row["statistic"]: row for row in tests if row["sensor"] == sensor
            }
            lines.append(_Line(name, None, of_sensor))
    return lines


def _list_statistics(drift_rows: Sequence[Mapping[str, Any]]) -> list[str]:
    found = {row["statistic"] for row in drift_rows} - {WHOLE_SESSION}
    return [name for name in _ORDER if name in found] + sorted(found - {*_ORDER})


def _write_verdict(
    axes: Axes, y: int, verdict: Mapping[str, Any], colors: Theme
) -> None:
    is_drifted = verdict["is_drifted"]
    word = {None: "no verdict", False: "as before", True: "drifted"}[is_drifted]
    bound = f"alarm at {verdict['threshold']:g} or less"
    chance = verdict["p_value"]
    text = word if chance is None else f"{word}: p = {chance:.2g}, {bound}"
    color = {None: colors.muted, False: colors.ink, True: colors.alarm}[is_drifted]
    axes.text(-0.44, y, text, va="center", ha="left", fontsize=9, color=color)


def _draw_cell(
    axes: Axes, x: int, y: int, test: Mapping[str, Any], colors: Theme
) -> None:
    from matplotlib.patches import Rectangle

    distance = test["value"]
    is_tested = test["p_value"] is not None
    # a distance that is not finite is stored as null
    text = "–" if not is_tested else "∞" if distance is None else f"{distance:+.1f}"
    is_alarm = bool(test["is_drifted"])
    strength = min(abs(distance or 0.0) / _FULL_SD, 1.0) * _TINT if is_tested else 0.0
    fill = Rectangle(
        (x - 0.48, y - 0.43),
        0.96,
        0.86,
        color=colors.alarm if is_alarm else colors.series[0],
        alpha=1.0 if is_alarm else strength,
        linewidth=0,
    )
    axes.add_patch(fill)
    color = colors.ground if is_alarm else colors.ink if is_tested else colors.muted
    axes.text(x, y, text, va="center", ha="center", fontsize=9, color=color)
