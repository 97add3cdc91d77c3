"""Results on stdout: one JSON value, or text for people."""

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import typer

from assets.foreign_text import for_line

Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON value and nothing else on stdout."),
]


def say(as_json: bool, facts: Any, text: str) -> None:
    """Print the facts as JSON, or the text."""
    print(json.dumps(facts, indent=2, default=str) if as_json else text)


def say_error(reason: str, exit_code: int) -> None:
    """Print why a verb came to nothing, as its JSON value."""
    print(json.dumps({"error": reason, "exit_code": exit_code}, indent=2))


def refuse(as_json: bool, reason: str) -> NoReturn:
    """End a verb that has nothing to work on: the reason in one line, and exit code 1."""
    if as_json:
        say_error(reason, 1)
    print(f"daguerre: {for_line(reason)}", file=sys.stderr)
    raise typer.Exit(1)


def join_lines(lines: Iterable[str]) -> str:
    """Lines below each other, each for a terminal."""
    return "\n".join(map(for_line, lines))


def shorten(value: Any, limit: int = 60) -> str:
    """The value for a terminal, of at most `limit` characters."""
    text = "" if value is None else for_line(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def format_bytes(count: float) -> str:
    """2048 -> '2.0 KiB'."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def draw_tree(value: Any, indent: str = "", limit: int = 12) -> str:
    """Nested facts, one a line; long lists are cut and say so."""
    lines = []
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            lines.append(f"{indent}{name}: {len(inner)}")
            lines += [
                f"{indent}  - "
                + ", ".join(
                    f"{k} {shorten(v, 40)}" for k, v in row.items() if v is not None
                )
                for row in inner[:limit]
            ]
            lines += [f"{indent}  ... {len(inner) - limit} more: --json prints all"] * (
                len(inner) > limit
            )
        elif isinstance(inner, dict):
            lines += [f"{indent}{name}", draw_tree(inner, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {shorten(inner, 100)}")
    return "\n".join(lines)
