"""Names that are one class in two spellings: `Car` and `car`, `traffic light` and `traffic_light`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def find_spellings(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different names that differ in case, spaces, underscores and hyphens alone, each sorted."""
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[_BETWEEN_WORDS.sub("", name.casefold())].add(name)
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)
