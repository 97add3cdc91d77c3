"""What pages say that commands print, and how that is compared: numbers and ids are those of one machine."""

from __future__ import annotations

import re
from pathlib import Path

_PRINTED = re.compile(
    r"^```sh\n((?:(?!^```).)*)^```\n\n```text\n((?:(?!^```).)*)^```$",
    re.MULTILINE | re.DOTALL,
)
_ID = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}…?")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?")
_LINE = re.compile(r"([━─])\1+")  # of a table, as long as its widest cell
_SPACES = re.compile(r" +")


def read_printed(page: Path) -> dict[str, str]:
    """Body of each `sh` block of a page that has a `text` block below it -> that one's body."""
    return dict(_PRINTED.findall(page.read_text()))


def require_shown(printed: str, shown: str) -> None:
    """Raises AssertionError where a page does not show what was printed; behind `...` it leaves the line open."""
    lines = _without_numbers(printed)
    expected = _without_numbers(shown)
    for place, line in enumerate(expected[: len(lines)]):
        start, dots, end = line.partition("...")
        if dots and lines[place].startswith(start) and lines[place].endswith(end):
            lines[place] = line
    assert lines == expected


def _without_numbers(text: str) -> list[str]:
    """The lines of a text without what differs from machine to machine, nor how wide it makes a table."""
    for pattern, replacement in (
        (_ID, "ID"),
        (_NUMBER, "#"),
        (_LINE, r"\1"),
        (_SPACES, " "),
    ):
        text = pattern.sub(replacement, text)
    return [line.strip() for line in text.strip().splitlines()]
