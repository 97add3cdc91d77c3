"""Charts of stored figures as PNG bytes: confusion, precision-recall, reliability and learning.

Every title is followed by `subject`, a line that names the model version and the release. Figures are made without
pyplot, so nothing is global and nothing stays open. `theme` is "light" or "dark".
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from assets.foreign_text import for_plot
from models.metrics.calibration import CalibrationResult
from models.metrics.detection import ClassFigures, DetectionResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
# above this, cells are too small for numbers
MAX_NAMED_CLASSES = 24
MAX_PAIRS = 24  # of classes that are taken for each other
MAX_CURVES = 12  # with a colour and a name
MAX_ABOVE = 4  # entries of a legend above its axes; longer ones stand at the right
METRIC_PREFIX = "val_"  # of what a history says about validation; its other figures are rates and costs


@dataclass(frozen=True)
class Theme:
    """Colours of one background. `series` has the hues of pictures.color_classes, in its order."""

    ground: str
    ink: str
    muted: str
    grid: str
    accent: str
    alarm: str
    series: tuple[str, ...]


THEMES = {
    "light": Theme(
        "#fffdf9",
        "#26221d",
        "#7b7267",
        "#e6dfd3",
        "#b4562b",
        "#c2274b",
        (
            "#2f6f8f",
            "#b4562b",
            "#5b7f3a",
            "#8a4f9e",
            "#b08a1e",
            "#a8416b",
            "#4a8f84",
            "#7a5c3a",
        ),
    ),
    "dark": Theme(
        "#1e1b18",
        "#efe8dd",
        "#a3998b",
        "#38332d",
        "#e58a58",
        "#ff6f8b",
        (
            "#6fb7d8",
            "#e58a58",
            "#a3c977",
            "#c894dc",
            "#e0c062",
            "#e88cb3",
            "#80cabd",
            "#c2a582",
        ),
    ),
}


def confusion_matrix_plot(
    confusion: NDArray[np.int64],
    class_names: Sequence[str],
    subject: str,
    theme: str = "light",
) -> bytes:
    """Counts, coloured by the share of their row (the true class); of many classes the worst pairs alone.

    A matrix with one row and column more than there are names is one of detection: false boxes below, misses right.
    """
    from matplotlib.colors import LinearSegmentedColormap

    colors = THEMES[theme]
    count = len(confusion)
    if count > MAX_NAMED_CLASSES:
        return _draw_worst_pairs(confusion, class_names, subject, colors)
    has_background = len(confusion) > len(class_names)
    true_names = [shorten_for_plot(n) for n in class_names] + [
        "(nothing)"
    ] * has_background
    predicted_names = [shorten_for_plot(n) for n in class_names] + [
        "(missed)"
    ] * has_background
    share = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    side = float(np.clip(1.6 + 0.52 * count, 4.8, 9.0))
    figure, (axes,) = open_figure(
        "Confusion matrix", subject, colors, (side + 1.2, side)
    )
    ramp = LinearSegmentedColormap.from_list("share", [colors.ground, colors.accent])
    mesh = axes.imshow(share, cmap=ramp, vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    axes.set_xticks(
        range(count),
        predicted_names,
        rotation=40,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(count), true_names)
    for row, column in np.ndindex(confusion.shape):
        is_zero = confusion[row, column] == 0
        color = (
            colors.grid
            if is_zero
            else colors.ground
            if share[row, column] > 0.55
            else colors.ink
        )
        size = 9.5 if count < 13 else 6.5
        # nothing found where nothing is: not countable
        if not (has_background and row == column == count - 1):
            axes.text(
                column,
                row,
                f"{confusion[row, column]}",
                ha="center",
                va="center",
                fontsize=size,
                color=color,
            )
    bar = figure.colorbar(mesh, ax=axes, fraction=0.045, pad=0.03)
    bar.set_label("share of the true class", color=colors.muted)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, colors=colors.muted, labelsize=8)
    return encode_figure(figure)


def _draw_worst_pairs(
    confusion: NDArray[np.int64],
    class_names: Sequence[str],
    subject: str,
    colors: Theme,
) -> bytes:
    """The most frequent mistakes as bars, each with the share of its true class. What is no object is no class."""
    names = [shorten_for_plot(n, 30) for n in class_names]
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = [np.unravel_index(at, wrong.shape) for at in order]
    pairs = [pair for pair in pairs if wrong[pair]]
    shown = sum(int(wrong[pair]) for pair in pairs)
    title = f"Confusion: {shown:,} of {int(wrong.sum()):,} mistakes, by pair of classes"
    height = 1.6 + 0.27 * max(len(pairs), 4)
    figure, (axes,) = open_figure(title, subject, colors, (7.2, height))
    places = range(len(pairs))
    counts = [int(wrong[pair]) for pair in pairs]
    axes.barh(places, counts, color=colors.accent, alpha=0.85)
    for place, (row, column) in enumerate(pairs):
        share = ""
        if row < len(names):
            share = f"  {100 * wrong[row, column] / confusion[row].sum():.0f} % of it"
        axes.text(
            counts[place],
            place,
            f" {counts[place]:,}{share}",
            va="center",
            fontsize=8,
            color=colors.muted,
        )
    labels = [
        f"{names[row] if row < len(names) else '(nothing)'} → "
        f"{names[column] if column < len(names) else '(missed)'}"
        for row, column in pairs
    ]
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.set(xlabel="times", xlim=(0, 1.25 * max(counts, default=1)))
    axes.set_title(
        "true class → predicted class", loc="left", fontsize=8.5, color=colors.muted
    )
    axes.grid(visible=False, axis="y")
    return encode_figure(figure)


def pr_curves_plot(
    result: DetectionResult,
    class_names: Sequence[str],
    subject: str,
    theme: str = "light",
) -> bytes:
    """Precision over recall at IoU 0.5, one line a class; the legend names classes without an object.

    Of many classes the worst have a colour and a name, and all others are grey.
    """
    colors = THEMES[theme]
    ranked = sorted(
        result.per_class, key=lambda c: -1.0 if c.ap50 is None else c.ap50, reverse=True
    )
    measured = [c for c in ranked if c.ap50 is not None]
    is_crowded = len(ranked) > MAX_CURVES
    named = measured[-MAX_CURVES:] if is_crowded else ranked
    title = "Precision and recall at IoU 0.5"
    if is_crowded:
        title += f": the {len(named)} worst of {len(measured)} classes"
    figure, (axes,) = open_figure(title, subject, colors, (7.2, 4.8))
    for figures in measured[: -len(named)] if is_crowded else ():
        _draw_curve(axes, figures, color=colors.grid, lw=1)
    for place, figures in enumerate(named):
        number = place if is_crowded else figures.class_id
        style = ("-", "--", ":")[number // len(colors.series) % 3]
        color = colors.series[number % len(colors.series)]
        found = "no objects" if figures.ap50 is None else f"{figures.ap50:.3f}"
        _draw_curve(
            axes,
            figures,
            ls=style,
            lw=2,
            color=colors.muted if figures.ap50 is None else color,
            label=f"{shorten_for_plot(class_names[figures.class_id])}  {found}",
        )
    axes.set(
        xlabel="recall (share of objects found)",
        ylabel="precision (share of boxes that are right)",
    )
    axes.set(xlim=(0, 1.005), ylim=(0, 1.02))
    _add_legend(axes, colors, "class  AP50")
    return encode_figure(figure)


def _draw_curve(axes: Axes, figures: ClassFigures, **style: Any) -> None:
    """Precision is 0 from the highest recall reached: the line ends there. Without an object there is none."""
    precision = figures.precision50
    if precision is None:
        axes.plot([], [], **style)
        return
    reached = precision > 0
    axes.plot(figures.recall[reached], precision[reached], **style)


def reliability_plot(
    result: CalibrationResult, subject: str, theme: str = "light"
) -> bytes:
    """How often predictions are right over how sure they are, above the number of predictions in each bin."""
    colors = THEMES[theme]
    title = f"Reliability: calibration error {result.ece:.3f}"
    figure, (axes, below) = open_figure(title, subject, colors, (7.2, 4.8), rows=(3, 1))
    middles = [(b.low + b.high) / 2 for b in result.bins]
    width = min(b.high - b.low for b in result.bins) * 0.9
    heights = [b.accuracy for b in result.bins]
    axes.bar(
        middles,
        heights,
        width,
        color=colors.accent,
        alpha=0.85,
        label="share that is right",
    )
    axes.plot(
        [0, 1], [0, 1], "--", color=colors.muted, lw=1.2, label="perfect calibration"
    )
    means = [b.mean_confidence for b in result.bins]
    axes.plot(means, heights, "o", ms=4, color=colors.ink, label="bin mean")
    axes.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    axes.tick_params(labelbottom=False)
    _add_legend(axes, colors, None)
    below.bar(middles, [b.num_samples for b in result.bins], width, color=colors.muted)
    below.set(
        xlabel="confidence (predicted probability)", ylabel="predictions", xlim=(0, 1)
    )
    return encode_figure(figure)


def learning_curve_plot(
    history: Sequence[Mapping[str, Any]], subject: str, theme: str = "light"
) -> bytes:
    """Losses (keys with "loss") beside validation metrics (keys that begin with "val_"), over the key "epoch",
    counted from 1 as the command line does; a line marks the epoch with `is_kept`, whose weights the model has.

    Epochs without a value have no point. Raises ValueError for an empty history.
    """
    from matplotlib.ticker import MaxNLocator

    if not history:
        raise ValueError(
            "the training history is empty: a learning curve needs at least one epoch"
        )
    colors = THEMES[theme]
    keys = sorted({k for entry in history for k in entry})
    losses = [k for k in keys if "loss" in k]
    metrics = [k for k in keys if k.startswith(METRIC_PREFIX)]
    panels = [
        (names, label)
        for names, label in ((losses, "loss"), (metrics, "validation metric"))
        if names
    ]
    figure, all_axes = open_figure(
        "Learning curve", subject, colors, (7.2, 4.8), columns=max(1, len(panels))
    )
    for axes, (names, label) in zip(all_axes, panels, strict=False):
        for place, name in enumerate(names):
            points = [
                (entry["epoch"] + 1, entry[name])
                for entry in history
                if entry.get(name) is not None
            ]
            style = "o-" if len(points) < 30 else "-"
            color = colors.series[place % len(colors.series)]
            axes.plot(
                *np.array(points, float).reshape(-1, 2).T,
                style,
                ms=3.5,
                lw=2,
                color=color,
                label=name,
            )
        for kept in (entry["epoch"] + 1 for entry in history if entry.get("is_kept")):
            axes.axvline(kept, ls=":", color=colors.muted, label="kept")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
        _add_legend(axes, colors, None)
    return encode_figure(figure)


def open_figure(
    title: str,
    subject: str,
    colors: Theme,
    size_in: tuple[float, float],
    rows: Sequence[int] = (1,),
    columns: int = 1,
) -> tuple[Figure, list[Axes]]:
    """A figure in the colours of a theme, its title above its subject, and its axes by row. `size_in` in inches."""
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(
        figsize=size_in, dpi=DPI, facecolor=colors.ground, layout="constrained"
    )
    grid = figure.subplots(
        len(rows), columns, squeeze=False, gridspec_kw={"height_ratios": list(rows)}
    )
    for axes in grid.flat:
        axes.set_facecolor(colors.ground)
        axes.grid(color=colors.grid, lw=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, colors=colors.muted, labelsize=9)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.xaxis.label.set(color=colors.muted, size=9.5)
        axes.yaxis.label.set(color=colors.muted, size=9.5)
    figure.suptitle(
        f"{for_plot(title)}\n",
        linespacing=1.5,
        x=0.012,
        ha="left",
        fontsize=12.5,
        fontweight="bold",
        color=colors.ink,
    )
    figure.text(
        0.012,
        1 - 0.40 / size_in[1],
        for_plot(subject),
        ha="left",
        va="top",
        fontsize=8.5,
        color=colors.muted,
    )
    return figure, list(grid.flat)


def _add_legend(axes: Axes, colors: Theme, title: str | None) -> None:
    """Beside the axes, where it covers no curve: a short one above them, a longer one at their right."""
    num_entries = len(axes.get_legend_handles_labels()[0])
    is_short = num_entries <= MAX_ABOVE
    legend = axes.legend(
        title=title,
        loc="lower left" if is_short else "upper left",
        bbox_to_anchor=(0, 1) if is_short else (1.01, 1),
        ncols=2 if is_short else 1,
        frameon=False,
        fontsize=8.5,
        title_fontsize=8.5,
        alignment="left",
    )
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_color(colors.ink)


def shorten_for_plot(name: str, length: int = 22) -> str:
    """At most `length` characters of a name from outside, as a plot shows it."""
    return for_plot(name if len(name) <= length else name[: length - 1] + "…")


def encode_figure(figure: Figure) -> bytes:
    """PNG of few colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Pillow.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    buffer = io.BytesIO()  # few colours: a palette takes a third of the bytes
    drawn.quantize(128, dither=Pillow.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
