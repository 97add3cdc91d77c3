"""Results on stdout: one JSON value, or text for people."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, NoReturn

import typer

from assets.foreign_text import for_line
from orchestration.log_lines import tell_failure

Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON value and nothing else on stdout."),
]


def say(as_json: bool, facts: Any, text: str) -> None:
    """Print the facts as JSON, or the text."""
    for part in write_json(facts) if as_json else [text]:
        sys.stdout.write(part)
    print()


def write_json(facts: Any, indent: str = "") -> Iterator[str]:
    """What `json.dumps(facts, indent=2, default=str)` returns, in parts: of a sequence of rows a row at a time."""
    # keys that are no text are made one by json
    is_dict = isinstance(facts, dict) and all(isinstance(key, str) for key in facts)
    if not facts or not (is_dict or _is_rows(facts)):
        facts = list(facts) if _is_rows(facts) else facts
        yield json.dumps(facts, indent=2, default=str).replace("\n", f"\n{indent}")
        return
    begin, end = "{}" if is_dict else "[]"
    inner = f"{indent}  "
    for number, item in enumerate(facts):
        yield f"{',' if number else begin}\n{inner}"
        if is_dict:
            yield f"{json.dumps(item)}: "
            yield from write_json(facts[item], inner)
        else:
            yield json.dumps(item, indent=2, default=str).replace("\n", f"\n{inner}")
    yield f"\n{indent}{end}"


def _is_rows(value: Any) -> bool:
    """Whether it is a `RowSequence`; its library is not loaded to ask."""
    return isinstance(value, Sequence) and not isinstance(
        value, str | bytes | list | tuple
    )


def say_error(reason: str, exit_code: int) -> None:
    """Print why a verb came to nothing, as its JSON value."""
    print(json.dumps({"error": reason, "exit_code": exit_code}, indent=2))


def refuse(as_json: bool, reason: str) -> NoReturn:
    """End a verb that has nothing to work on: the reason in one line, and exit code 1."""
    if as_json:
        say_error(reason, 1)
    tell_failure(for_line(reason))
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
        is_list = isinstance(inner, list) or _is_rows(inner)
        if is_list and inner and isinstance(inner[0], dict):
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
