"""How rows of two readers are joined: what is equal, what is meant, and what nothing explains."""

from __future__ import annotations

from bench.prove.readers.allowances import FROM_ONE, REPEATED
from bench.prove.readers.compare import Comparison, compare
from bench.prove.readers.rows import Row


def box(*values: float, place: str = "a.png", name: str = "cup") -> Row:
    return Row(place, name, 0, values)


def count(found: Comparison) -> tuple[int, int, int, int]:
    return found.equal, found.differing, found.only_ours, found.only_theirs


def test_rows_are_joined_by_place_and_name():
    ours = [box(1, 2, 3, 4), box(5, 5, 6, 6), box(1, 2, 3, 4, place="b.png")]
    theirs = [box(1, 2, 3, 4), box(5, 5, 6, 7), box(1, 2, 3, 4, name="mug")]
    found = compare(ours, theirs)
    assert count(found) == (1, 1, 1, 1)
    (differing,) = [d for d in found.unexplained if d.ours and d.theirs]
    assert (differing.ours, differing.theirs) == (box(5, 5, 6, 6), box(5, 5, 6, 7))


def test_an_allowance_explains_only_what_it_says():
    ours = [box(10, 10, 20, 20), box(30, 30, 40, 40)]
    theirs = [box(9, 9, 20, 20), box(29, 29, 40, 41)]
    found = compare(ours, theirs, (FROM_ONE,))
    assert found.allowed == {FROM_ONE.name: 1}
    assert count(found) == (0, 1, 0, 0)


def test_a_repeated_row_is_meant_where_the_other_side_has_it_once():
    twice = [box(1, 2, 3, 4)] * 2
    found = compare(twice[:1], twice, (REPEATED,))
    assert found.allowed == {REPEATED.name: 1} and count(found) == (1, 0, 0, 0)
    assert count(compare([], twice, (REPEATED,))) == (0, 0, 0, 2)
    assert count(compare(twice, twice[:1], (REPEATED,))) == (1, 0, 1, 0)
