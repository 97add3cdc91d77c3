"""The order of the graph, from what each part declares that it comes after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter


def sort_by_after(after: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each behind all that it comes after; those that no order parts, by the alphabet.

    Raises ValueError for a name that nobody has, and for a circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, earlier in after.items():
        unknown = sorted(set(earlier) - after.keys())
        if unknown:
            raise ValueError(
                f"{name} comes after {', '.join(unknown)}, but there are only {', '.join(after)}"
            )
        sorter.add(name, *earlier)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(
            f"these come after each other: {', '.join(error.args[1])}"
        ) from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order
