"""Every command that the product prints, in a message, a remedy or at the end of a training, is one that there is."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.exceptions import TyperException

from models.task_names import DATASET_NAMES
from orchestration.cli import app
from orchestration.cli.training_text import describe_training

CODE = Path(__file__).resolve().parents[2]
# what stands in place of an expression, and words that stand for something of the reader's
_HOLE = "HOLE"
_QUOTED = re.compile(r"`daguerre ([^`]*)`")


def find_commands() -> Iterator[tuple[str, str]]:
    """(file, command) for what stands between backticks in a string that is no docstring."""
    for folder in ("models", "assets", "checks", "orchestration"):
        for path in sorted((CODE / folder).rglob("*.py")):
            text = path.read_text()
            # most files print none, and to walk all of them takes seconds
            if "daguerre " not in text:
                continue
            for command in _find_commands_of(ast.parse(text)):
                yield str(path.relative_to(CODE)), command


def _find_commands_of(tree: ast.Module) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    left_out = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    } | {
        id(part)
        for node in nodes
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in nodes:
        if id(node) not in left_out:
            yield from _QUOTED.findall(_read_text(node))


def _read_text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _HOLE
            for part in node.values
        )
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def parse(command: str) -> None:
    """Find the verb and give it its words, without running it. Raises TyperException, as it would for a person."""
    words = shlex.split(
        command.partition(" > ")[0], comments=True
    )  # without what a shell does with the output
    verb: Any = typer.main.get_command(app)
    context = _open(verb, "daguerre")
    while words and hasattr(verb, "commands"):
        name, verb, words = verb.resolve_command(context, words)
        context = _open(verb, name, context)
    _, rest, _ = verb.make_parser(context).parse_args(list(words))
    assert not rest, f"{rest} is left of {command}"


def _open(verb: Any, name: str, parent: Any = None) -> Any:
    """A context that asks for no argument by now, and forgives no wrong one."""
    context = verb.make_context(name, [], parent=parent, resilient_parsing=True)
    context.resilient_parsing = False
    return context


COMMANDS = sorted(set(find_commands()))


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 40
    assert ("assets/retrieval/answers.py", "results") in COMMANDS


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_a_command_in_a_message_is_one_that_there_is(path: str, command: str) -> None:
    parse(command)


@pytest.mark.parametrize("task", DATASET_NAMES)
@pytest.mark.parametrize("is_champion", [True, False, None])
def test_what_comes_next_after_a_training_can_be_typed(
    task: str, is_champion: bool | None
) -> None:
    facts: dict[str, Any] = {
        "task": task,
        "success": True,
        "run_id": "0123456789abcdef",
        "error": "",
        "failed_checks": [],
    }
    if is_champion is not None:
        facts |= {
            "model_sha256": "ab" * 32,
            "recipe": f"base_{task}",
            "seed": 0,
            "is_champion": is_champion,
        }
    text = describe_training(facts)
    commands = re.findall(r"^(?:next)? +daguerre (.*)$", text, re.MULTILINE)
    assert commands
    for command in commands:
        parse(command)
    assert ("the champion judges" in text) <= bool(is_champion)


@pytest.mark.parametrize(
    "wrong", ["results detection", "status --deep", "quarantine mend", "predictt x"]
)
def test_a_command_that_there_is_not_is_told(wrong: str) -> None:
    with pytest.raises((TyperException, AssertionError)):
        parse(wrong)
