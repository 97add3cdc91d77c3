"""The canonical form of one definition: what it does, without comments, docstrings, annotations, names of locals.

The form is our own text over Python's syntax tree, in which fields that are empty leave nothing, so that a field that
a later Python adds changes none. A name that stands for something of the project is a number, and what it stands for
is told beside the text: where that lies, and what it is called, does not count.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from assets.code_versions.names import (
    Imported,
    Module,
    bind,
    bind_arguments,
    is_silent,
)

_LEFT_OUT = {"ctx", "kind", "type_comment", "annotation", "returns", "simple"}
_KEPT_ANNOTATIONS = (
    "ClassVar",
    "InitVar",
)  # that make a field of a class something else
Resolve = Callable[[Imported, tuple[str, ...]], "Found"]


@dataclass(frozen=True)
class Target:
    """A definition of the project by module and name; the whole module where the name is empty."""

    module: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.name}" if self.name else self.module


@dataclass(frozen=True)
class Found:
    """What a name stands for: a target, or a text; and the attributes that are left of it."""

    target: Target | None
    text: str = ""
    rest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A text in which `#n` is the n-th of the references; and classes that arguments and fields are said to hold,
    whose methods may be called."""

    text: str
    references: tuple[Target, ...]
    held: tuple[Target, ...]


@dataclass
class _Scope:
    """A function, comprehension or class whose names are looked up; `order` numbers locals as they are met."""

    number: int
    parent: _Scope | None
    local: set[str]
    imports: dict[str, Imported] = field(default_factory=dict)
    is_class: bool = False
    order: dict[str, int] = field(default_factory=dict)


def write_form(
    module: Module, statements: Iterable[ast.stmt], resolve: Resolve
) -> Form:
    """The form of statements at the top of a module. `resolve` says what an imported name stands for."""
    writer = _Writer(module, resolve)
    for statement in statements:
        writer.write(statement, None)
    return Form(
        "".join(writer.parts),
        tuple(writer.references),
        tuple(dict.fromkeys(writer.held)),
    )


def _leaves_nothing(statement: ast.stmt, scope: _Scope | None) -> bool:
    """Whether names say it all: imports and declarations; and what does nothing."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None and not (scope and scope.is_class)
    declares = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
    return isinstance(statement, declares) or is_silent(statement)


class _Writer:
    def __init__(self, module: Module, resolve: Resolve) -> None:
        self.parts: list[str] = []
        self.references: dict[Target, int] = {}
        self.held: list[Target] = []
        self._module = module
        self._resolve = resolve
        self._num_scopes = 0

    def write(self, node: object, scope: _Scope | None) -> None:
        """Add the form of a node."""
        match node:
            case ast.Name():
                self._write_name(node.id, (), scope)
            case ast.Attribute():
                self._write_attribute(node, scope)
            case ast.Constant():
                self._write_constant(node)
            case ast.JoinedStr():
                self._write_joined(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._write_function(node, scope)
            case ast.ClassDef():
                self._write_class(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._write_comprehension(node, scope)
            case ast.AnnAssign():
                self._write_annotated(node, scope)
            case ast.AST():
                self._write_fields(node, scope)
            case list():
                for one in node:
                    if isinstance(one, ast.stmt) and _leaves_nothing(one, scope):
                        continue
                    self.write(one, scope)
                    self.parts.append(",")
            case _:
                self.parts.append(ascii(node))

    def _write_fields(self, node: ast.AST, scope: _Scope | None) -> None:
        self.parts.append(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _LEFT_OUT or value is None or value == []:
                continue
            self.parts.append(f"{name}=")
            binds = name == "name" or (name == "rest" and isinstance(value, str))
            if binds and isinstance(value, str):
                self._write_name(value, (), scope)
            else:
                self.write(value, scope)
            self.parts.append(";")
        self.parts.append(")")

    # ---- names ---------------------------------------------------------------------------------------------------

    def _write_name(
        self, name: str, attributes: tuple[str, ...], scope: _Scope | None
    ) -> None:
        around = scope
        while around is not None:
            if name in around.imports:
                return self._write_found(
                    self._resolve(around.imports[name], attributes)
                )
            if name in around.local and (not around.is_class or around is scope):
                text = (
                    f"'{name}"
                    if around.is_class
                    else f"L{around.number}.{around.order.setdefault(name, len(around.order))}"
                )
                return self._write_found(Found(None, text, attributes))
            around = around.parent
        if name in self._module.statements:
            return self._write_found(
                Found(Target(self._module.name, name), "", attributes)
            )
        if name in self._module.imports:
            return self._write_found(
                self._resolve(self._module.imports[name], attributes)
            )
        return self._write_found(Found(None, f"B:{name}", attributes))

    def _write_found(self, found: Found) -> None:
        if found.target is None:
            self.parts.append(found.text)
        else:
            number = self.references.setdefault(found.target, len(self.references))
            self.parts.append(f"#{number}")
        self.parts += [f".{name}" for name in found.rest]

    def _write_attribute(self, node: ast.Attribute, scope: _Scope | None) -> None:
        attributes: list[str] = []
        base: ast.expr = node
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            return self._write_name(base.id, tuple(attributes), scope)
        self.write(base, scope)
        self.parts += [f".{name}" for name in attributes]

    # ---- values --------------------------------------------------------------------------------------------------

    def _write_constant(self, node: ast.Constant) -> None:
        self.parts.append(f"{type(node.value).__name__}:{node.value!a}")
        if not isinstance(node.value, str):
            return
        module, _, name = node.value.partition(":")
        parts = module.split(".")
        if len(parts) > 1 and all(part.isidentifier() for part in parts):
            # what is started or loaded by its name
            found = self._resolve(Imported(module), tuple(filter(None, [name])))
            if found.target is not None and not found.rest:
                self._write_found(found)

    def _write_joined(self, node: ast.JoinedStr, scope: _Scope | None) -> None:
        """An f-string; texts in it that follow each other are one."""
        text = ""
        self.parts.append("f(")
        for value in [*node.values, None]:
            if isinstance(value, ast.Constant):
                text += str(value.value)
                continue
            if text:
                self.parts.append(f"{text!a},")
                text = ""
            if value is not None:
                self.write(value, scope)
        self.parts.append(")")

    # ---- scopes --------------------------------------------------------------------------------------------------

    def _open_scope(
        self, parent: _Scope | None, arguments: list[str], body: Iterable[ast.AST]
    ) -> _Scope:
        found = bind(body, self._module.name, self._module.is_package)
        scope = _Scope(
            self._num_scopes,
            parent,
            {*arguments, *(found.stored - found.elsewhere)},
            {n: i for n, i in found.imports.items() if n not in found.stored},
        )
        self._num_scopes += 1
        return scope

    def _write_function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: _Scope | None,
    ) -> None:
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self.parts.append(
            "async(" if isinstance(node, ast.AsyncFunctionDef) else "def("
        )
        if not isinstance(node, ast.Lambda):
            if scope is not None:
                self._write_name(node.name, (), scope)
            self.parts.append("@")
            self.write(node.decorator_list, scope)
        arguments = node.args
        self.parts.append("=")
        self.write(arguments.defaults, scope)
        for default in arguments.kw_defaults:
            self.write(default, scope)
            self.parts.append(",")
        names = bind_arguments(arguments)
        inner = self._open_scope(scope, names, body)
        kinds = [
            len(arguments.posonlyargs),
            len(arguments.args),
            len(arguments.kwonlyargs),
        ]
        self.parts.append(
            f"{kinds}{arguments.vararg is not None}{arguments.kwarg is not None}"
        )
        for name in names:
            self._write_name(name, (), inner)
        for argument in ast.walk(arguments):
            if isinstance(argument, ast.arg) and argument.annotation:
                self._hold(argument.annotation, scope)
        self.parts.append(":")
        self.write(body, inner)
        self.parts.append(")")

    def _write_class(self, node: ast.ClassDef, scope: _Scope | None) -> None:
        if scope is not None and not scope.is_class:
            self._write_name(node.name, (), scope)
        self.parts.append(f"class {node.name}(")
        self.write(node.decorator_list, scope)
        self.write(node.bases, scope)
        self.write(node.keywords, scope)
        inner = self._open_scope(scope, [], node.body)
        inner.is_class = True
        self.parts.append(":")
        self.write(node.body, inner)
        self.parts.append(")")

    def _write_comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        scope: _Scope | None,
    ) -> None:
        self.parts.append(f"{type(node).__name__}(")
        self.write(node.generators[0].iter, scope)  # is looked up outside
        inner = self._open_scope(scope, [], [g.target for g in node.generators])
        for at, generator in enumerate(node.generators):
            self.parts.append("async for" if generator.is_async else "for")
            self.write(generator.target, inner)
            if at:
                self.write(generator.iter, inner)
            self.write(generator.ifs, inner)
        results = (
            [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        )
        self.write(results, inner)
        self.parts.append(")")

    # ---- annotations ---------------------------------------------------------------------------------------------

    def _write_annotated(self, node: ast.AnnAssign, scope: _Scope | None) -> None:
        """An assignment; in a class also a field without a value."""
        is_field = scope is not None and scope.is_class
        if is_field:
            self._hold(node.annotation, scope)
            kept = [k for k in _KEPT_ANNOTATIONS if k in ast.unparse(node.annotation)]
            self.parts.append(f"field{kept}")
        assigned = [] if node.value is None else [node.value]
        self.parts.append("Assign(targets=")
        self.write([node.target], scope)
        self.parts.append(";value=" * bool(assigned))
        for value in assigned:
            self.write(value, scope)
        self.parts.append(";)")

    def _hold(self, annotation: ast.expr, scope: _Scope | None) -> None:
        """Note the classes of the project that an annotation names: of what is passed in, methods may be called."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    self._hold(ast.parse(node.value, mode="eval").body, scope)
                except SyntaxError:
                    continue
            if isinstance(node, ast.Name):
                attributes: tuple[str, ...] = ()
                if node.id in self._module.statements:
                    self.held.append(Target(self._module.name, node.id))
                elif node.id in self._module.imports:
                    found = self._resolve(self._module.imports[node.id], attributes)
                    if found.target is not None and found.target.name:
                        self.held.append(found.target)
