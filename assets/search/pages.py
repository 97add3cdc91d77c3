"""The documentation as documents, a section each. It lies in a checkout, and not where Daguerre is installed alone.

Blocks of code are left out: what an example asks for would be found as if the home had it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from assets.search.document import Document, shorten

CHECKOUT = Path(__file__).resolve().parents[2]
_HEADING = re.compile(r"^(#{1,3}) +(.+?) *$")
_FENCE = "```"
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")


def list_pages(checkout: Path = CHECKOUT) -> Iterator[Document]:
    """Every section of every page, by path and anchor: `docs/limits.md#images`."""
    docs = checkout / "docs"
    if not docs.is_dir():
        return
    for path in [checkout / "README.md", *sorted(docs.rglob("*.md"))]:
        if path.is_file():
            name = path.relative_to(checkout).as_posix()
            yield from split_page(name, path.read_text(encoding="utf-8"))


def split_page(name: str, text: str) -> Iterator[Document]:
    """The sections of one page: what stands below a heading, up to the next. The first is the page itself."""
    title = name
    heading, anchor = "", ""
    lines: list[str] = []
    is_code = False
    for line in [*text.splitlines(), None]:
        found = None if line is None or is_code else _HEADING.match(line)
        if line is not None and found is None:
            is_fence = line.startswith(_FENCE)
            if not (is_code or is_fence):
                lines.append(line)
            is_code ^= is_fence
            continue
        body = "\n".join(lines).strip()
        if body:
            source = f"{name}#{anchor}" if anchor else name
            told = f"{title}: {heading}" if heading else title
            yield Document("page", source, None, told, shorten(body))
        lines = []
        if found and found[1] == "#":
            title, heading, anchor = found[2], "", ""
        elif found:
            heading, anchor = found[2], _name_anchor(found[2])


def _name_anchor(heading: str) -> str:
    """As Git hosts name it."""
    return _NOT_IN_ANCHOR.sub("", heading.lower()).replace(" ", "-")
