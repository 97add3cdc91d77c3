"""Which reasons name one cause: those that are alike but for the names, paths and numbers in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
AND_ALIKE = " (and the like)"  # behind one reason of several that name one cause
_NAMES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+|\S*/\S*")


def find_cause(reason: str) -> str:
    """The reason without what tells it from others of its cause."""
    return _NAMES.sub("#", reason)


def group_by_cause(
    items: Iterable[T], key: Callable[[T], tuple[str, ...]]
) -> list[list[T]]:
    """Items whose texts name the same causes, the largest group first, then in the order in which they come."""
    groups: dict[tuple[str, ...], list[T]] = {}
    for item in items:
        groups.setdefault(tuple(map(find_cause, key(item))), []).append(item)
    return sorted(groups.values(), key=len, reverse=True)
