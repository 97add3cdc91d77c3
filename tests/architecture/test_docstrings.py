"""Every public function says what it does, or what it implements says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("assets", "checks", "daguerre", "models", "orchestration")
# methods of torch.nn.Module and of io.RawIOBase say nothing of their own
IMPLEMENTED = {"forward", "read", "seek", "tell", "seekable", "readable"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_functions(tree: ast.Module) -> Iterator[tuple[str | None, Function]]:
    """The public functions of a module, and of its public classes with the name of the class."""
    for node in tree.body:
        if isinstance(node, Function):
            yield None, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from ((node.name, n) for n in node.body if isinstance(n, Function))


def test_every_public_function_says_what_it_does():
    described, silent = set(IMPLEMENTED), []
    for path in sorted(p for room in ROOMS for p in (CHECKOUT / room).rglob("*.py")):
        for owner, function in list_functions(ast.parse(path.read_text())):
            if function.name.startswith("_"):
                continue
            if not ast.get_docstring(function):
                place = f"{path.relative_to(CHECKOUT)}:{function.lineno}"
                silent.append((place, owner, function.name))
            elif owner:
                described.add(function.name)
    assert described > IMPLEMENTED
    assert [s for s in silent if s[1] is None or s[2] not in described] == []
