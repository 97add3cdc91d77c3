"""What names stand for: in a module, by its imports and definitions; in a function, by what it binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVES = (ast.Name, ast.Constant, ast.Load, ast.Store)
_BINDING = (
    *(ast.Import, ast.ImportFrom, ast.Name, *_FUNCTIONS, ast.ClassDef),
    *(ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
    *(ast.Global, ast.Nonlocal),
)
MAIN = "__main__"


@dataclass(frozen=True)
class Imported:
    """What an import binds: a module, or a name in one."""

    module: str
    name: str = ""


@dataclass
class Names:
    """What a block binds by its own statements, functions and classes inside left out."""

    imports: dict[str, Imported] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)  # declared global or nonlocal


@dataclass
class Module:
    """A parsed module: its imports, the statements behind each name, and those that bind none but do something."""

    name: str
    is_package: bool
    imports: dict[str, Imported]
    statements: dict[str, list[ast.stmt]]
    effects: list[ast.stmt]


def read_module(name: str, source: str, is_package: bool) -> Module:
    """Parse one. Raises SyntaxError."""
    module = Module(name, is_package, {}, {}, [])
    for statement in ast.parse(source).body:
        if is_silent(statement) or _asks_whether_main(statement):
            continue
        found = bind([statement], name, is_package)
        module.imports.update(found.imports)
        if _is_for_types(statement):
            continue
        for stored in found.stored:
            module.statements.setdefault(stored, []).append(statement)
        if not found.stored and not found.imports:
            module.effects.append(statement)
    return module


def is_silent(statement: ast.stmt) -> bool:
    """Whether it does nothing: docstrings, `pass`."""
    is_text = isinstance(statement, ast.Expr) and isinstance(
        statement.value, ast.Constant
    )
    return is_text or isinstance(statement, ast.Pass)


def bind(nodes: Iterable[ast.AST], module: str = "", is_package: bool = False) -> Names:
    """What statements of one block bind. `module` is where they stand, for relative imports."""
    names = Names()
    for node in nodes:
        for inner in _walk_block(node):
            _note(inner, names, module, is_package)
    return names


def bind_arguments(arguments: ast.arguments) -> list[str]:
    """The names of a function's arguments, in order."""
    found = [*arguments.posonlyargs, *arguments.args]
    found += [arguments.vararg] if arguments.vararg else []
    found += arguments.kwonlyargs
    found += [arguments.kwarg] if arguments.kwarg else []
    return [one.arg for one in found]


def _note(node: ast.AST, names: Names, module: str, is_package: bool) -> None:
    match node:
        case ast.Import():
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                names.imports[bound] = Imported(alias.name if alias.asname else bound)
        case ast.ImportFrom():
            source = _find_source(node, module, is_package)
            for alias in node.names:
                names.imports[alias.asname or alias.name] = Imported(source, alias.name)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            names.stored.add(node.id)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            names.stored.add(node.name)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            names.stored.add(name)
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            names.stored.add(name)
        case ast.Global() | ast.Nonlocal():
            names.elsewhere.update(node.names)


def _walk_block(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a block; of functions, classes and comprehensions inside only themselves and what `:=` binds."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind in _BINDING:
            yield node
        if kind in _SCOPES or kind in _LEAVES:
            continue
        if kind in _COMPREHENSIONS:
            yield from (
                n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)
            )
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting += [one for one in value if isinstance(one, ast.AST)]


def _find_source(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _is_for_types(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


def _asks_whether_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and MAIN in ast.unparse(statement.test)
