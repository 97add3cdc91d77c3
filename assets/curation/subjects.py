"""Tell data sets of one home apart, so that each has a train, a val and a test part of its own.

Sessions are of one data set where they share a class of labels, or frames that look alike. So no cluster of
near-duplicates is in two of them, and sides that are dealt out in each leak nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from assets.curation.split import Frame, name_unit

# with fewer, one more or less on a side is more than the shares are about
_MIN_UNITS = 10
_REST = ("", "")  # no session and no class has this name


def part_by_subject(
    frames: Sequence[Frame], classes_of: Mapping[str, Collection[str]]
) -> list[list[Frame]]:
    """The frames of each data set, in their order; the first are of sessions without labels, and of data sets that are
    too small for parts of their own: fewer than ten recordings or pictures that differ.

    `classes_of`: session -> the classes of its labels.
    """
    leader: dict[tuple[str, str], tuple[str, str]] = {}

    def find(node: tuple[str, str]) -> tuple[str, str]:
        passed = []
        while leader.setdefault(node, node) != node:
            passed.append(node)
            node = leader[node]
        leader.update(dict.fromkeys(passed, node))  # a short way next time
        return node

    def join(one: tuple[str, str], other: tuple[str, str]) -> None:
        leader[find(one)] = find(other)

    for session in {frame.session for frame in frames}:
        names = classes_of.get(session, ())
        for name in names:
            join(("session", session), ("class", name))
        if not names:
            join(("session", session), _REST)
    for frame in frames:
        join(("session", frame.session), ("cluster", frame.cluster_id))
    found: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for frame in frames:
        found[find(("session", frame.session))].append(frame)
    rest = find(_REST)
    small = {
        subject
        for subject, members in found.items()
        if subject == rest or len(set(map(name_unit, members))) < _MIN_UNITS
    }
    whole = [members for subject, members in found.items() if subject not in small]
    pooled = [f for f in frames if find(("session", f.session)) in small]
    return [pooled, *whole]
