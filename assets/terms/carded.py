"""The terms of a release as a card says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assets.cards import Block, tabulate


def list_terms(rows: Sequence[Mapping[str, Any]]) -> tuple[Block, ...]:
    """Under which terms the frames of the release are, as they were when it was made: rows of `release_terms`."""
    if not rows:
        return ("Not known: the release was made before terms were kept.",)
    each = [set(row["purposes"] or ()) for row in rows]
    purposes = ", ".join(sorted(set.intersection(*each))) or "nothing that all allow"
    head = ("session", "frames", "licence", "purposes", "until")
    return (
        f"All of it may be used for: {purposes}.",
        tabulate(head, map(_tell_terms, rows)),
    )


def _tell_terms(row: Mapping[str, Any]) -> tuple[str | int, ...]:
    return (
        "/".join(filter(None, (row["session"], row["path"]))),
        row["num_frames"],
        row["licence"] or "not stated",
        ", ".join(row["purposes"] or ()) or "not stated",
        row["until_day"] or "no end is stated",
    )
