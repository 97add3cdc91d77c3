"""Draw how a training went, from its history."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any


def learning_curve_png(history: Sequence[Mapping[str, Any]]) -> bytes:
    """PNG of the training loss and the validation metric over epochs. Raises ValueError for an empty history."""
    from matplotlib.figure import Figure

    if not history:
        raise ValueError("the training history is empty: a learning curve needs at least one epoch")
    figure = Figure(figsize=(7.0, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    metrics = sorted({name for row in history for name in row if name.startswith("val_")})
    for axes, names, label in ((left, ["train_loss"], "training loss"), (right, metrics, "validation metric")):
        for name in names:
            points = [(row["epoch"] + 1, row[name]) for row in history if name in row]
            axes.plot(*zip(*points, strict=True), "o-", markersize=3, label=name)
        axes.set(xlabel="epoch", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend()
    right.set_ylim(0, 1.02)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()
