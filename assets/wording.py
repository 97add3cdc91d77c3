"""Numbers with what they count, as people say them."""

from __future__ import annotations


def many(number: int, noun: str, plural: str = "") -> str:
    """'1 frame', '2 frames'; `plural` where it is not the noun with an s."""
    return f"{number} {name_many(number, noun, plural)}"


def name_many(number: int, noun: str, plural: str = "") -> str:
    """The noun alone: 'frame', 'frames'."""
    return noun if number == 1 else plural or f"{noun}s"
