"""How an IMU sits, and where down is, for a person: a table, and the axes of cameras drawn in those of the IMU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from assets.foreign_text import for_markdown
from assets.previews.plots import (
    THEMES,
    encode_figure,
    open_figure,
    shorten_for_plot,
)

Row = Mapping[str, Any]
_MOST = 12  # cameras drawn, lines of a table
_AXES = (("x", "right"), ("y", "down"), ("z", "ahead"))
_PLANES = ((0, 1), (0, 2), (1, 2))  # of the IMU's axes


def list_mounts(mounts: Sequence[Row], gravities: Sequence[Row]) -> str:
    """A Markdown table: a line a camera and a line a capture, figures with standard errors or the reason."""
    lines = ["| capture | what | found |", "|---|---|---|"]
    for row in [*mounts[:_MOST], *gravities[:_MOST]]:
        is_mount = "imu_from_camera" in row
        what = row["sensor"] if is_mount else "gravity"
        told = tell_mount(row) if is_mount else tell_gravity(row)
        cells = (row["capture_id"][:8], what, told)
        lines.append("| " + " | ".join(map(for_markdown, cells)) + " |")
    return "\n".join(lines)


def tell_mount(row: Row) -> str:
    """One line of a camera."""
    if row["reason"] is not None:
        return str(row["reason"])
    turned = Rotation.from_quat(row["imu_from_camera"]).as_matrix()
    axes = [
        f"{name} ({way}) {_tell_vector(turned[:, i])}"
        for i, (name, way) in enumerate(_AXES)
    ]
    off = row["stated_off_deg"]
    stated = "" if off is None else f", {off:.2f} deg from what is stated"
    return (
        f"{', '.join(axes)} in the IMU's axes, ± {row['sigma_deg']:.2f} deg{stated}; "
        f"{row['lag_ms']:+.1f} ± {row['lag_sigma_ms']:.1f} ms behind it"
    )


def tell_gravity(row: Row) -> str:
    """One line of a capture."""
    if row["reason"] is not None:
        return str(row["reason"])
    down = np.array(row["gravity_m_s2"]) / row["size_m_s2"]
    return (
        f"down is {_tell_vector(down)} ± {row['sigma_deg']:.2f} deg in the frame of {row['sensor']}, "
        f"{row['size_m_s2']:.3f} ± {row['size_sigma_m_s2']:.3f} m/s^2"
    )


def draw_mounts(mounts: Sequence[Row], theme: str = "light") -> bytes | None:
    """PNG: the axes of each camera in the three planes of the IMU's axes; None where no mount is known."""
    able = [m for m in mounts if m["reason"] is None][:_MOST]
    if not able:
        return None
    colors = THEMES[theme]
    subject = f"session {able[0]['session']}"
    figure, planes = open_figure(
        "Cameras in the axes of the IMU", subject, colors, (10.2, 4.0), columns=3
    )
    for ax, plane in zip(planes, _PLANES, strict=True):
        for number, row in enumerate(able):
            turned = Rotation.from_quat(row["imu_from_camera"]).as_matrix()
            color = colors.series[number % len(colors.series)]
            for i, (name, _) in enumerate(_AXES):
                end = turned[list(plane), i]
                label = shorten_for_plot(row["sensor"]) if i == 0 else None
                ax.plot([0, end[0]], [0, end[1]], color=color, lw=1.6, label=label)
                ax.annotate(name, end, color=color, fontsize=8.5)
        ax.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
        ax.set_xlabel(f"{'xyz'[plane[0]]} of the IMU")
        ax.set_ylabel(f"{'xyz'[plane[1]]} of the IMU")
    planes[0].legend(frameon=False, fontsize=8, labelcolor=colors.ink, loc="best")
    return encode_figure(figure)


def _tell_vector(vector: np.ndarray) -> str:
    return "(" + " ".join(f"{v:+.3f}" for v in vector) + ")"
