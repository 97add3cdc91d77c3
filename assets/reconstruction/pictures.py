"""Pictures of a calibration, drawn from stored rows: residuals by place, and what each view left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assets.foreign_text import for_markdown
from assets.previews.plots import (
    THEMES,
    Theme,
    encode_figure,
    open_figure,
    shorten_for_plot,
)

Row = Mapping[str, Any]
NUM_WORST = 5
_ARROW = 60.0  # a residual is drawn this many times as long
_MOST_ARROWS = 3000


def draw_residuals(
    cameras: Sequence[Row], views: Sequence[Row], theme: str = "light"
) -> bytes | None:
    """PNG: for each camera where the board was seen, and what is left there; None where nothing is calibrated."""
    able = [c for c in cameras if c["reason"] is None]
    if not able:
        return None
    colors = THEMES[theme]
    figure, axes = open_figure(
        f"Residuals of the calibration, {_ARROW:.0f} times as long",
        _subject(able),
        colors,
        (5.2 * len(able) + 0.4, 5.0),
        columns=len(able),
    )
    for camera, ax in zip(able, axes, strict=True):
        mine = [v for v in views if v["sensor"] == camera["sensor"] and v["residuals"]]
        _draw_camera(ax, camera, mine, colors)
    return encode_figure(figure)


def draw_views(
    cameras: Sequence[Row], views: Sequence[Row], theme: str = "light"
) -> bytes | None:
    """PNG: root mean square of what each view left, a bar a picture; None where nothing is calibrated."""
    able = [c for c in cameras if c["reason"] is None]
    if not able:
        return None
    colors = THEMES[theme]
    figure, (ax,) = open_figure(
        "What each view left", _subject(able), colors, (8.0, 3.2)
    )
    for number, camera in enumerate(able):
        mine = [
            v
            for v in views
            if v["sensor"] == camera["sensor"] and v["rms_px"] is not None
        ]
        width = 0.8 / len(able)
        at = np.array([v["view"] for v in mine]) + (number + 0.5) * width - 0.4
        label = shorten_for_plot(camera["sensor"])
        color = colors.series[number % len(colors.series)]
        ax.bar(at, [v["rms_px"] for v in mine], width, color=color, label=label)
    ax.set_xlabel("view")
    ax.set_ylabel("root mean square [px]")
    ax.legend(frameon=False, fontsize=8.5, labelcolor=colors.ink)
    return encode_figure(figure)


def list_worst(views: Sequence[Row], paths: Mapping[str, str]) -> str:
    """A Markdown table of the views that left most; `paths` names a picture by its frame."""
    known = sorted(
        (v for v in views if v["rms_px"] is not None), key=lambda v: -v["rms_px"]
    )
    if not known:
        return "no view is calibrated"
    lines = ["| picture | camera | points | left [px] |", "|---|---|---|---|"]
    for v in known[:NUM_WORST]:
        name = paths.get(v["frame_id"], v["frame_id"])
        cells = (name, v["sensor"], str(v["num_points"]), f"{v['rms_px']:.2f}")
        lines.append("| " + " | ".join(map(for_markdown, cells)) + " |")
    return "\n".join(lines)


def list_parameters(cameras: Sequence[Row]) -> str:
    """A Markdown table of the cameras: intrinsics with standard errors and what is left, or why there is none."""
    lines = [
        "| camera | focal lengths [px] | centre [px] | left [px] | alone [px] | noise [px] | coverage |",
        "|" + "---|" * 7,
    ]
    for c in cameras:
        if c["reason"] is not None:
            cells = (c["sensor"], c["reason"], *[""] * 5)
        else:
            cells = (
                c["sensor"],
                f"{_tell(c, 0, 'fx_px')}, {_tell(c, 1, 'fy_px')}",
                f"{_tell(c, 2, 'cx_px')}, {_tell(c, 3, 'cy_px')}",
                f"{c['rms_px']:.3f}",
                f"{c['rms_alone_px']:.3f}",
                f"{c['noise_px']:.3f}",
                f"{100 * c['coverage']:.0f} %",
            )
        lines.append("| " + " | ".join(map(for_markdown, cells)) + " |")
    return "\n".join(lines)


def _tell(camera: Row, number: int, column: str) -> str:
    sigmas = camera["parameter_sigmas"]
    error = "" if sigmas is None else f" ± {sigmas[number]:.2f}"
    return f"{camera[column]:.2f}{error}"


def _subject(cameras: Sequence[Row]) -> str:
    first = cameras[0]
    return f"session {first['session']}, {first['board']}, {first['distortion_model']}"


def _draw_camera(ax: Any, camera: Row, views: Sequence[Row], colors: Theme) -> None:
    pixels = np.concatenate([np.reshape(v["pixels"], (-1, 2)) for v in views])
    residuals = np.concatenate([np.reshape(v["residuals"], (-1, 2)) for v in views])
    step = max(1, len(pixels) // _MOST_ARROWS)
    pixels, residuals = pixels[::step], residuals[::step]
    ax.plot(*pixels.T, ".", color=colors.muted, ms=1.5)
    ax.quiver(
        *pixels.T,
        *(_ARROW * residuals).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.0016,
        color=colors.accent,
    )
    ax.set_xlim(0, camera["width_px"])
    ax.set_ylim(camera["height_px"], 0)
    ax.set_aspect("equal")
    ax.set_xlabel(f"{shorten_for_plot(camera['sensor'])}: x [px]")
    ax.set_ylabel("y [px]")
