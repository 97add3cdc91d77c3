"""Whose word counts on a frame: that of label files which came for it, before that of the capture that recorded it."""

from __future__ import annotations

from collections.abc import Iterable


def choose_speakers(recorded_by: str, speakers: Iterable[str]) -> list[str]:
    """Of the captures that speak of a frame those that count, by id: others than its own where there are any.

    A person who was given the frame to label has seen it, and what was recorded with it too where that was shown.
    """
    found = set(speakers)
    return sorted(found - {recorded_by} or found)
