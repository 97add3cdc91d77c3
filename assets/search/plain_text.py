"""The words of a page without the marks of Markdown, as an excerpt shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def strip_marks(markdown: str) -> str:
    """Words, code and cells of tables, a block a line; of a link its words, of a picture what stands in its place."""
    return "\n".join(filter(None, _list_blocks(_open_parser().parse(markdown))))


@cache
def _open_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def _list_blocks(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "inline":
            yield "".join(_list_words(token.children or ()))
        elif token.type in ("fence", "code_block"):
            yield token.content.strip()


def _list_words(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.type in ("text", "code_inline", "image"):
            yield token.content
