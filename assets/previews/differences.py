"""Differences of two models by slice: a line each with its interval, filled where it is all on one side of zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.foreign_text import for_plot
from assets.previews.plots import (
    THEMES,
    encode_figure,
    open_figure,
    shorten_for_plot,
)

MAX_LINES = 40


@dataclass(frozen=True)
class Span:
    """One line: what it is of, the difference, and between what it may lie; None: too few recordings to tell."""

    name: str
    value: float
    bounds: tuple[float, float] | None

    @property
    def has_moved(self) -> bool:
        """Whether it is surely not zero."""
        return self.bounds is not None and (self.bounds[0] > 0 or self.bounds[1] < 0)


def differences_plot(
    spans: Sequence[Span], metric: str, subject: str, theme: str = "light"
) -> bytes:
    """PNG of at most MAX_LINES spans, from the top down. Raises ValueError for none."""
    if not spans:
        raise ValueError("no difference was measured: there is nothing to draw")
    colors = THEMES[theme]
    shown = spans[:MAX_LINES]
    figure, (axes,) = open_figure(
        "Difference, second less first", subject, colors, (9.2, 1.6 + 0.3 * len(shown))
    )
    axes.axvline(0, color=colors.muted, lw=1)
    for y, span in enumerate(shown):
        color = colors.muted
        if span.has_moved:
            color = colors.alarm if span.value < 0 else colors.series[0]
        if span.bounds is not None:
            axes.plot(list(span.bounds), [y, y], color=color, lw=2.2)
        axes.plot(
            [span.value],
            [y],
            "o",
            color=color,
            ms=6,
            mfc=color if span.has_moved else colors.ground,
        )
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks(range(len(shown)), [shorten_for_plot(s.name, 36) for s in shown])
    axes.set_xlabel(
        for_plot(f"{metric}; 95 % interval over recordings; a point alone: too few")
    )
    return encode_figure(figure)
