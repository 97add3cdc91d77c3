"""What a query in PromQL asks for: its series and the functions around them, by the parser of Prometheus' grammar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser


@dataclass(frozen=True)
class Selected:
    """A series that a query asks for: its metric, by which labels, as it stands, and the functions around it."""

    name: str
    labels: frozenset[str]
    text: str
    within: frozenset[str]


def list_selected(query: str) -> list[Selected]:
    """All that a query asks for. Raises ValueError where it is no PromQL."""
    return list(_walk(promql_parser.parse(query), frozenset()))


def _walk(node: Any, within: frozenset[str]) -> Iterator[Selected]:
    if isinstance(node, promql_parser.VectorSelector):
        labels = frozenset(one.name for one in node.matchers.matchers)
        yield Selected(node.name, labels, node.prettify(), within)
        return
    if isinstance(node, promql_parser.Call):
        within |= {node.func.name}
    for part in ("expr", "lhs", "rhs", "vector_selector"):
        if hasattr(node, part):
            yield from _walk(getattr(node, part), within)
    for argument in getattr(node, "args", ()):
        yield from _walk(argument, within)
