"""The chart of a comparison: the difference over all frames, then that of each slice, with their intervals."""

from __future__ import annotations

from assets.comparison.models import Comparison
from assets.previews.differences import Span, differences_plot
from assets.previews.gallery import Draw, name_subject


def draw_differences(found: Comparison) -> Draw:
    """The whole first, then slices: what moved before what did not."""
    slices = [*found.moved, *(s for s in found.slices if not s.difference.has_moved)]
    spans = [
        Span(
            name,
            difference.value,
            (difference.interval.low, difference.interval.high)
            if difference.interval
            else None,
        )
        for name, difference in [
            ("all frames", found.whole),
            *((s.name, s.difference) for s in slices),
        ]
        if difference.value is not None
    ]
    models = f"{found.first_sha256[:8]} and {found.second_sha256[:8]}"
    subject = name_subject(f"{found.task} models {models}", found.release_id)
    return lambda theme: differences_plot(spans, found.metric, subject, theme)
