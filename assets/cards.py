"""A card as a value: titled sections of sentences, lists and tables; as Markdown and as JSON, equal for equal facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from assets.foreign_text import for_markdown

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Grid:
    """A table: cells are text, numbers or None, which stands for what was not measured."""

    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: tuple[str, ...]


Block: TypeAlias = str | Bullets | Grid


@dataclass(frozen=True)
class Section:
    """One heading, and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Card:
    """A whole card."""

    title: str
    sections: tuple[Section, ...]

    def to_markdown(self) -> str:
        """As a page. What strangers have written is no markup in it."""
        parts = [f"# {for_markdown(self.title)}"]
        for section in self.sections:
            parts += [f"## {section.title}", *map(draw_block, section.blocks)]
        return "\n\n".join(parts) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "title": self.title,
            "sections": [
                {"title": s.title, "blocks": [_describe(b) for b in s.blocks]}
                for s in self.sections
            ],
        }


def tabulate(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Grid:
    """A table of rows."""
    return Grid(tuple(head), tuple(map(tuple, rows)))


def draw_block(block: Block) -> str:
    """As Markdown."""
    if isinstance(block, str):
        return for_markdown(block)
    if isinstance(block, Bullets):
        return "\n".join(f"- {for_markdown(line)}" for line in block.lines)
    cells = [[for_markdown(_show(cell)) for cell in row] for row in block.rows]
    lines = [list(block.head), ["---"] * len(block.head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _show(cell: Any) -> str:
    if cell is None:
        return NOT_MEASURED
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def _describe(block: Block) -> dict[str, Any]:
    if isinstance(block, str):
        return {"text": block}
    if isinstance(block, Bullets):
        return {"list": list(block.lines)}
    return {"columns": list(block.head), "rows": [list(row) for row in block.rows]}
