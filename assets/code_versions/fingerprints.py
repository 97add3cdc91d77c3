"""The fingerprint of what makes rows: of its functions and classes, and of all of the project that they use.

Followed are names: of functions, classes (taken whole) and constants of the project, also where they are imported
inside a function, named by a text ("assets.sandbox.guard_child"), or where a class stands in the annotation of an
argument or a field. A module that is used as a value is taken whole. Not followed are libraries, of which the dotted
names count, and the walls: what keeps rows, and does not make them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assets.code_versions.forms import Form, Found, Target, write_form
from assets.code_versions.names import Imported, Module, read_module
from assets.code_versions.tree import ROOMS, Tree

# what keeps rows and bytes, hands them on, or compares versions; schemas have versions of their own
WALLS = (
    *("assets.tables", "assets.storage", "assets.ledger", "assets.disk"),
    *("assets.spill", "assets.addresses", "assets.code_versions", "assets.worker"),
    *("assets.workspace", "assets.run_log", "assets.landing"),
    # confinement lets a decoder do less, and makes it answer nothing else
    *("assets.sandbox.confinement", "assets.sandbox.landlock"),
    *("assets.sandbox.seccomp", "assets.sandbox.child_process"),
    "assets.capture.versions",
)
# in those folders, and part of what rows hold
BESIDE_WALLS = frozenset({"assets.tables.rows", "assets.tables.class_list"})
_EFFECTS = "<effects>"
_OF_MODULES = {"__name__", "__file__", "__path__", "__doc__"}
_LENGTH = 32  # hex digits of a fingerprint


@dataclass(frozen=True)
class Fingerprint:
    """What a maker does. `parts`: definition -> hash of its own form, for who wants to know which one differs."""

    value: str
    parts: Mapping[str, str]

    def list_differences(self, other: Fingerprint) -> list[str]:
        """The definitions that differ from those of another, are new, or are gone, in order."""
        names = {*self.parts, *other.parts}
        return sorted(n for n in names if self.parts.get(n) != other.parts.get(n))


class Project:
    """The modules of one tree, parsed as they are asked for."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._modules: dict[str, Module | None] = {}
        self._forms: dict[Target, Form] = {}

    def take_fingerprint(self, entries: Iterable[str]) -> Fingerprint | None:
        """Of `entries`, each "module:name"; None where the tree lacks one of them.

        Definitions are numbered as they are met: their names and places do not count.
        """
        order: dict[Target, int] = {}
        for entry in entries:
            module, _, name = entry.partition(":")
            found = self.resolve(Imported(module, name), ())
            if found.target is None or found.rest:
                return None
            order.setdefault(found.target, len(order))
        digest = hashlib.sha256()
        parts = {}
        todo = list(order)
        for target in todo:  # grows as it is walked
            form = self._form(target)
            used = [*form.references, *form.held]
            for one in used:
                if one not in order:
                    order[one] = len(order)
                    todo.append(one)
            numbers = ",".join(str(order[one]) for one in used)
            digest.update(f"{form.text}\n{numbers}\n".encode())
            parts[str(target)] = hashlib.sha256(form.text.encode()).hexdigest()[:16]
        return Fingerprint(digest.hexdigest()[:_LENGTH], parts)

    def list_made(self, entry: str) -> list[str]:
        """The classes, each "module:name", that a tuple of the project makes things of, as READERS does; in order."""
        module, _, name = entry.partition(":")
        parsed = self.module(module)
        made = []
        for statement in parsed.statements.get(name, []) if parsed else []:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    found = self.resolve(Imported(module, node.func.id), ())
                    if found.target is not None:
                        made.append(str(found.target))
        return made

    def read_text(self, entry: str, attribute: str) -> str | None:
        """The text that a class gives one of its attributes, itself or by a constant; None where it gives none."""
        module, _, name = entry.partition(":")
        parsed = self.module(module)
        for statement in parsed.statements.get(name, []) if parsed else []:
            block = (
                statement.body if isinstance(statement, ast.ClassDef) else [statement]
            )
            for node in block:
                if isinstance(node, ast.Assign) and attribute in map(
                    ast.unparse, node.targets
                ):
                    return self._evaluate(node.value, module)
        return None

    def _evaluate(self, node: ast.expr, module: str) -> str | None:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if not isinstance(node, ast.Name):
            return None
        found = self.resolve(Imported(module, node.id), ()).target
        return None if found is None else self.read_text(str(found), found.name)

    def module(self, name: str) -> Module | None:
        """A module; None where there is no such one."""
        if name not in self._modules:
            found = self.tree.read(name) if name.split(".")[0] in ROOMS else None
            self._modules[name] = (
                None if found is None else read_module(name, found[0], found[1])
            )
        return self._modules[name]

    def resolve(self, imported: Imported, attributes: tuple[str, ...]) -> Found:
        """What an import and the attributes behind it stand for."""
        name, rest = imported.module, [*filter(None, [imported.name]), *attributes]
        seen = set()
        while True:
            if name.split(".")[0] not in ROOMS:
                return Found(None, "X:" + ".".join([name, *rest]))
            if _is_wall(name):
                return Found(None, "W:" + ".".join([name, *rest]))
            module = self.module(name)
            if module is None or (name, *rest) in seen:
                return Found(None, "U:" + ".".join([name, *rest]))
            seen.add((name, *rest))
            if not rest:
                return Found(Target(name))
            first = rest[0]
            if first in module.statements:
                return Found(Target(name, first), "", tuple(rest[1:]))
            if first in module.imports:
                onward = module.imports[first]
                name, rest = onward.module, [*filter(None, [onward.name]), *rest[1:]]
            elif self.module(f"{name}.{first}") is not None:
                name, rest = f"{name}.{first}", rest[1:]
            elif first in _OF_MODULES:
                return Found(None, f"D:{first}", tuple(rest[1:]))
            else:
                return Found(None, "U:" + ".".join([name, *rest]))

    def _form(self, target: Target) -> Form:
        if target not in self._forms:
            self._forms[target] = self._write_form(target)
        return self._forms[target]

    def _write_form(self, target: Target) -> Form:
        module = self.module(target.module)
        assert module is not None, target
        effects = (Target(target.module, _EFFECTS),) if module.effects else ()
        if target.name == _EFFECTS:
            return write_form(module, module.effects, self.resolve)
        if not target.name:
            names = tuple(Target(module.name, name) for name in module.statements)
            return Form("module", (*names, *effects), ())
        form = write_form(module, module.statements[target.name], self.resolve)
        held = tuple(one for one in form.held if self._is_class(one))
        return Form(form.text, form.references, (*held, *effects))

    def _is_class(self, target: Target) -> bool:
        module = self.module(target.module)
        assert module is not None, target
        found = module.statements.get(target.name, [])
        return any(isinstance(one, ast.ClassDef) for one in found)


def _is_wall(module: str) -> bool:
    is_in = any(f"{module}.".startswith(f"{wall}.") for wall in WALLS)
    return is_in and module not in BESIDE_WALLS
