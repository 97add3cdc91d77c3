"""The terms of a release as a card says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from assets.cards import Block, tabulate
from assets.terms.statements import today


def list_terms(
    rows: Sequence[Mapping[str, Any]], day: date | None = None
) -> tuple[Block, ...]:
    """Under which terms the frames of the release are, as they were when it was made: rows of `release_terms`.

    A consent that is over on the day, None: today, allows nothing any more.
    """
    if not rows:
        return ("Not known: the release was made before terms were kept.",)
    on = day or today()
    each = [set(_list_purposes(row, on)) for row in rows]
    purposes = ", ".join(sorted(set.intersection(*each))) or "nothing that all allow"
    head = ("session", "frames", "licence", "purposes", "until")
    return (
        f"All of it may be used for: {purposes}.",
        tabulate(head, (_tell_terms(row, on) for row in rows)),
    )


def _list_purposes(row: Mapping[str, Any], on: date) -> Sequence[str]:
    return () if _is_over(row, on) else row["purposes"] or ()


def _is_over(row: Mapping[str, Any], on: date) -> bool:
    return row["until_day"] is not None and row["until_day"] < on.isoformat()


def _tell_terms(row: Mapping[str, Any], on: date) -> tuple[str | int, ...]:
    unstated = row["objection"] or "not stated"
    none = "none any more" if _is_over(row, on) else unstated
    return (
        "/".join(filter(None, (row["session"], row["path"]))),
        row["num_frames"],
        row["licence"] or unstated,
        ", ".join(_list_purposes(row, on)) or none,
        row["until_day"] or "no end is stated",
    )
