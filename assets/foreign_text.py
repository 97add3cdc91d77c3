"""Text from outside, such as a class or a file name, in each place where people read it: shown, and nothing more.

Values that others compute with (rows, JSON, tags) stay as they came. HTML is made by templates that escape all values.
"""

from __future__ import annotations

import re

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = frozenset("\\`*_[]|~")
# renderers make links of such words without any mark
_LINKED = re.compile(r"://|www\.|@", re.IGNORECASE)
# what begins a heading, a list or a rule where it is the first of a line
_BLOCK = re.compile(r"(\d+(?=[.)])|)([.)](?= |$)|#|[-+=](?=[-= ]|$))")


def for_line(text: object) -> str:
    """For a terminal or a log: one line, with escapes for all that is not printable, so that nothing moves a cursor."""
    return "".join(c if c.isprintable() else _name_character(c) for c in str(text))


def for_markdown(text: object) -> str:
    """For one line or table cell of Markdown: no markup, no HTML, no link; words that look like addresses are code."""
    words = [_show_word(word) for word in str(text).split()]
    line = " ".join(words)
    mark = _BLOCK.match(line)
    return f"{mark[1]}\\{line[mark.start(2) :]}" if mark else line


def from_markdown(text: str) -> str:
    """The words behind what `for_markdown` gave, for another place, which shows them by its own rule."""
    plain = re.sub(r"\\(.)|`", lambda match: match[1] or "", text)
    for character, entity in reversed(_ENTITIES.items()):
        plain = plain.replace(entity, character)
    return plain


def for_plot(text: object) -> str:
    """For matplotlib, which reads what stands between two dollars as mathematics, and fails where it is none."""
    return str(text).replace("$", r"\$")


def _name_character(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()


def _show_word(word: str) -> str:
    # a code span may hold neither of these, in a table
    parts = re.split(r"([\\`|])", for_line(word))
    return "".join(f"`{p}`" if _LINKED.search(p) else _escape(p) for p in parts)


def _escape(text: str) -> str:
    return "".join(f"\\{c}" if c in _MARKS else _ENTITIES.get(c, c) for c in text)
