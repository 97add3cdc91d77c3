"""Charts of one exam by slice: each slice's figure with its interval, and what spoilt pictures cost by strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assets.foreign_text import for_plot
from assets.previews.differences import Span
from assets.previews.plots import (
    THEMES,
    encode_figure,
    open_figure,
    shorten_for_plot,
)

MAX_LINES = 40
Strengths = Mapping[int, Span]  # 0: the pictures as they are
_COLUMNS = 3


def slices_plot(
    spans: Sequence[Span],
    whole: float,
    metric: str,
    subject: str,
    theme: str = "light",
) -> bytes:
    """PNG of at most MAX_LINES slices, from the top down, beside the figure over all frames, in [0, 1].

    Slices that are surely below it are filled. Raises ValueError for none.
    """
    if not spans:
        raise ValueError("no slice was measured: there is nothing to draw")
    colors = THEMES[theme]
    shown = spans[:MAX_LINES]
    title = f"{metric} by slice"
    if len(shown) < len(spans):
        title += f": {len(shown)} of {len(spans)}"
    figure, (axes,) = open_figure(
        title, subject, colors, (9.2, 1.7 + 0.28 * len(shown))
    )
    axes.axvline(whole, color=colors.muted, lw=1.2, ls="--")
    for y, span in enumerate(shown):
        is_worse = span.bounds is not None and span.bounds[1] < whole
        color = colors.alarm if is_worse else colors.series[0]
        if span.bounds is not None:
            axes.plot(list(span.bounds), [y, y], color=color, lw=2.2)
        face = color if is_worse else colors.ground
        axes.plot([span.value], [y], "o", color=color, ms=6, mfc=face)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(*_frame(shown, whole))
    axes.set_yticks(range(len(shown)), [shorten_for_plot(s.name, 36) for s in shown])
    told = f"{metric}; dashed: all frames; lines: 95 % of draws of recordings"
    axes.set_xlabel(for_plot(told))
    return encode_figure(figure)


def spoilt_plot(
    strengths_of: Mapping[str, Strengths],
    metric: str,
    subject: str,
    theme: str = "light",
) -> bytes:
    """PNG of a panel a corruption: the figure in [0, 1] over the strength, with its interval where there is one.

    Raises ValueError for none.
    """
    if not strengths_of:
        raise ValueError("no spoilt picture was asked about: there is nothing to draw")
    colors = THEMES[theme]
    num_rows = -(-len(strengths_of) // _COLUMNS)
    figure, panels = open_figure(
        f"{metric} on spoilt pictures",
        subject,
        colors,
        (9.2, 1.2 + 1.75 * num_rows),
        rows=[1] * num_rows,
        columns=_COLUMNS,
    )
    for axes, (name, spans) in zip(panels, strengths_of.items(), strict=False):
        strengths = sorted(spans)
        values = [spans[s].value for s in strengths]
        lows, highs = (
            [(spans[s].bounds or (np.nan, np.nan))[side] for s in strengths]
            for side in (0, 1)
        )
        axes.fill_between(strengths, lows, highs, color=colors.accent, alpha=0.2, lw=0)
        axes.plot(strengths, values, "o-", color=colors.accent, ms=4, lw=2)
        axes.axhline(values[0], color=colors.muted, lw=1, ls="--")
        axes.set(xlim=(-0.2, 5.2), ylim=(0, 1.05), xticks=strengths)
        title = shorten_for_plot(name.replace("_", " "))
        axes.set_title(title, loc="left", fontsize=9.5, color=colors.ink)
    for axes in panels[len(strengths_of) :]:
        axes.set_visible(False)
    return encode_figure(figure)


def _frame(spans: Sequence[Span], whole: float) -> tuple[float, float]:
    """From a little below what is drawn to a little above it."""
    drawn = [whole, *(s.value for s in spans)]
    drawn += [bound for s in spans for bound in s.bounds or ()]
    room = max(0.02, 0.06 * (max(drawn) - min(drawn)))
    return max(0.0, min(drawn) - room), min(1.0, max(drawn)) + room
