"""Every table, in the order of the graph: readers, writers, checks, queries and erasures all rest on these schemas.

A module of this folder holds the tables of one stage: `AFTER`, the stages whose rows they are made from, and `TABLES`.
It is found by being there. Ids are the first 32 hex digits of a sha256 over content and source position, so a rerun
writes the same rows.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from assets.tables.schemas import tables as _own
from assets.tables.schemas.curation import EMBEDDING_DIM
from assets.tables.schemas.order import sort_by_after
from assets.tables.schemas.table import SESSION_KEY, Column, Table, content_id, to_table

__all__ = [
    "EMBEDDING_DIM",
    "SESSION_KEY",
    "TABLES",
    "Column",
    "Table",
    "content_id",
    "to_table",
]


def _find_stages() -> list[ModuleType]:
    modules = [
        import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)
    ]
    stages = {
        module.__name__.rpartition(".")[2]: module
        for module in modules
        if hasattr(module, "AFTER")
    }
    return [
        stages[name]
        for name in sort_by_after(
            {name: module.AFTER for name, module in stages.items()}
        )
    ]


def _collect(modules: list[ModuleType]) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for module in modules:
        for table in module.TABLES:
            if module.__name__ != f"{__name__}.{table.stage}":
                raise ValueError(
                    f"table '{table.name}' says stage {table.stage!r} and stands in {module.__name__}"
                )
            if table.name in tables:
                raise ValueError(
                    f"there are two tables '{table.name}', in {tables[table.name].declared_in} and {table.declared_in}"
                )
            tables[table.name] = table
    return tables


TABLES: dict[str, Table] = _collect([*_find_stages(), _own])
