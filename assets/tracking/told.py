"""What is told of a session's tracks: counts, and how good they are where labels name theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.foreign_text import for_markdown
from assets.tables.rows import TrackedRecordingRow
from assets.tables.schemas.tracking import FIGURES
from assets.tracking.session import Tracked


def describe(done: Tracked) -> dict[str, Any]:
    """Facts of what was made, by name."""
    return {
        "rows": done.refreshed.summary,
        "tracks": done.num_tracks,
        "boxes put into gaps": done.num_filled,
        "recordings": len(done.recordings),
        "recordings without an answer": done.unanswered.num_open,
        "recordings of cameras that the model does not know": done.unanswered.num_foreign,
        "recordings without the camera's turns": done.num_steadied,
        "boxes count from": done.method.min_score,
    }


def list_figures(recordings: Sequence[TrackedRecordingRow]) -> str:
    """A table in Markdown of those that labels tell the truth of; "" where there is none."""
    told = [one for one in recordings if one["hota"] is not None]
    if not told:
        return ""
    names = [*FIGURES, "switches"]
    lines = [
        f"| recording | {' | '.join(map(str.upper, FIGURES))} | switches | true tracks |",
        f"|---|{'---:|' * (len(names) + 1)}",
    ]
    for one in told:
        shares = [f"{100 * one[name]:.2f}" for name in FIGURES]  # type: ignore[literal-required]
        cells = [*shares, str(one["switches"]), str(one["num_true_tracks"])]
        lines.append(f"| {for_markdown(one['sensor'])} | {' | '.join(cells)} |")
    return "\n".join(lines)
